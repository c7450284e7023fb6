package stub

import (
	"fmt"
	"reflect"

	"github.com/loopgen/loopgen/rt/internal/cut"
)

// Refuse returns a function that encodes args and makes the call fail if it has options.
// Options are functions or other values of one process, so they are not sent: the daemon
// calls the method without them. name is the name of the parameter. args may be nil.
func Refuse[T any](args func(*Encoder), name string, options []T) func(*Encoder) {
	return func(e *Encoder) {
		if args != nil {
			args(e)
		}
		if len(options) > 0 && e.err == nil {
			e.fail(fmt.Errorf("%s: a %s cannot leave the process: call the method without options, or share a type whose method sets them in the daemon",
				name, cut.Name(reflect.TypeFor[T]().String())))
		}
	}
}
