package inspect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// ErrProfiling says that the daemon makes another profile at the moment: try again later.
var ErrProfiling = errors.New("another profile is being made")

// errNoProfiles says that a daemon answered with its status.
var errNoProfiles = errors.New("the daemon was built with a version of loopgen that makes no profiles; restart it with a newer build")

// Profile lets the daemon make a profile of itself and returns it, in the format of pprof.
// The kind is cpu, heap or mutex; those of cpu and mutex are about the given time, 1 to 300
// seconds. The end of ctx stops the profile. Profile does not postpone the daemon's idle
// exit.
//
// The daemon's program must import package rt/profile: otherwise the error says so. It wraps
// ErrProfiling while another profile is made. Only the daemon's own user and root get
// profiles: for other users it wraps rt.ErrNotAllowed. Other errors are those of Status.
func (d *Daemon) Profile(ctx context.Context, kind string, seconds int) ([]byte, error) {
	question, err := wire.Marshal(wire.StatusRequest{Ask: wire.AskProfile, Profile: kind, Seconds: seconds})
	if err != nil {
		return nil, err
	}
	patience := connectTimeout + time.Duration(min(seconds, wire.MaxProfileSeconds))*time.Second
	answer, err := d.askWithin(ctx, patience, wire.Frame{Kind: wire.KindStatus, ID: 1, Body: question})
	var refused refusalError
	switch {
	case errors.As(err, &refused) && refused.code == wire.FailureInUse:
		return nil, fmt.Errorf("%w: %w", ErrProfiling, err)
	case err != nil:
		return nil, d.explain(ctx, err)
	}
	var profile wire.Profile
	if err := wire.UnmarshalOpen(answer.Body, &profile); err != nil || len(profile.Profile) == 0 {
		return nil, errNoProfiles
	}
	return profile.Profile, nil
}
