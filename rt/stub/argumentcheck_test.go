package stub_test

import (
	"math"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt/stub"
)

type tree struct {
	Name  string
	Items []int
	Sub   map[string]*tree
	At    time.Time
}

// lost returns what Changed reports of an argument that method has changed.
func lost[T any](t *testing.T, m *stub.Method, arg T, method func(T)) string {
	t.Helper()
	d, err := stub.NewDecoder(nil, message(t, func(e *stub.Encoder) { stub.Encode(e, "first"); stub.Encode(e, arg) }))
	if err != nil {
		t.Fatal(err)
	}
	d.Watch()
	run := stub.MakeRun(host(func() error { return nil }), m, d, stub.NewEncoder(nil, 1<<20))
	var first string
	var p T
	stub.DecodeArg(&run, &first)
	stub.DecodeArg(&run, &p)
	if err := d.End(); err != nil || first != "first" {
		t.Fatal(first, err)
	}
	method(p)
	return d.Changed()
}

// With LOOPGEN_CHECK=1 a change that stays in the daemon is found, with its path.
func TestChanged(t *testing.T) {
	value := func() *tree {
		return &tree{Name: "a", Items: []int{1, 2}, Sub: map[string]*tree{"b": {Items: []int{3}}}, At: time.Now()}
	}
	of := func(method func(*tree)) string { return lost(t, &stub.Method{}, value(), method) }
	for _, test := range []struct{ name, got, want string }{
		{"nothing", of(func(*tree) {}), ""},
		{"a field", of(func(p *tree) { p.Name = "b" }), "argument 2 (*stub_test.tree) at .Name"},
		{"deep", of(func(p *tree) { p.Sub["b"].Items[0]++ }), `argument 2 (*stub_test.tree) at .Sub["b"].Items[0]`},
		{"longer", of(func(p *tree) { p.Items = append(p.Items, 3) }), "argument 2 (*stub_test.tree) at .Items[2]"},
		{"an entry more", of(func(p *tree) { p.Sub["a"] = nil }), `argument 2 (*stub_test.tree) at .Sub["a"]`},
		{"an entry less", of(func(p *tree) { delete(p.Sub, "b") }), `argument 2 (*stub_test.tree) at .Sub["b"]`},
		{"a time", of(func(p *tree) { p.At = p.At.Add(1) }), "argument 2 (*stub_test.tree) at .At"},
		{"what cannot be sent", of(func(p *tree) { p.Name = "\xff" }), "argument 2 (*stub_test.tree) at .Name"},
		{"a cycle", of(func(p *tree) { p.Sub["b"].Sub = p.Sub }), `argument 2 (*stub_test.tree) at .Sub["b"].Sub["b"]`},
		{"its own variable", of(func(p *tree) { q := *p; q.Name, q.Items = "b", nil; _ = q }), ""},
		{"a NaN key", lost(t, &stub.Method{}, map[float64]int{}, func(m map[float64]int) { m[math.NaN()] = 1 }), "argument 2 (map[float64]int) at [NaN]"},
		{"bytes of the message", lost(t, &stub.Method{}, make([]byte, 64<<10), func(p []byte) { p[9] = 1 }), "argument 2 ([]uint8) at [9]"},
		{"an interface", lost(t, &stub.Method{}, any([]string{"a"}), func(v any) { v.([]string)[0] = "b" }), "argument 2 (interface {}) at [0]"},
		{"in", lost(t, &stub.Method{In: []int{1}}, []string{"a"}, func(p []string) { p[0] = "" }), ""},
		{"inout", lost(t, &stub.Method{InOut: []int{1}}, []string{"a"}, func(p []string) { p[0] = "" }), ""},
		{"the other one is in", lost(t, &stub.Method{In: []int{0}}, []string{"a"}, func(p []string) { p[0] = "" }), "argument 2 ([]string) at [0]"},
	} {
		if test.got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, test.got, test.want)
		}
	}
}
