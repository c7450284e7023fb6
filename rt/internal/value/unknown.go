package value

import (
	"fmt"

	"github.com/loopgen/loopgen/rt/internal/cut"
)

// UnknownTypeError is in the chain of a [DecodeError] if an interface holds a value of
// a registered type that this program does not have.
type UnknownTypeError struct {
	Name    string // the import path and name of the type
	Differs bool   // this program has registered the type with another structure
}

// Error names the type. It does not say which program lacks the type: only the caller
// of the decoder can tell the client from the daemon.
func (e *UnknownTypeError) Error() string {
	if e.Differs {
		return fmt.Sprintf("type %s differs between the two programs", cut.Name(e.Name))
	}
	return fmt.Sprintf("type %s is not registered in the receiving program", cut.Name(e.Name))
}
