package rt

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

// holdings are what a connection has acquired and not yet ended. When the
// connection ends, the daemon ends all of it in the client's place.
type holdings struct {
	mu   sync.Mutex
	held []holding // the oldest first
	over bool      // the connection has ended: nothing is added any more
}

// holding is one acquisition: how it ends.
type holding struct {
	end  int    // the number of the method that ends it
	args string // that method's arguments, encoded
}

// noArguments is the encoding of an empty list of arguments.
const noArguments = "\x80"

// add notes an acquisition. It reports false when the connection has ended, so
// that whoever asked must end the holding itself.
func (s *holdings) add(h holding) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.held = append(s.held, h)
	}
	return !s.over
}

// take forgets an acquisition, the latest of equal ones, and reports whether
// there was one. Who has taken it ends it: the end of the connection, which may
// come at any time, will not end it again.
func (s *holdings) take(h holding) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, held := range slices.Backward(s.held) {
		if held == h {
			s.held = slices.Delete(s.held, i, i+1)
			return true
		}
	}
	return false
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
	ends     *holding // what ends; nil: nothing
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
func (d *daemon) claim(f wire.Frame) *claim {
	if d.roles == nil {
		return nil
	}
	r := d.roles[f.Method]
	var c claim
	if r.end >= 0 {
		c.acquires = &holding{end: r.end, args: noArguments}
		if r.endArgs {
			c.acquires.args = string(f.Body)
		}
	}
	if r.ends {
		c.ends = &holding{end: int(f.Method), args: string(f.Body)}
	}
	return &c
}

// errNotHeld refuses a call that would end what its connection has not acquired:
// what somebody else holds, or what the last object held before it was lost. The
// method itself might do anything then; a sync.Mutex ends the process.
var errNotHeld = errors.New("this connection does not hold what the call would give back: it was acquired through another one, or lost with the daemon")

// begin is called right before the method. What the call is to end is taken out
// of the holdings first, lest the end of the connection ends it as well.
func (s *holdings) begin(c *claim) error {
	if c != nil && c.ends != nil && !s.take(*c.ends) {
		return errNotHeld
	}
	return nil
}

// settle is called when the method has returned, before the reply. What a caller
// has acquired who is gone, or no longer waits for the answer, is ended at once.
func (s *serverConn) settle(c *servedCall) {
	if c.claim == nil || !c.run.Begun() {
		return
	}
	if c.run.Failed {
		if c.claim.ends != nil && !s.holdings.add(*c.claim.ends) {
			s.d.end(*c.claim.ends)
		}
		return
	}
	if c.claim.acquires == nil {
		return
	}
	ended := c.run.Context().Err()
	if ended == nil && c.failed == nil && s.holdings.add(*c.claim.acquires) {
		return
	}
	s.d.end(*c.claim.acquires)
	if c.failed == nil {
		c.failed = &wire.Failure{Code: wire.FailureCanceled, Executed: true}
		if errors.Is(ended, context.DeadlineExceeded) {
			c.failed.Code = wire.FailureDeadline
		}
	}
}

// endAll ends what a connection that is gone still holds.
func (s *serverConn) endAll() {
	for _, h := range slices.Backward(s.holdings.close()) {
		s.d.end(h)
	}
}

// end calls a method in the place of the client that should have called it. It
// counts as a call that runs: the daemon stays until it has returned.
func (d *daemon) end(h holding) {
	d.begun()
	go func() { // ends with the method
		defer d.ended()
		m := &d.svc.Methods[h.end]
		if err := d.serveEnd(m, h.args); err != nil {
			d.log.Error("cannot end what a client that is gone had acquired", "method", m.Name, "err", err)
		}
	}()
}

// ending is the host of a call that ends a holding: it takes no turn.
type ending struct{ ctx context.Context }

func (e ending) Context() context.Context { return e.ctx }
func (ending) Turn() error                { return nil }

func (d *daemon) serveEnd(m *stub.Method, body string) (err error) {
	args, err := stub.NewDecoder(d.svc, []byte(body))
	if err != nil {
		return err
	}
	run := stub.MakeRun(ending{d.ctx}, stub.Caller{}, args, stub.NewEncoder(d.svc, d.limits.frame))
	err = errors.New("runtime.Goexit was called")
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panicked: %v\n%s", v, debug.Stack())
		}
	}()
	m.Serve(&run, d.object)
	if err = run.Err(); err == nil && run.Failed {
		err = errors.New("it failed")
	}
	return err
}
