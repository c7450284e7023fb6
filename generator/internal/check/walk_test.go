package check

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"testing"

	"github.com/loopgen/loopgen/generator/internal/load"
)

// TestRules has types for each rule, with the reason given, or "" for a type that travels.
// Such a type is close to one that does not.
func TestRules(t *testing.T) {
	const (
		variadic    = "..."
		asResult    = "result"
		implemented = "implemented"
	)
	cases := []struct{ typ, how, want string }{
		{"sync.Mutex", "", "must not be copied"},
		{"atomic.Int64", "", "must not be copied"},
		{"[]*sync.WaitGroup", "", "must not be copied"},
		{"sync.Locker", implemented, ""},
		{"reflect.Value", "", "means something only in the process that made it"},
		{"local", "", "has a type that cannot be named from this package"},
		{"map[string]local", "", "has a type that cannot be named from this package"},
		{"global", "", ""},
		{"unsafe.Pointer", "", "is an address, and means nothing in another process"},
		{"uintptr", "", ""},
		{"chan int", "", "is a channel, which is not supported"},
		{"[]<-chan int", "", "is a channel, which is not supported"},
		{"func(func(int) bool)", "", "is an iterator, which is not supported"},
		{"func(func() bool)", "", "is an iterator, which is not supported"},
		{"func(func(int))", "", "is a function, which is not supported"},
		{"Option", variadic, "is an option in form of a function, which cannot leave its process"},
		{"Option", "", "is a function, which is not supported"},
		{"Callback", variadic, "is a function, which is not supported"},
		{"context.Context", asResult, "is a context, which ends in its own process"},
		{"context.Context", "", "is a context, and only one parameter can be a context"},
		{"syscall.RawConn", "", "is a handle, and means nothing in another process"},
		{"interface{ M() }", implemented, "is an interface without a name, which is not supported"},
		{"interface{}", "", ""},
		{"Shape", "", "is an interface, and no data type known here implements it"},
		{"Shape", implemented, ""},
		{"error", "", ""},
	}
	source := `package p

import ("context"; "reflect"; "sync"; "sync/atomic"; "syscall"; "unsafe")

type (
	global struct{ A int }
	Option func()
	Callback func()
	Shape interface{ Area() int }
)

func _() {
	type local struct{ A int }
`
	for i, c := range cases {
		source += fmt.Sprintf("\tvar v%d %s; _ = v%[1]d\n", i, c.typ)
	}
	source += "\tvar _ context.Context; var _ reflect.Value; var _ sync.Mutex; var _ atomic.Bool; var _ syscall.RawConn; var _ unsafe.Pointer\n}\n"
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "p.go", source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	info := &types.Info{Defs: make(map[*ast.Ident]types.Object)}
	pkg, err := (&types.Config{Importer: standard(t)}).Check("example.com/p", fset, []*ast.File{file}, info)
	if err != nil {
		t.Fatal(err)
	}
	typ := make(map[string]types.Type)
	for id, obj := range info.Defs {
		if obj != nil {
			typ[id.Name] = obj.Type()
		}
	}
	src := &Source{Package: &load.Package{Path: pkg.Path(), Types: pkg, Fset: fset, Files: []*ast.File{file}}}
	matched := make(map[string]bool)
	for i, c := range cases {
		w := &walk{src: src, label: "parameter p", variadic: c.how == variadic, seen: make(map[*types.Named]bool),
			implemented: func(*types.Named) bool { return c.how == implemented }}
		if c.how == asResult {
			w.label = "result"
		}
		got, remedy := "", ""
		if p := w.whole(typ[fmt.Sprint("v", i)]); p != nil {
			got, remedy = p.reason, p.remedy
		}
		if got != c.want {
			t.Errorf("%s %s: got %q, want %q", c.typ, c.how, got, c.want)
		}
		if j := slices.IndexFunc(rules, func(r rule) bool { return r.reason == got }); j >= 0 && remedy != rules[j].remedy {
			t.Errorf("%s %s: got the remedy %q, want %q", c.typ, c.how, remedy, rules[j].remedy)
		}
		matched[got] = true
	}
	for _, r := range rules {
		if !matched[r.reason] {
			t.Errorf("no case %s", r.reason)
		}
	}
}
