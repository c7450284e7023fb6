package inspect

import (
	"strings"
	"testing"
)

func TestDeclare(t *testing.T) {
	types := map[string]string{"x/shapes.Circle#12345678": "Circle{R float64, In Inner{A int}}", "x/y.T": "text", "x/y.T#12345678": "x/y.T"}
	for _, test := range []struct {
		signature string
		names     []string
		want      string
	}{
		{"func()", nil, "func M()"},
		{"func(string, inout []int) error", []string{"key", "list"}, "func M(key string, list []int) error; changes list"},
		{"func(out []uint8) (int, error)", nil, "func M([]byte) (int, error); changes argument 1"},
		{"func(*Node{V int, Next *#1}) map[x/y.T]Color{uint8}", []string{"n"}, "func M(n *Node) map[y.T]Color; type Node struct{V int, Next *Node}; type Color uint8"},
		{"func(any)", []string{"v"}, `func M(v any); type Circle struct{R float64, In Inner} // in an interface: {"$type": "shapes.Circle", "$value": …}; type Inner struct{A int}; type y.T // in an interface: {"$type": "y.T", "$value": …}`},
		{"func(", nil, "error"},
	} {
		d, err := Declare("M", test.signature, test.names, types)
		got := strings.Join(append([]string{d.Source}, d.Types...), "; ")
		if len(d.Changed) > 0 {
			got += "; changes " + strings.Join(d.Changed, ", ")
		}
		if err != nil {
			got = "error"
		}
		if got != test.want {
			t.Errorf("%s: got %s, want %s", test.signature, got, test.want)
		}
	}
}
