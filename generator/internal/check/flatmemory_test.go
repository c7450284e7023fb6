package check

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"testing"
)

// checked returns the types of a package without imports, and its file.
func checked(t *testing.T, source string) (*types.Package, *ast.File) {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "p.go", "package p\n"+source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	cfg := types.Config{Error: func(error) {}} // imports are not found
	pkg, _ := cfg.Check("p", fset, []*ast.File{file}, nil)
	return pkg, file
}

// Flat memory holds numbers and bools and no other memory.
func TestFlatMemory(t *testing.T) {
	for typ, want := range map[string]bool{
		"[]byte": true, "[]int": true, "[]bool": true, "[]complex64": true, "[]uintptr": true, "*float64": true, "*bool": true,
		"[][4]int8": true, "*[2][2]rune": true, "[]Point": true, "*Nested": true, "Bytes": true, "Named": true, "[]Number": true,
		"struct{ P *int }": false, "[3]int": false, "int": false, "Point": false,
		"[]string": false, "*string": false, "[][]int": false, "*[]int": false, "**int": false, "[]*int": false, "map[int]int": false,
		"[]any": false, "*error": false, "*WithText": false, "[]WithHidden": false, "*WithTag": false, "*Twice": false,
		"*struct{}": false, "Own": false, "[]Own": false, "*Own": false, "func()": false, "chan int": false,
		"[]T": false, "[]N": true, "*N": true, "[]O": false, "T": false, "[]S": false,
	} {
		pkg, _ := checked(t, `
type Point struct{ X, Y int }
type Number int
type Bytes []byte
type Named *Point
type Nested struct { Point; Z [2]Point }
type WithText struct { N int; S string }
type WithHidden struct { N int; m int }
type WithTag struct { N int; M int `+"`json:\"-\"`"+` }
type Twice struct { Point; X int }
type Own [16]byte
func (Own) MarshalText() ([]byte, error)
func (*Own) UnmarshalText([]byte) error
type Numbers interface { ~int | ~float64 }
func F[T any, N Numbers, O interface{ ~int | ~string }, S interface{ Len() int }](v `+typ+`)
`)
		got := isFlatMemory(pkg.Scope().Lookup("F").(*types.Func).Signature().Params().At(0).Type())
		if got != want {
			t.Errorf("%s: got %v, want %v", typ, got, want)
		}
	}
}

// LOOPGEN_CHECK must not read arguments that something else may change meanwhile.
func TestStartsWork(t *testing.T) {
	for source, want := range map[string]bool{
		"func f() { g() }":                                                  false,
		"func f() { func() {}() }":                                          false,
		"func f(p []int) (n int) { return }":                                false,
		"type T struct{ c chan int }":                                       false,
		"func f(c chan int) { <-c }":                                        false,
		`import "time"; var _ = time.Now()`:                                 false,
		"func f() { go g() }":                                               true,
		"func f() { h := func() { go g() }; h() }":                          true,
		"func f(c chan int) { c <- 1 }":                                     true,
		"func f(callback func()) {}":                                        true,
		"type T struct{ callback func() }":                                  true,
		"type Option func(*T)":                                              true,
		"func f(w *group) { w.Go(g) }":                                      true,
		`import "time"; var _ = time.AfterFunc(0, f)`:                       true,
		`import "time"; func f() { <-time.After(1) }`:                       true,
		`import "runtime"; func f(p *int) { runtime.SetFinalizer(p, nil) }`: true,
	} {
		_, file := checked(t, source)
		if got := startsWork([]*ast.File{file}); got != want {
			t.Errorf("%s: got %v, want %v", source, got, want)
		}
	}
	if !startsWork(nil) {
		t.Error("a package without source is taken for passive")
	}
}
