package daemon

import (
	"time"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

// Parts are told of connections and calls in order, and of the end of calls in the
// opposite order. Sessions come first, so their End runs last. It sees a failure that
// another part has returned for a successful call: after a failure the client holds
// nothing.

// makeParts returns the parts of a daemon.
func (d *Daemon) makeParts() (parts []stub.Part) {
	if effects := effectsOf(d.svc); effects != nil {
		parts = append(parts, &sessions{d, effects})
	}
	if d.svc.Part != nil {
		parts = append(parts, d.svc.Part())
	}
	return parts
}

// connectParts tells the parts of a connection that was admitted.
func (s *serverConn) connectParts() {
	for _, p := range s.d.parts {
		s.parts = append(s.parts, p.Connect(s.send))
	}
	s.reader.Unknown = s.d.svc.Part != nil
}

// offer passes the frame to the parts in order, and reports whether one has handled it.
func (s *serverConn) offer(f wire.Frame) bool {
	for _, p := range s.parts {
		if p.Frame(f) {
			return true
		}
	}
	return false
}

// unknown handles a frame of a kind that the core does not know.
func (s *serverConn) unknown(f wire.Frame) {
	if !s.offer(f) {
		s.refuse(f.ID, wire.FailureUnsupported, f.Kind.String()+" is not for the daemon")
	}
}

// refusal is the error of a call that a part has refused.
type refusal struct{ failure *wire.Failure }

// Error returns the text of the failure.
func (r refusal) Error() string { return r.failure.Text }

// beginParts tells the parts that the method is about to be called.
func (c *servedCall) beginParts() error {
	for _, p := range c.s.parts {
		if f := p.Begin(c.forParts()); f != nil {
			return refusal{f}
		}
		c.begunParts++
	}
	return nil
}

// endParts tells the parts that have let the call begin that it has ended. s.mu is held.
func (c *servedCall) endParts() {
	for ; c.begunParts > 0; c.begunParts-- {
		call := c.forParts()
		call.Failure, call.Over = c.failed, c.over(time.Now())
		if f := c.s.parts[c.begunParts-1].End(call); f != nil {
			c.failed = f
		}
	}
}

// forParts describes the call for a part.
func (c *servedCall) forParts() stub.PartCall {
	return stub.PartCall{ID: c.id, Method: c.number, Request: c.request, Run: &c.run}
}

// closeParts tells the parts that the connection has ended.
func (s *serverConn) closeParts() {
	for _, p := range s.parts {
		p.Close()
	}
}

// partLines returns the lines of the parts in the status.
func (d *Daemon) partLines() (lines []string) {
	for _, p := range d.parts {
		if line := p.Status(); line != "" {
			lines = append(lines, cut.Printable(line))
		}
	}
	return lines
}
