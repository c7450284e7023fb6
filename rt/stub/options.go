package stub

import (
	"fmt"
	"reflect"

	"github.com/loopgen/loopgen/rt/internal/cut"
)

// RefuseOptions makes Finish fail if a call passes options. Options are functions or
// other values of one process, so they are not sent: the daemon calls the method
// without them. name is the name of the parameter.
func RefuseOptions[T any](e *Encoder, name string, options []T) {
	if len(options) > 0 && e.err == nil {
		e.fail(fmt.Errorf("%s: a %s cannot leave the process: call the method without options, or share a type whose method sets them in the daemon",
			name, cut.Name(reflect.TypeFor[T]().String())))
	}
}
