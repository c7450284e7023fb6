package load

import (
	"go/parser"
	"go/token"
	"os"
	"slices"
	"testing"
)

func TestScanDeclared(t *testing.T) {
	const text = `package p

import (
	x "fmt"
)

type A[T any] struct{ f func(B int) }

type (
	C = int
	D struct {
		e, f int
	}
)

const G, H = 1, 2

const (
	I = iota
	J
	K, L = f(M, N), func() int { var o int; return o }()
)

var P, Q = func() { type r int; var s, t = 1, 2 }, []int{1, 2}
var U struct{ v, w int }

func X[Y any](z int) (a, b int) { const c = 1; return }

func (d A[T]) E() { var f, g int }

var _ = 1; func H2() {}; var H3 int

var ()

func init() {}
`
	var got []string
	for _, d := range scanDeclared("p.go", []byte(text)) {
		got = append(got, d.Name)
	}
	want := []string{"A", "C", "D", "G", "H", "I", "J", "K", "L", "P", "Q", "U", "X", "_", "H2", "H3", "init"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What the scanner finds in real files is what the parser finds.
func TestScanDeclaredAgreesWithParser(t *testing.T) {
	for _, path := range slices.Concat(GoFiles("../.."), GoFiles("../../../rt")) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		var want []DeclaredName
		for _, id := range declaredNames(file) {
			want = append(want, DeclaredName{id.Name, fset.Position(id.Pos())})
		}
		if got := scanDeclared(path, text); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
}
