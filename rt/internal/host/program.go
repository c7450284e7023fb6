package host

import (
	"errors"
	"fmt"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/process"
	"github.com/loopgen/loopgen/rt/internal/start"
	"github.com/loopgen/loopgen/rt/stub"
)

// serviceOf returns the service that the request names. It fails if this process is not
// the program that the client meant: the program must have the build ID that the client
// saw, and must contain the service with the client's constructor.
func serviceOf(req *start.Request, build string) (*stub.Service, error) {
	ours, err := process.Build()
	if err != nil {
		return nil, err
	}
	svc := stub.Lookup(req.Service)
	switch commanded := len(req.Program) > 0; {
	case build != ours && commanded:
		return nil, fmt.Errorf("%s, which Config.Command names, is not what runs as its daemon, %s: name the program itself, not a script that starts it; if it was replaced just now, try again", req.Program, process.Executable())
	case build != ours: // on systems that cannot execute the client's own image
		return nil, errors.New("the program's file was replaced since the client was started: start the client again")
	case svc == nil && commanded:
		return nil, fmt.Errorf("%s, which Config.Command names, does not serve %s: let it import that package; of a generic type it must declare the instance, as what ShareT returns, in a package-level var", req.Program, cut.Name(req.Service))
	case svc == nil:
		return nil, fmt.Errorf("%s, started as a daemon, does not serve %s: what its ShareT returns must be a package-level var, whatever arguments and environment the program has", process.Executable(), cut.Name(req.Service))
	}
	if svc.Constructor != req.Constructor {
		return svc, fmt.Errorf("%s, which Config.Command names, makes %s with another constructor, %q: build both programs from the same source", req.Program, cut.Name(svc.Name), cut.Name(svc.Constructor))
	}
	return svc, nil
}
