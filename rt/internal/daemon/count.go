package daemon

import (
	"time"

	"github.com/loopgen/loopgen/rt/internal/stats"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

// newTable returns the counters of a service's methods.
func newTable(svc *stub.Service) *stats.Table {
	var names []string
	for i := range svc.Methods {
		names = append(names, svc.Methods[i].Name)
	}
	return stats.New(names)
}

// count counts the call, and notes whether its method is fast. reply calls it before it
// sends, so that a client with the reply finds the call counted, and before the turn is
// released, which changes the ticket.
func (c *servedCall) count() {
	counters := c.s.d.stats.Method(c.number)
	if !c.run.Begun() {
		if c.failed != nil {
			counters.Refused(c.failed.Code)
		}
		return
	}
	ran := time.Since(c.ticket.since)
	if fast := ran <= maxInlineTime; fast != c.ticket.fast.Load() {
		c.ticket.fast.Store(fast)
	}
	sent := 0
	if c.failed == nil {
		sent = len(c.reply.Bytes) - wire.Room
	}
	switch {
	case c.failed != nil:
		counters.Failed(c.failed.Code)
	case c.run.Erred:
		counters.Error()
	default:
		counters.OK()
	}
	counters.Executed(ran, c.ticket.since.Sub(c.arrived), len(c.request), sent)
}

// countRefused counts a call that accept refuses.
func (d *Daemon) countRefused(f wire.Frame, code wire.FailureCode) {
	if f.Target == 0 && int(f.Method) < len(d.svc.Methods) { // otherwise it is no call of a method
		d.stats.Method(int(f.Method)).Refused(code)
	}
}

// Totals returns what Status says of methods, starts and refused connections. It may be
// called concurrently.
func (d *Daemon) Totals() stats.Totals { return d.stats.All() }

// IncludeTotals adds the totals of the singleton's earlier daemons. It may be called
// concurrently.
func (d *Daemon) IncludeTotals(before stats.Totals) { d.stats.Include(before) }

// CountFailedStart counts the start of a daemon that never serves. Open counts any other.
func (d *Daemon) CountFailedStart() { d.stats.Started(false) }
