package rt_test

import (
	"strings"
	"testing"

	"github.com/loopgen/loopgen/rt"
)

type registered struct{ A any }

func TestRegisterType(t *testing.T) {
	rt.RegisterType[registered]()
	rt.RegisterType[*registered]()
	rt.RegisterType[map[string][]registered]()
	defer func() {
		const want = "rt: registering type func(): a value of type func() (func) cannot be sent"
		if said, ok := recover().(string); !ok || !strings.HasPrefix(said, want) {
			t.Errorf("got %q, want %q", said, want)
		}
	}()
	rt.RegisterType[func()]()
}
