package stub_test

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"github.com/loopgen/loopgen/rt/internal/value"
	"github.com/loopgen/loopgen/rt/stub"
)

type (
	shelf struct{}

	// named is implemented by heldBook only, which can hold anything itself.
	named interface{ title() string }

	heldBook  struct{ Notes any }
	heldCoin  struct{ Value int }
	heldExtra struct{ N int }
	heldFlaw  struct{ Code int }
	heldInner struct{ Things map[string][]any }
)

func (heldBook) title() string   { return "" }
func (*heldFlaw) Error() string  { return "" }
func (*shelf) Any() (any, error) { return nil, nil }
func (*shelf) Coin() heldCoin    { return heldCoin{} }
func (*shelf) Deep() []heldInner { return nil }
func (*shelf) Fill(ctx context.Context, n int, to []any) {
}
func (*shelf) Give(any) error { return nil }
func (*shelf) Look() any      { return nil }
func (*shelf) Named() named   { return nil }
func (*shelf) Twice() any     { return nil }

var shelfService = &stub.Service{
	Name: "example.com/shelf.Shelf",
	Methods: []stub.Method{
		{Name: "Any", Func: (*shelf).Any},
		{Name: "Coin", Func: (*shelf).Coin},
		{Name: "Deep", Func: (*shelf).Deep},
		{Name: "Fill", Func: (*shelf).Fill, InOut: []int{1}},
		{Name: "Give", Func: (*shelf).Give},
		{Name: "Look", Func: (*shelf).Look, Mode: stub.Shared},
		{Name: "Named", Func: (*shelf).Named, Mode: stub.Concurrent},
		{Name: "Twice", Func: (*shelf).Twice, Idempotent: true},
	},
	ErrorTypes: []stub.ErrorType{stub.ErrorTypeOf[*heldFlaw]("heldFlaw")},
	DataTypes:  []stub.DataType{stub.DataTypeOf[heldBook](), stub.DataTypeOf[heldCoin](), stub.DataTypeOf[heldFlaw]()},
}

func init() {
	stub.Register(shelfService)
	stub.Register(&stub.Service{Name: "example.com/shelf.Other", DataTypes: []stub.DataType{stub.DataTypeOf[heldInner]()}})
}

// Held lists what methods can return in interfaces, and nothing that could be lost
// without harm.
func TestHeld(t *testing.T) {
	if err := value.RegisterType(reflect.TypeFor[map[string]*heldExtra]()); err != nil {
		t.Fatal(err)
	}
	got := make(map[string][]int)
	for _, h := range shelfService.Held() {
		if err := value.Missing(h.Name); err != nil {
			t.Errorf("%s: %v", h.Name, err)
		}
		_, name, _ := strings.Cut(h.Name, ".held")
		name, _, _ = strings.Cut(name, "#")
		got[name] = h.Methods
	}
	// A Book, which Named returns, can hold everything.
	all := []int{0, 2, 3, 6}
	for _, name := range []string{"Book", "Coin", "Extra"} {
		if !reflect.DeepEqual(got[name], all) {
			t.Errorf("%s can be returned by %v, want %v", name, got[name], all)
		}
	}
	for _, name := range []string{"Flaw", "Inner"} {
		if got[name] != nil {
			t.Errorf("%s can be returned by %v, want by none", name, got[name])
		}
	}
	for _, name := range []string{"example.com/none.None#00000000", "github.com/loopgen/loopgen/rt/stub_test.heldCoin#00000000", ""} {
		if value.Missing(name) == nil {
			t.Errorf("%q is not missing", name)
		}
	}
}
