package inspect

import (
	"errors"
	"maps"
	"slices"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/stats"
)

// Totals are the numbers that the daemons of a singleton have left.
type Totals struct {
	Methods            []rt.MethodStatus // those that were called, by name, without mode and signature
	Starts             map[string]uint64 // as in rt.Status
	RefusedConnections map[string]uint64 // as in rt.Status
}

// Totals returns the numbers that the singleton's daemons have left in its directory: up to
// the exit of the last one, or up to a minute ago if one runs or was killed. Totals returns
// none if there is no such file, or one that no daemon wrote. The error says that the file
// cannot be read: that of a service is for its own user.
func (d *Daemon) Totals() (Totals, error) {
	data, err := d.dir.ReadStats()
	if errors.Is(err, rundir.ErrAbsent) {
		return Totals{}, nil
	}
	if err != nil {
		return Totals{}, err
	}
	file, err := stats.Parse(data)
	if err != nil || file.Service != d.Service {
		return Totals{}, nil // the next daemon begins at zero
	}
	totals := Totals{Starts: file.Starts, RefusedConnections: file.RefusedConnections}
	for _, name := range slices.Sorted(maps.Keys(file.Methods)) {
		n := file.Methods[name]
		totals.Methods = append(totals.Methods, rt.MethodStatus{
			Name: name, Calls: n.Calls, Errors: n.Errors, Failed: n.Failed, Refused: n.Refused, Received: n.Received, Sent: n.Sent,
			Ran: n.Ran, Waited: n.Waited, RunTimes: n.RunTimes, WaitTimes: n.WaitTimes,
		})
	}
	return totals, nil
}
