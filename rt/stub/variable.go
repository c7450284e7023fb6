package stub

import (
	"reflect"

	"github.com/loopgen/loopgen/rt/internal/value"
)

// variable is a variable of the type that an [Encoder] or [Decoder] has met last. A value
// is encoded from it and decoded into it, so that the caller's own variable stays on the
// stack, and most values cost no allocation.
type variable struct {
	pointer any // nil: there is none
	v       reflect.Value
	plan    *value.Plan
}

// set makes the variable the one to which pointer points.
func (k *variable) set(pointer any) {
	v := reflect.ValueOf(pointer).Elem()
	*k = variable{pointer, v, value.PlanOf(v.Type())}
}

// take returns the variable and its plan. It forgets a variable that is large, or whose
// address methods of the program may keep.
func (k *variable) take() (*value.Plan, reflect.Value) {
	plan, v := k.plan, k.v
	if !plan.Reusable() {
		*k = variable{}
	}
	return plan, v
}
