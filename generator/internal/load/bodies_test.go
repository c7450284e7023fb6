package load

import (
	"go/types"
	"os"
	"path/filepath"
	"testing"
)

const bodies = `
-- go.mod --
module example.com/p

go 1.26

require example.org/o v0.0.0

replace example.org/o => ./o
-- p.go --
package p

import (
	"bytes"
	"strings"
	"sync/atomic"

	"example.org/o"
)

type T struct {
	o.T
	o.G[int]
	mu *atomic.Int32
	strings.Builder
}

type U struct{ o.B }

type Local[K comparable, V any] struct{ m map[K]V }

func (l *Local[K, _]) Len() int { n := len(l.m); return n }

func (t *T) Own() { helper(); var b bytes.Buffer; b.Len() }

func (T) Assembly()

func (t T) unused(int) {}
-- q.go --
package p

func helper() {}
-- p.s --
-- o/go.mod --
module example.org/o

go 1.26
-- o/o.go --
package o

import "bytes"

type T struct{ c chan int }

type B struct{ *bytes.Buffer }

func (b B) Fill() { var filled bytes.Buffer; _ = filled }

func (t *T) Wait() { v := <-t.c; hidden(v); Generic[int]() }

func (t *T) beside() {}

type G[V any] struct{ v V }

func (g G[V]) Get() V { return g.v }
-- o/hidden.go --
package o

func hidden(n int) { var v = n; _ = v }

func Generic[V any]() {}

func assembly()
-- o/o.s --
-- o/hidden_never.go --
//go:build never

package o

func hidden(n int) {}
func never() {}
-- o/o_test.go --
package o

func tested() {}
`

func TestBodies(t *testing.T) {
	p := loaded(t, bodies, Config{})
	for name, want := range map[string]string{
		"Own":      "T.Own",
		"Wait":     "T.Wait",
		"Get":      "G.Get", // of the generic type, not of its instance
		"Len":      "Builder.Len",
		"Assembly": "",
	} {
		got := ""
		if b := p.Bodies.Of(method(t, p.Types, "T", name)); b != nil {
			got = b.Name()
		}
		if got != want {
			t.Errorf("%s: got the body %q, want %q", name, got, want)
		}
	}
	if b := p.Bodies.Of(method(t, p.Types, "U", "Next")); b == nil || b.Name() != "Buffer.Next" {
		t.Errorf("a method of a package that is not imported has the body %v", b)
	}
	if p.Bodies.Of(types.Universe.Lookup("error").Type().Underlying().(*types.Interface).Method(0)) != nil {
		t.Error("the method of an error has a body")
	}
	own, other := p.Bodies.Of(method(t, p.Types, "T", "Own")), p.Bodies.Of(method(t, p.Types, "T", "Wait"))
	for _, test := range []struct {
		body           *Body
		receiver, name string
		want           bool
	}{
		{own, "", "helper", true}, // in another file of the package
		{own, "T", "helper", false},
		{own, "Local", "Len", true},
		{other, "T", "beside", true},
		{other, "", "hidden", false}, // in another file of another package
	} {
		if got := test.body.Near(test.receiver, test.name) != nil; got != test.want {
			t.Errorf("%s %s is near %s: %t, want %t", test.receiver, test.name, test.body.Name(), got, test.want)
		}
	}
	for name, want := range map[string]bool{"hidden": true, "Generic": true, "Wait": false, "never": false, "assembly": false, "tested": false, "hid": false} {
		b := p.Bodies.Beside(other, name)
		if got := b != nil; got != want {
			t.Errorf("%s is beside T.Wait: %t, want %t", name, got, want)
		}
		if b != nil && (b.Name() != name || b.Pkg.Path() != "example.org/o") {
			t.Errorf("beside T.Wait is %s of %s, want %s", b.Name(), b.Pkg.Path(), name)
		}
	}
	instance := method(t, p.Types, "T", "Get")
	if p.Bodies.Of(instance) != p.Bodies.Of(instance.Origin()) {
		t.Error("an instance of a method has another body")
	}
	moved := loaded(t, bodies, Config{})
	if err := os.WriteFile(filepath.Join(moved.Dir, "o", "o.go"), []byte("package o\n\nfunc (t *T) Wait() { <-t.c }\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if moved.Bodies.Of(method(t, moved.Types, "T", "Wait")) != nil {
		t.Error("a body in another line than the export data name was found")
	}
}

// A body is checked with the types of its own package, be that known in part only.
func TestCheckBody(t *testing.T) {
	p := loaded(t, bodies, Config{})
	wait := p.Bodies.Of(method(t, p.Types, "T", "Wait"))
	for _, test := range []struct {
		body *Body
		want map[string]string // types of what is declared in it, by name
	}{
		{wait, map[string]string{"t": "*example.org/o.T", "v": "int"}},
		{p.Bodies.Beside(wait, "hidden"), map[string]string{"n": "int", "v": "int"}},
		{p.Bodies.Of(method(t, p.Types, "Local", "Len")), map[string]string{"l": "*example.com/p.Local[K, _1]", "n": "int"}},
		{p.Bodies.Of(method(t, p.Types, "T", "Get")), map[string]string{"g": "example.org/o.G[V]"}},
		{p.Bodies.Of(method(t, p.Types, "U", "Fill")), map[string]string{"filled": "bytes.Buffer"}}, // as far as o tells of bytes
		{p.Bodies.Of(method(t, p.Types, "T", "unused")), map[string]string{"t": "example.com/p.T"}},
		{p.Bodies.Of(method(t, p.Types, "T", "Own")), map[string]string{"t": "*example.com/p.T", "b": "invalid type"}}, // bytes is not loaded
	} {
		info := p.Bodies.Check(test.body)
		got := make(map[string]string)
		for id, obj := range info.Defs {
			if v, ok := obj.(*types.Var); ok && id.Name != "_" {
				got[id.Name] = v.Type().String()
			}
		}
		for name, want := range test.want {
			if got[name] != want {
				t.Errorf("%s: %s is a %q, want a %q", test.body.Name(), name, got[name], want)
			}
		}
	}
	uses := 0
	for id, obj := range p.Bodies.Check(wait).Uses {
		if fn, ok := obj.(*types.Func); ok && id.Name == "Generic" && fn.Pkg() == wait.Pkg {
			uses++
		}
	}
	if uses != 1 {
		t.Errorf("T.Wait uses Generic %d times, want 1", uses)
	}
}
