package rt

import (
	"errors"
	"fmt"
	"strings"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/stub"
)

// lackingError says that a method is not called because this program could not
// decode a value that the method may return in an interface. The value would be
// lost: the method has run when that is noticed.
type lackingError struct {
	method string
	pid    int      // of the daemon
	types  []string // names of registered types, as they travel
}

// missingTypes returns the types that this program lacks, by the numbers of the
// daemon's methods that can return them in an interface.
func missingTypes(e *rundir.Endpoint) map[int][]string {
	var missing map[int][]string
	for _, h := range e.Held {
		if stub.Missing(h.Name) == nil {
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

// listedTypes is how many types the error names.
const listedTypes = 3

func (e *lackingError) Error() string {
	var reasons []string
	for _, name := range e.types {
		if reason := stub.Missing(name); reason != nil {
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

func (e *lackingError) Is(target error) bool { return target == ErrIncompatible }

// resolved reports whether the types have been registered since.
func (e *lackingError) resolved() bool {
	for _, name := range e.types {
		if stub.Missing(name) != nil {
			return false
		}
	}
	return true
}

// refused reports whether err still holds. Types may be registered at any time.
func (b binding) refused() bool {
	lacking, ok := errors.AsType[*lackingError](b.err)
	return !ok || !lacking.resolved()
}

// A client or a daemon may receive a value of a type that its program lacks. The
// decoder's error names the type; what follows adds which program that is and what
// to do.

// unknownHere completes the error of decoding a daemon's results.
func (c *client) unknownHere(err error) error {
	unknown, ok := errors.AsType[*stub.UnknownTypeError](err)
	switch {
	case !ok:
		return err
	case unknown.Differs:
		return fmt.Errorf("%w; build both from the same source; %s", err, c.replacing())
	}
	return fmt.Errorf("%w, which is this one; call rt.RegisterType for it in an init function", err)
}
