package host

import (
	"errors"
	"fmt"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/process"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/self"
	"github.com/loopgen/loopgen/rt/internal/start"
	"github.com/loopgen/loopgen/rt/internal/value"
)

// explainUnknown completes err, an error of decoding arguments in this process, whose
// endpoint is e. The client's user reads the text, so "this program" is the client's.
func explainUnknown(err error, e *rundir.Endpoint) error {
	unknown, ok := errors.AsType[*value.UnknownTypeError](err)
	switch {
	case !ok:
		return err
	case unknown.Differs:
		return fmt.Errorf("%w, of which the daemon (pid %d) runs %s; %s", err, e.PID, process.Executable(), start.Replacing(e.Scope, e.Name))
	}
	if self.ServesInInit.Load() {
		return fmt.Errorf("%w, which is that of the daemon (pid %d), %s; it serves from the init function of %s and has what was registered before: call rt.RegisterType for the type in that package, or in one that it imports",
			err, e.PID, process.Executable(), cut.Name(e.Service))
	}
	return fmt.Errorf("%w, which is that of the daemon (pid %d), %s; if the daemon is of an older build, %s; else call rt.RegisterType for the type in an init function",
		err, e.PID, process.Executable(), start.Replacing(e.Scope, e.Name))
}
