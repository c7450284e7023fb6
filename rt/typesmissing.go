package rt

import (
	"errors"
	"fmt"
	"strings"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/value"
)

// missingTypesError says that a method is not called because this program cannot decode a
// value that the method may return in an interface. The client would notice only after
// the method has run, and the value would be lost.
type missingTypesError struct {
	method string
	pid    int      // of the daemon
	types  []string // names of registered types, as on the wire
}

// missingTypes returns the types that are not registered in this program. The keys are
// the numbers of the daemon's methods that can return them in an interface.
func missingTypes(e *rundir.Endpoint) map[int][]string {
	var missing map[int][]string
	for _, h := range e.Held {
		if value.Missing(h.Name) == nil {
			continue
		}
		if missing == nil {
			missing = make(map[int][]string)
		}
		for _, n := range h.Methods {
			missing[n] = append(missing[n], h.Name)
		}
	}
	return missing
}

// listedTypes is the greatest number of types that the error names.
const listedTypes = 3

func (e *missingTypesError) Error() string {
	var reasons []string
	for _, name := range e.types {
		if reason := value.Missing(name); reason != nil {
			reasons = append(reasons, reason.Error())
		}
	}
	if more := len(reasons) - listedTypes; more > 0 {
		reasons = append(reasons[:listedTypes], fmt.Sprintf("%d more", more))
	}
	return fmt.Sprintf("%v: %s may return a value that the daemon (pid %d) can encode and this program cannot decode: %s; "+
		"import the package that declares the type or call rt.RegisterType for it here, from the same source as in the daemon, "+
		"or mark %[2]s //loopgen:readonly or //loopgen:idempotent if a lost result does no harm",
		ErrIncompatible, cut.Name(e.method), e.pid, strings.Join(reasons, ", "))
}

func (e *missingTypesError) Is(target error) bool { return target == ErrIncompatible }

// resolved reports whether all types have been registered meanwhile.
func (e *missingTypesError) resolved() bool {
	for _, name := range e.types {
		if value.Missing(name) != nil {
			return false
		}
	}
	return true
}

// unusable reports whether the method still cannot be called because of err. Types may be
// registered at any time.
func (b binding) unusable() bool {
	missing, ok := errors.AsType[*missingTypesError](b.err)
	return !ok || !missing.resolved()
}

// explainUnknownType completes the error of decoding a daemon's results. The decoder's
// error names a type that is not registered in this program. explainUnknownType adds that
// this is the program, and how to register the type.
func (c *client) explainUnknownType(err error) error {
	unknown, ok := errors.AsType[*value.UnknownTypeError](err)
	switch {
	case !ok:
		return err
	case unknown.Differs:
		return fmt.Errorf("%w; build both from the same source; %s", err, c.replacing())
	}
	return fmt.Errorf("%w, which is this one; call rt.RegisterType for it in an init function", err)
}
