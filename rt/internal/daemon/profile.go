package daemon

import (
	"context"
	"slices"

	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

// Profiler makes profiles of this process. Package rt/profile sets it when it is initialised.
// It is nil in a program that does not import that package.
var Profiler interface {
	// Label returns a function that runs serve with the name of a method as a label.
	Label(method string, serve func(*stub.Run, any)) func(*stub.Run, any)
	// Profile returns a profile, or the failure with which the request is answered. It
	// may be called concurrently.
	Profile(ctx context.Context, kind string, seconds int) ([]byte, *wire.Failure)
}

// labelled returns the methods that calls use: those of the service, with labels if there is
// a Profiler. A call without one does not differ from a call in a program that knows none.
func labelled(methods []stub.Method) []stub.Method {
	if Profiler == nil {
		return methods
	}
	methods = slices.Clone(methods)
	for i := range methods {
		methods[i].Serve = Profiler.Label(methods[i].Name, methods[i].Serve)
	}
	return methods
}

// profile answers a request for a profile. The connection is read meanwhile: its end stops
// the profile.
func (s *serverConn) profile(id uint64, kind string, seconds int) {
	if Profiler == nil {
		s.refuse(id, wire.FailureUnsupported, `not linked: import _ "github.com/loopgen/loopgen/rt/profile" in the daemon's program`)
		return
	}
	go func() { // ends with the profile or the connection
		data, failure := Profiler.Profile(s.ctx, kind, seconds)
		if failure != nil {
			s.refuse(id, failure.Code, failure.Text)
			return
		}
		s.answerStatus(id, wire.Profile{Profile: data})
	}()
}
