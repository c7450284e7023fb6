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

// holdings are what a connection has acquired and not yet ended. When the
// connection ends, the daemon ends all of it in the client's place.
type holdings struct {
	mu   sync.Mutex
	held []holding // in the order in which the client was told
	over bool      // the connection has ended: nothing is added any more
}

// holding is one acquisition: how it ends, and the call that made it.
type holding struct {
	end  int    // the number of the method that ends it
	args string // that method's arguments, encoded
	call uint64 // the id of the acquiring call
}

// noArguments is the encoding of an empty list of arguments.
const noArguments = "\x80"

// add notes an acquisition. It returns false when the connection has ended: then the
// daemon ends the acquisition itself.
func (s *holdings) add(h holding) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.held = append(s.held, h)
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
func (s *holdings) take(equal holding) *holding {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.remove(func(h holding) bool { return h.end == equal.end && h.args == equal.args })
}

// abandon forgets what a call acquired whose caller was told that it failed, and
// returns nil if that is nothing. The caller of abandon ends it.
func (s *holdings) abandon(call uint64) *holding {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.remove(func(h holding) bool { return h.call == call })
}

// remove removes the first holding that is meant. s.mu is held.
func (s *holdings) remove(meant func(holding) bool) *holding {
	i := slices.IndexFunc(s.held, meant)
	if i < 0 {
		return nil
	}
	h := s.held[i]
	s.held = slices.Delete(s.held, i, i+1)
	return &h
}

// close says that the connection has ended, and returns what is left to be ended.
func (s *holdings) close() []holding {
	s.mu.Lock()
	defer s.mu.Unlock()
	held := s.held
	s.held, s.over = nil, true
	return held
}

// claim is what a call means to its connection's holdings.
type claim struct {
	acquires *holding // what is acquired if the method succeeds; nil: nothing
	ends     *holding // what ends, once begin has taken it; nil: nothing
}

// role is what a method does for sessions.
type role struct {
	end     int  // the number of the method that ends what this one acquires, or -1
	endArgs bool // that method takes the same arguments
	ends    bool // it ends what others acquire
}

// rolesOf returns the roles of a service's methods by number, or nil if there
// are none.
func rolesOf(svc *stub.Service) []role {
	var roles []role
	for i, m := range svc.Methods {
		end := slices.IndexFunc(svc.Methods, func(other stub.Method) bool { return other.Name == m.End })
		if end < 0 {
			continue
		}
		if roles == nil {
			roles = slices.Repeat([]role{{end: -1}}, len(svc.Methods))
		}
		roles[i].end, roles[i].endArgs = end, m.EndArgs
		roles[end].ends = true
	}
	return roles
}

// claim returns the claim of a call, or nil for a method that has no role.
func (d *Daemon) claim(f wire.Frame) *claim {
	if d.roles == nil {
		return nil
	}
	r := d.roles[f.Method]
	var c claim
	if r.end >= 0 {
		c.acquires = &holding{end: r.end, args: noArguments, call: f.ID}
		if r.endArgs {
			c.acquires.args = string(f.Body)
		}
	}
	if r.ends {
		c.ends = &holding{end: int(f.Method), args: string(f.Body)}
	}
	return &c
}

// begin is called right before the method. It takes what the call ends out of the
// holdings first, so that the end of the connection does not end it as well.
func (s *holdings) begin(c *claim) error {
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
		if c.claim.ends != nil && !s.holdings.add(*c.claim.ends) {
			s.d.end(*c.claim.ends)
		}
	case c.claim.acquires != nil:
		ended := c.over(time.Now())
		select {
		case <-s.d.departing:
			ended = errDraining
		default:
		}
		if ended == nil && c.failed == nil && s.holdings.add(*c.claim.acquires) {
			return
		}
		s.d.end(*c.claim.acquires)
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
	for _, h := range slices.Backward(s.holdings.close()) {
		s.d.end(h)
	}
}

// end calls a method in the place of the client that should have called it. It
// counts as a running call that has lost its caller.
func (d *Daemon) end(h holding) {
	d.begun()
	m := &d.svc.Methods[h.end]
	orphan := d.orphan(m.Name, m.Mode, 0)
	go func() { // ends with the method
		defer d.ended(orphan)
		if err := d.serveEnd(m, h.args); err != nil {
			d.log.Error("cannot end what a client that is gone had acquired", "method", cut.Name(m.Name), "err", usercode.Text(err))
		}
	}()
}

// ending is the host of a call that ends a holding: it takes no turn.
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
