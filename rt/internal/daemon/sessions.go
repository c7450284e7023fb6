package daemon

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/usercode"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

// held is what a connection has acquired and not yet ended. When the
// connection ends, the daemon ends all of it in the client's place.
type held struct {
	mu   sync.Mutex
	list []acquisition // in the order in which the client was told
	over bool          // the connection has ended: nothing is added any more
}

// acquisition says how something that a call has acquired ends.
type acquisition struct {
	end  int    // the number of the method that ends it
	args string // that method's arguments, encoded
	call uint64 // the id of the acquiring call
}

// noArguments is the encoding of an empty list of arguments.
const noArguments = "\x80"

// add notes an acquisition. It returns false when the connection has ended: then the
// daemon ends the acquisition itself.
func (s *held) add(h acquisition) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.list = append(s.list, h)
	}
	return !s.over
}

// take forgets an acquisition that a call of the client ends, the oldest of equal
// ones, and returns nil if there is none. The call that has taken it ends it: the end
// of the connection, which may come at any time, will not end it again.
//
// The oldest is one that the client has been told of: to end n of equal ones it has
// read at least n answers, it reads answers in the order of held, and for each of them
// that it took for a failure an abandon came before. So an abandon never finds its
// acquisition taken by another caller.
func (s *held) take(equal acquisition) *acquisition {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.remove(func(h acquisition) bool { return h.end == equal.end && h.args == equal.args })
}

// abandon forgets what a call acquired whose caller was told that it failed, and
// returns nil if that is nothing. The caller of abandon ends it.
func (s *held) abandon(call uint64) *acquisition {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.remove(func(h acquisition) bool { return h.call == call })
}

// remove removes the first acquisition that is meant. s.mu is held.
func (s *held) remove(meant func(acquisition) bool) *acquisition {
	i := slices.IndexFunc(s.list, meant)
	if i < 0 {
		return nil
	}
	h := s.list[i]
	s.list = slices.Delete(s.list, i, i+1)
	return &h
}

// close says that the connection has ended, and returns what is left to be ended.
func (s *held) close() []acquisition {
	s.mu.Lock()
	defer s.mu.Unlock()
	held := s.list
	s.list, s.over = nil, true
	return held
}

// effect is what a call acquires and ends for its connection.
type effect struct {
	acquires *acquisition // what is acquired if the method succeeds; nil: nothing
	ends     *acquisition // what ends, once begin has taken it; nil: nothing
}

// methodEffect is what a method does for sessions.
type methodEffect struct {
	end     int  // the number of the method that ends what this one acquires, or -1
	endArgs bool // that method takes the same arguments
	ends    bool // it ends what others acquire
}

// effectsOf returns the effects of a service's methods by number, or nil if there
// are none.
func effectsOf(svc *stub.Service) []methodEffect {
	var effects []methodEffect
	for i, m := range svc.Methods {
		end := slices.IndexFunc(svc.Methods, func(other stub.Method) bool { return other.Name == m.End })
		if end < 0 {
			continue
		}
		if effects == nil {
			effects = slices.Repeat([]methodEffect{{end: -1}}, len(svc.Methods))
		}
		effects[i].end, effects[i].endArgs = end, m.EndArgs
		effects[end].ends = true
	}
	return effects
}

// effect returns the effect of a call, or nil for a method that has none.
func (d *Daemon) effect(f wire.Frame) *effect {
	if d.effects == nil {
		return nil
	}
	r := d.effects[f.Method]
	var c effect
	if r.end >= 0 {
		c.acquires = &acquisition{end: r.end, args: noArguments, call: f.ID}
		if r.endArgs {
			c.acquires.args = string(f.Body)
		}
	}
	if r.ends {
		c.ends = &acquisition{end: int(f.Method), args: string(f.Body)}
	}
	return &c
}

// begin is called right before the method. It takes what the call ends out of the
// held first, so that the end of the connection does not end it as well.
func (s *held) begin(c *effect) error {
	if c == nil || c.ends == nil {
		return nil
	}
	if c.ends = s.take(*c.ends); c.ends == nil {
		return wire.ErrNotHeld
	}
	return nil
}

// settle is called when the method has returned, right before the answer is queued,
// with s.mu held: what is noted as held is what the client is told. An acquisition is
// given back, and the call fails, if its caller has given up by then, or if the daemon
// is leaving: others who held the same may have lost it for that reason alone, and have
// not been told.
func (s *serverConn) settle(c *servedCall) {
	switch {
	case !c.run.Begun():
	case c.run.Failed:
		if c.effect.ends != nil && !s.held.add(*c.effect.ends) {
			s.d.end(*c.effect.ends)
		}
	case c.effect.acquires != nil:
		ended := c.over(time.Now())
		select {
		case <-s.d.departing:
			ended = errDraining
		default:
		}
		if ended == nil && c.failed == nil && s.held.add(*c.effect.acquires) {
			return
		}
		s.d.end(*c.effect.acquires)
		if c.failed == nil {
			c.failed = givenBack(ended)
		}
	}
}

// givenBack describes a call whose acquisition was given back because of ended. To a
// caller whose daemon leaves it is as if it had not been executed, so that it acquires
// from the next one.
func givenBack(ended error) *wire.Failure {
	switch ended {
	case errDraining:
		return &wire.Failure{Code: wire.FailureDraining}
	case context.DeadlineExceeded:
		return &wire.Failure{Code: wire.FailureDeadline, Executed: true}
	}
	return &wire.Failure{Code: wire.FailureCanceled, Executed: true}
}

// endAll ends what a connection that is gone still holds.
func (s *serverConn) endAll() {
	for _, h := range slices.Backward(s.held.close()) {
		s.d.end(h)
	}
}

// end calls a method in the place of the client that should have called it. It
// counts as a running call that has lost its caller.
func (d *Daemon) end(h acquisition) {
	d.addRunning()
	m := &d.svc.Methods[h.end]
	orphan := d.addOrphan(m.Name, m.Mode, 0)
	go func() { // ends with the method
		defer d.removeRunning(orphan)
		if err := d.serveEnd(m, h.args); err != nil {
			d.log.Error("cannot end what a client that is gone had acquired", "method", cut.Name(m.Name), "err", usercode.Text(err))
		}
	}()
}

// ending is the host of a call that ends an acquisition: it takes no turn.
type ending struct{ ctx context.Context }

func (e ending) Context() context.Context { return e.ctx }
func (ending) Turn() error                { return nil }

func (d *Daemon) serveEnd(m *stub.Method, body string) (err error) {
	args, err := stub.NewDecoder(d.svc, []byte(body))
	if err != nil {
		return err
	}
	run := stub.MakeRun(ending{d.ctx}, stub.Caller{}, args, stub.NewEncoder(d.svc, d.limits.frame))
	err = errors.New("runtime.Goexit was called")
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panicked: %s\n%s", usercode.Text(v), debug.Stack())
		}
	}()
	m.Serve(&run, d.object)
	if err = run.Err(); err == nil && run.Failed {
		err = errors.New("it failed")
	}
	return err
}
