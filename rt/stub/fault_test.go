package stub_test

import (
	"strings"
	"testing"

	"github.com/loopgen/loopgen/rt/stub"
)

// longBox[struct{…}] has a name as long as the fields of its type argument.
type longBox[T any] struct{ Value T }

func TestLongTypeNamesAreCutInErrors(t *testing.T) {
	type inner = struct {
		AFieldWithAName, AnotherFieldWithAName, AThirdFieldWithAName, AFourthFieldWithAName, AFifthFieldWithAName int
	}
	for what, value := range map[string]any{
		"unregistered": longBox[longBox[inner]]{},
		"no name":      inner{},
	} {
		e := stub.NewEncoder(&stub.Service{}, 1<<20)
		stub.Encode(e, value)
		_, err := e.Finish()
		if err == nil || !strings.Contains(err.Error(), "…") || strings.Contains(err.Error(), "AFifthFieldWithAName") {
			t.Errorf("%s: got %v, want an error with the beginning of the type's name", what, err)
		}
	}
}
