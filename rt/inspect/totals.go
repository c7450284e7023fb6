package inspect

import (
	"errors"
	"maps"
	"slices"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/stats"
)

// Totals returns the numbers of calls that the singleton's daemons have left in its
// directory: up to the exit of the last one, or up to a minute ago if one runs or was
// killed. The methods that were called are in the order of their names, without mode and
// signature. Totals returns none if there is no such file, or one that no daemon wrote. The
// error says that the file cannot be read: that of a service is for its own user.
func (d *Daemon) Totals() ([]rt.MethodStatus, error) {
	data, err := d.dir.ReadStats()
	if errors.Is(err, rundir.ErrAbsent) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	file, err := stats.Parse(data)
	if err != nil || file.Service != d.Service {
		return nil, nil // the next daemon begins at zero
	}
	var methods []rt.MethodStatus
	for _, name := range slices.Sorted(maps.Keys(file.Methods)) {
		n := file.Methods[name]
		methods = append(methods, rt.MethodStatus{
			Name: name, Calls: n.Calls, Errors: n.Errors, Failed: n.Failed, Refused: n.Refused, Received: n.Received, Sent: n.Sent,
			Ran: n.Ran, Waited: n.Waited, RunTimes: n.RunTimes, WaitTimes: n.WaitTimes,
		})
	}
	return methods, nil
}
