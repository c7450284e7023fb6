package value

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/loopgen/loopgen/rt/internal/cut"
)

// fault is an error in a value, with its path inside the value. The path grows from its
// end while the functions return.
type fault struct {
	path string // ".Items[3].When"
	err  error
}

// faultf is fmt.Errorf for a fault. It cuts the names of types.
func faultf(format string, args ...any) *fault {
	for i, arg := range args {
		if t, ok := arg.(reflect.Type); ok {
			args[i] = cut.Name(t.String())
		}
	}
	return &fault{err: fmt.Errorf(format, args...)}
}

// below makes f the fault of a value that contains the faulty one at step.
func (f *fault) below(step string) *fault {
	f.path = step + f.path
	return f
}

// copy returns a fault whose path may grow: the faults of plans are shared.
func (f *fault) copy() *fault {
	c := *f
	return &c
}

// In returns err as an error about a value of type t. It may be called concurrently.
func In(t reflect.Type, err error) error { return (&fault{err: err}).in(t) }

// in returns f as an error about a value of type t.
func (f *fault) in(t reflect.Type) error {
	name := t.Name()
	if name == "" {
		name = typeString(t)
	}
	return fmt.Errorf("%s%s: %w", cut.Name(name), shorten(f.path), f.err)
}

// shorten cuts a long path, such as the path of a cycle, at steps in its middle.
func shorten(path string) string {
	const most = 100 // bytes
	if len(path) <= most {
		return path
	}
	start, end := path[:most/2], path[len(path)-most/2:]
	if i := strings.LastIndexAny(start, ".["); i > 0 {
		start = start[:i]
	}
	if i := strings.IndexAny(end, ".["); i >= 0 {
		end = end[i:]
	}
	return strings.ToValidUTF8(start, "") + "…" + strings.ToValidUTF8(end, "")
}

func indexStep(i int) string { return "[" + strconv.Itoa(i) + "]" }

// keyStep names a map's entry by its key, and cuts a long key.
func keyStep(key reflect.Value) string {
	const most = 40
	switch {
	case key.Kind() == reflect.String:
		return "[" + strconv.Quote(cut.Text(key.String(), most)) + "]"
	case scalars[key.Kind()] != shapeRefused:
		return "[" + fmt.Sprint(key) + "]"
	}
	return "[key]"
}

// heldStep names the value in an interface by its type.
func heldStep(t reflect.Type) string { return ".(" + cut.Name(typeString(t)) + ")" }

// typeString returns t as Go source writes it.
func typeString(t reflect.Type) string { return strings.ReplaceAll(t.String(), "interface {}", "any") }
