package host

import (
	"bytes"
	"errors"
	"time"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/stats"
)

// totalsPeriod is the time between two writes of the file of totals while the daemon runs:
// a killed daemon loses the numbers since the last one.
const totalsPeriod = time.Minute

// totals is the file in which daemons leave the numbers of their calls to their successors.
// Nothing else depends on it.
type totals struct {
	content []byte    // of the file, as far as this daemon knows
	written time.Time // when that was last compared with the numbers
	unread  bool      // the file may have numbers that this process could not read; then it is not replaced
}

// readTotals reads what the earlier daemons of the directory have left. The numbers begin at
// zero if there is nothing, or if it is damaged or about another type.
func (h *Host) readTotals() {
	t := &h.totals
	t.written = time.Now()
	data, err := h.dir.ReadStats()
	absent := errors.Is(err, rundir.ErrAbsent)
	if t.unread = err != nil && !absent; t.unread {
		h.slog.Warn("the numbers of calls are not written until the file with those of earlier daemons can be read", "because", cut.Printable(err.Error()))
	}
	if err != nil {
		return
	}
	file, err := stats.Parse(data)
	switch {
	case err != nil:
		h.slog.Warn("the numbers of calls begin at zero", "because", cut.Printable(err.Error()))
	case file.Service == h.endpoint.Service:
		h.d.IncludeTotals(file.Totals)
	}
	t.content = data
}

// writeTotals writes the numbers if any has changed. An error is logged: the next write may
// succeed.
func (h *Host) writeTotals() {
	if h.totals.unread {
		h.readTotals()
	}
	h.totals.written = time.Now()
	if h.totals.unread {
		return
	}
	data, err := stats.Encode(h.endpoint.Service, h.d.Totals())
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

// notStarted counts a start that has failed because of err, and returns err.
func (h *Host) notStarted(err error) error {
	h.d.CountFailedStart()
	h.writeTotals()
	return err
}
