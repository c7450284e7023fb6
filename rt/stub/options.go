package stub

import "reflect"

// RefuseOptions makes Finish fail if a call passes options, which are functions or
// other values of one process. The message has no place for them: the daemon calls
// the method without options. name is that of the parameter.
func RefuseOptions[T any](e *Encoder, name string, options []T) {
	if len(options) > 0 && e.err == nil {
		e.fail(faultf("%s: a %s cannot leave the process: call the method without options, or share a type whose method sets them in the daemon",
			name, reflect.TypeFor[T]()).err)
	}
}
