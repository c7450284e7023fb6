package daemon

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/usercode"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

// sessions is the part of the core by which a connection holds the acquisitions of its
// calls. When the connection ends, the daemon calls the methods that end these
// acquisitions on behalf of the client.
type sessions struct {
	d       *Daemon
	methods []methodEffect // by number
}

// Connect returns the list of the connection's acquisitions.
func (p *sessions) Connect(func(wire.Frame)) stub.PartConn {
	return &held{sessions: p, running: make(map[uint64]effect)}
}

// Status has nothing to add.
func (*sessions) Status() string { return "" }

// held has the acquisitions of a connection that have not ended.
type held struct {
	*sessions

	mu      sync.Mutex
	list    []acquisition     // in the order in which the client was told
	over    bool              // the connection has ended: nothing is added any more
	running map[uint64]effect // of the calls that run, by id
}

// acquisition is something that a call has acquired, with the call that will end it.
type acquisition struct {
	end  int    // the number of the method that ends it
	args string // that method's arguments, encoded
	call uint64 // the id of the acquiring call
}

// noArguments is the encoding of an empty list of arguments.
const noArguments = "\x80"

// add notes an acquisition. It returns false when the connection has ended: then the
// caller of add ends the acquisition.
func (s *held) add(h acquisition) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.list = append(s.list, h)
	}
	return !s.over
}

// take removes an acquisition that a call of the client ends, the oldest of equal ones,
// and returns nil if there is none. The call that has taken it ends it: the end of the
// connection, which may come at any time, does not end it again.
//
// The client knows of the oldest one. To end n equal acquisitions it has read at least n
// answers. It reads answers in the order of the list. If one of these answers was a
// failure for the client, its abandon arrived before this call. So an abandon never finds
// its acquisition taken by another caller.
func (s *held) take(equal acquisition) *acquisition {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.remove(func(h acquisition) bool { return h.end == equal.end && h.args == equal.args })
}

// abandon removes the acquisition of a call that has failed for its caller, and returns
// nil if there is none. The caller of abandon ends it.
func (s *held) abandon(call uint64) *acquisition {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.remove(func(h acquisition) bool { return h.call == call })
}

// remove removes the first acquisition for which meant returns true. s.mu is held.
func (s *held) remove(meant func(acquisition) bool) *acquisition {
	i := slices.IndexFunc(s.list, meant)
	if i < 0 {
		return nil
	}
	h := s.list[i]
	s.list = slices.Delete(s.list, i, i+1)
	return &h
}

// close notes that the connection has ended, and returns the remaining acquisitions.
// The caller of close ends them.
func (s *held) close() []acquisition {
	s.mu.Lock()
	defer s.mu.Unlock()
	held := s.list
	s.list, s.over = nil, true
	return held
}

// effect has the acquisitions that a call adds to the list and takes from it.
type effect struct {
	acquires *acquisition // added if the method succeeds; nil: nothing
	ends     *acquisition // taken from the list when the method began; nil: nothing
}

// methodEffect is the effect that each call of a method has on the list.
type methodEffect struct {
	end     int  // the number of the method that ends an acquisition of this one; -1: this one acquires nothing
	endArgs bool // the method with that number takes the same arguments
	ends    bool // this method ends acquisitions of others
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

// Begin takes the acquisition that the call ends out of the list, so that the end of the
// connection does not end it as well.
func (s *held) Begin(c stub.PartCall) *wire.Failure {
	m := s.methods[c.Method]
	var e effect
	if m.ends {
		e.ends = s.take(acquisition{end: c.Method, args: string(c.Request)})
		if e.ends == nil {
			return &wire.Failure{Code: wire.FailureNotHeld, Text: wire.ErrNotHeld.Error()}
		}
	}
	if m.end >= 0 {
		e.acquires = &acquisition{end: m.end, args: noArguments, call: c.ID}
		if m.endArgs {
			e.acquires.args = string(c.Request) // now: the method may overwrite the request
		}
	}
	if e != (effect{}) {
		s.mu.Lock()
		s.running[c.ID] = e
		s.mu.Unlock()
	}
	return nil
}

// End adds the acquisition of the call to the list. The answer is queued under the same
// lock of the connection, so the list has the order of the answers. An acquisition is
// ended, and the call fails, if its caller has given up by then, or if the daemon shuts
// down: other clients that held the same may have lost it only because of the shutdown,
// and do not know yet.
func (s *held) End(c stub.PartCall) *wire.Failure {
	s.mu.Lock()
	e := s.running[c.ID]
	delete(s.running, c.ID)
	s.mu.Unlock()
	switch {
	case !c.Run.Begun() || c.Run.Failed:
		if e.ends != nil && !s.add(*e.ends) {
			s.d.end(*e.ends)
		}
	case e.acquires != nil:
		over := c.Over
		select {
		case <-s.d.shuttingDown:
			over = errDraining
		default:
		}
		if over == nil && c.Failure == nil && s.add(*e.acquires) {
			return nil
		}
		s.d.end(*e.acquires)
		if c.Failure == nil {
			return failureOfEnded(over)
		}
	}
	return nil
}

// Frame handles an abandon: the call has failed for its caller, so its acquisition is
// ended. A call that still runs was canceled before, so End ends its acquisition.
func (s *held) Frame(f wire.Frame) bool {
	if f.Kind != wire.KindAbandon {
		return false
	}
	if a := s.abandon(f.ID); a != nil {
		s.d.end(*a)
	}
	return true
}

// Close ends the remaining acquisitions, the latest first.
func (s *held) Close() {
	for _, a := range slices.Backward(s.close()) {
		s.d.end(a)
	}
}

// failureOfEnded describes a call whose acquisition was ended because of cause. If the
// daemon shuts down, the caller is told that the call was not executed, and acquires from
// the next daemon.
func failureOfEnded(cause error) *wire.Failure {
	switch cause {
	case errDraining:
		return &wire.Failure{Code: wire.FailureDraining}
	case context.DeadlineExceeded:
		return &wire.Failure{Code: wire.FailureDeadline, Executed: true}
	}
	return &wire.Failure{Code: wire.FailureCanceled, Executed: true}
}

// end calls the method that ends an acquisition, on behalf of the client. The call counts
// as a running call that has lost its caller.
func (d *Daemon) end(h acquisition) {
	d.addRunning()
	m := &d.svc.Methods[h.end]
	orphan := d.addOrphan(m.Name, m.Mode, 0)
	go func() { // ends with the method
		defer d.removeRunning(orphan)
		if err := d.serveEnd(m, h.args); err != nil {
			d.log.Error("cannot end an acquisition of a client that is gone", "method", cut.Name(m.Name), "err", usercode.Text(err))
		}
	}()
}

// ending is the stub.Host of a call that ends an acquisition. The method of such a call is
// concurrent, so the call does not wait for the turn.
type ending struct{ ctx context.Context }

func (e ending) Context() context.Context { return e.ctx }
func (ending) Turn() error                { return nil }

// serveEnd calls the method m with encoded arguments, without a client.
func (d *Daemon) serveEnd(m *stub.Method, body string) (err error) {
	args, err := stub.NewDecoder(d.svc, []byte(body))
	if err != nil {
		return err
	}
	run := stub.MakeRun(ending{d.ctx}, m, args, stub.NewEncoder(d.svc, d.limits.frame))
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
