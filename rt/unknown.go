package rt

import (
	"errors"
	"fmt"

	"github.com/loopgen/loopgen/rt/stub"
)

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
