package process

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// ExitUnclaimed is the exit status of a child whose program never claimed it.
const ExitUnclaimed = 71

// claimTimeout is how long the deadman waits for the claim.
const claimTimeout = 10 * time.Second

// ErrForged says that the marker is set but its pipes are missing: this process was not
// started by Start. The caller exits: otherwise the program would run in a way that the user
// has not asked for.
var ErrForged = errors.New("LOOPGEN_DAEMON is set, but its start pipes are missing: unset it")

// inherited is the parent of this process. It is set before main, and constant after that.
var inherited struct {
	parent *Parent
	err    error
}

// The marker is removed from the environment before code runs that could start other
// processes. Leaked descriptors are closed before code runs that could open its own.
func init() {
	value, ok := os.LookupEnv(markerVariable)
	if !ok {
		return
	}
	os.Unsetenv(markerVariable)
	inherited.parent, inherited.err = inherit(value)
}

func inherit(value string) (*Parent, error) {
	m, err := parseMarker(value)
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", ErrForged, err)
	}
	payload, report, err := settle(m)
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", ErrForged, err)
	}
	p := &Parent{payload: payload, report: report}
	p.deadman = time.AfterFunc(claimTimeout, func() {
		fmt.Fprintf(os.Stderr, "loopgen: this process was started as a daemon, but its main did not ask for it within %v; call rt.ServeIfDaemon first in main\n", claimTimeout)
		os.Exit(ExitUnclaimed)
	})
	return p, nil
}

// Inherited returns the parent if this process was started by Start, and nil if it was not.
// The error matches ErrForged if the marker is set but was not set by Start. The results
// are the same at every call. Inherited may be called concurrently.
func Inherited() (*Parent, error) { return inherited.parent, inherited.err }
