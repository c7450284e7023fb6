package check

import (
	"go/types"
	"slices"
	"strings"
	"testing"
)

// The table of well-known interfaces says what the standard library says.
func TestWellKnownInterfaces(t *testing.T) {
	imports := standard(t)
	for _, w := range wellKnown {
		typ := types.Universe.Lookup("error").Type()
		if dot := strings.LastIndex(w.name, "."); dot >= 0 {
			pkg, err := imports.Import(w.name[:dot])
			if err != nil {
				t.Fatal(err)
			}
			obj := pkg.Scope().Lookup(w.name[dot+1:])
			if obj == nil {
				t.Errorf("there is no %s", w.name)
				continue
			}
			typ = obj.Type()
		}
		var want []string
		for m := range typ.Underlying().(*types.Interface).Methods() {
			want = append(want, m.Name()+strings.TrimPrefix(plainSignature(m.Signature()), "func"))
		}
		slices.Sort(want)
		if got := required(w.methods); !slices.Equal(got, want) {
			t.Errorf("%s:\ngot  %q\nwant %q", w.name, got, want)
		}
	}
}
