// Package profile lets the daemons of a program make profiles of themselves, for the command
// loopctl profile and for Profile of package rt/inspect. Import it for that alone, in the
// program that becomes the daemon:
//
//	import _ "github.com/loopgen/loopgen/rt/profile"
//
// A program without it does not link runtime/pprof. The samples of a CPU profile have the
// label method, with the name of the method whose call runs, also in the goroutines that the
// method starts. A method that calls pprof.Do loses the label when Do returns. Only the
// daemon's own user and root get profiles.
package profile

import (
	"bytes"
	"context"
	"runtime"
	"runtime/pprof"
	"sync"
	"time"

	"github.com/loopgen/loopgen/rt/internal/daemon"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

func init() { daemon.Profiler = new(profiler) }

// profiler makes one profile at a time: the runtime has one CPU profile, and the settings of
// the others belong to the process.
type profiler struct{ making sync.Mutex }

// Label returns serve with a label for the goroutine that runs it. The label is made once: a
// call only sets and removes it.
func (*profiler) Label(method string, serve func(*stub.Run, any)) func(*stub.Run, any) {
	labelled := pprof.WithLabels(context.Background(), pprof.Labels("method", method))
	return func(run *stub.Run, target any) {
		pprof.SetGoroutineLabels(labelled)
		defer pprof.SetGoroutineLabels(context.Background())
		serve(run, target)
	}
}

// Profile makes a profile, in the format of pprof. It stops early when ctx ends.
func (p *profiler) Profile(ctx context.Context, kind string, seconds int) ([]byte, *wire.Failure) {
	if seconds < 1 || seconds > wire.MaxProfileSeconds {
		return nil, &wire.Failure{Code: wire.FailureBadArguments, Text: "a profile takes 1 to 300 seconds"}
	}
	if !p.making.TryLock() {
		return nil, &wire.Failure{Code: wire.FailureInUse, Text: "a profile is being made"}
	}
	defer p.making.Unlock()
	var data bytes.Buffer
	var err error
	switch kind {
	case "cpu":
		if err := pprof.StartCPUProfile(&data); err != nil {
			return nil, &wire.Failure{Code: wire.FailureInUse, Text: err.Error()} // the program profiles itself
		}
		wait(ctx, seconds)
		pprof.StopCPUProfile()
	case "heap":
		runtime.GC() // the profile has the allocations up to the last collection
		err = pprof.WriteHeapProfile(&data)
	case "mutex":
		if runtime.SetMutexProfileFraction(-1) == 0 { // otherwise the program has chosen
			runtime.SetMutexProfileFraction(1)
			defer runtime.SetMutexProfileFraction(0)
		}
		wait(ctx, seconds)
		err = pprof.Lookup("mutex").WriteTo(&data, 0)
	default:
		return nil, &wire.Failure{Code: wire.FailureBadArguments, Text: "profiles are cpu, heap and mutex"}
	}
	switch {
	case err != nil:
		return nil, &wire.Failure{Code: wire.FailureNotEncodable, Text: err.Error()}
	case data.Len() > wire.MaxProfile:
		return nil, &wire.Failure{Code: wire.FailureTooLarge, Text: "the profile has more than 16 MiB"}
	}
	return data.Bytes(), nil
}

// wait waits for some seconds, or until ctx ends.
func wait(ctx context.Context, seconds int) {
	timer := time.NewTimer(time.Duration(seconds) * time.Second)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
