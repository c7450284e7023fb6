package host

import (
	"bytes"
	"errors"
	"log/slog"
	"time"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/daemon"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/start"
	"github.com/loopgen/loopgen/rt/internal/stats"
)

// totalsPeriod is the time between two writes of the file of totals while the daemon runs:
// a killed daemon loses the numbers since the last one.
const totalsPeriod = time.Minute

// totals is the file in which daemons leave the numbers of their calls to their successors.
// Nothing else depends on it.
type totals struct {
	before  map[string]stats.Numbers
	content []byte // of the file, as far as this daemon knows
	written time.Time
}

// readTotals reads what the earlier daemons of the directory have left. If that cannot be
// used, or is about another type, the numbers begin at zero.
func readTotals(dir *rundir.Dir, service string, log *slog.Logger) *totals {
	t := &totals{written: time.Now()}
	data, err := dir.ReadStats()
	if err == nil {
		var file stats.File
		if file, err = stats.Parse(data); err == nil {
			t.content = data
			if file.Service == service {
				t.before = file.Methods
			}
		}
	}
	if err != nil && !errors.Is(err, rundir.ErrAbsent) {
		log.Warn("the numbers of calls begin at zero", "because", cut.Printable(err.Error()))
	}
	return t
}

// options is OptionsOf with the numbers of earlier daemons.
func (t *totals) options(req start.Request, e *rundir.Endpoint, log *slog.Logger) daemon.Options {
	o := OptionsOf(req, e, log)
	o.Before = t.before
	return o
}

// writeTotals writes the numbers if any has changed. An error is logged: the next write may
// succeed.
func (h *Host) writeTotals() {
	h.totals.written = time.Now()
	all := h.d.Totals()
	if len(all) == 0 {
		return // no call was counted: no file
	}
	data, err := stats.Encode(h.endpoint.Service, all)
	if err == nil && !bytes.Equal(data, h.totals.content) {
		err = h.lock.WriteStats(data)
	}
	switch {
	case err == nil:
		h.totals.content = data
	case !errors.Is(err, rundir.ErrLost): // the successor has the directory
		h.slog.Warn("cannot write the numbers of calls", "err", err)
	}
}
