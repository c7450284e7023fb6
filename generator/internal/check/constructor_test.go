package check

import (
	"slices"
	"strings"
	"testing"
)

// TestConstructors has cases for each rule by which a function is the constructor or is
// refused. A case has the declarations beside T, the value of -new, the constructor or
// "", and the diagnostic about it as far as its first semicolon.
func TestConstructors(t *testing.T) {
	for _, c := range []struct{ beside, flag, want, said string }{
		// Found by its name.
		{"func NewT() *T { return nil }", "", "NewT", "note: NewT: is the constructor of T"},
		{"func NewT() T { return T{} }", "", "NewT (value)", "note: NewT: is the constructor of T"},
		{"func newT() *T { return nil }", "", "newT", "note: newT: is the constructor of T"},
		{"func newT() *T { return nil }; func NewT() *T { return nil }", "", "NewT", "note: NewT: is the constructor of T"},
		{"func New() *T { return nil }", "", "", "note: T: has no constructor NewT: the daemon starts with the zero value"},
		{"func MakeT() *T { return nil }", "", "", "note: T: has no constructor NewT: the daemon starts with the zero value"},
		{"var NewT = func() *T { return nil }", "", "", "warning: NewT: is not the constructor of T, since it is a variable"},
		// Its results.
		{"func NewT() (*T, error) { return nil, nil }", "", "NewT (error)", "note: NewT: is the constructor of T"},
		{"func NewT() (error, *T) { return nil, nil }", "", "", "error: NewT: cannot be the constructor of T: it must return T or *T, and optionally an error"},
		{"func NewT() (*T, int) { return nil, 0 }", "", "", "error: NewT: cannot be the constructor of T: it must return T or *T, and optionally an error"},
		{"func NewT() (*T, error, error) { return nil, nil, nil }", "", "", "error: NewT: cannot be the constructor of T: it must return T or *T, and optionally an error"},
		{"func NewT() **T { return nil }", "", "", "error: NewT: cannot be the constructor of T: it must return T or *T, and optionally an error"},
		{"func NewT() any { return nil }", "", "", "error: NewT: cannot be the constructor of T: it must return T or *T, and optionally an error"},
		{"func NewT() {}", "", "", "error: NewT: cannot be the constructor of T: it must return T or *T, and optionally an error"},
		// Its parameters.
		{"func NewT(n int, s ...string) *T { return nil }", "", "NewT n s...", "note: NewT: is the constructor of T"},
		{"func NewT(ctx context.Context, n int) *T { return nil }", "", "NewT (context) n", "note: NewT: is the constructor of T"},
		{"func NewT(n int, ctx context.Context) *T { return nil }", "", "", "error: NewT: cannot be the constructor of T: parameter ctx is a context, and only one parameter can be a context (context.Context)"},
		{"func NewT(c chan int) *T { return nil }", "", "", "error: NewT: cannot be the constructor of T: parameter c is a channel, which is not supported (chan int)"},
		{"type Option func(*T); func NewT(n int, o ...Option) *T { return nil }", "", "NewT n", "note: NewT: is called without its options: parameter o is an option in form of a function, which cannot leave its process (Option)"},
		{"type hidden struct{ N, n int }; func NewT(h ...hidden) *T { return nil }", "", "", "error: NewT: cannot be the constructor of T: parameter h (hidden.n) would be lost, since it is not exported"},
		// Asked for by name.
		{"func MakeT() *T { return nil }", "MakeT", "MakeT", "note: MakeT: is the constructor of T"},
		{"func MakeT() *T { return nil }", "MakT", "", "error: -new: no function MakT in package p"},
		{"func NewT() *T { return nil }", "zero", "", "note: T: starts as the zero value, as asked"},
		{"func zero() *T { return nil }", "zero", "zero", "note: zero: is the constructor of T"},
		{"var MakeT int", "MakeT", "", "error: MakeT: is not a function"},
		// Expressions.
		{"", "new(T)", "new(T)", "note: new(T): is the constructor of T"},
		{"func MakeT(n int) (T, error) { return T{}, nil }", "MakeT(1)", "MakeT(1) (error) (value)", "note: MakeT(1): is the constructor of T"},
		{"func MakeT(n int) *T { return nil }", "MakeT()", "", "error: -new: MakeT(): not enough arguments in call to MakeT\n\thave ()\n\twant (int)"},
		{"", "[]T", "", "error: -new: []T is a type"},
		{"", "1 + 1", "", "error: -new: 1 + 1 must give a T or *T, and optionally an error"},
		{"func f() {}", "f()", "", "error: -new: f() must give a T or *T, and optionally an error"},
		{"", "new(", "", `error: -new: "new(" is no Go expression: 1:5: expected ')', found 'EOF'`},
		// Builds.
		{"-- linux --\nfunc NewT() *T { return nil }", "", "", "error: NewT: cannot be the constructor of T: not all builds of the package declare it alike: a build for"},
		{"-- linux --\nfunc NewT() *T { return nil }", "*NewT()", "", "error: -new: *NewT() needs NewT, which not all builds of the package declare alike: a build for"},
	} {
		src := sourceOf(t, "package p\n\nimport \"context\"\n\ntype T struct{ n int }\n\nfunc (*T) M(context.Context) {}\n\n"+c.beside, "T")
		checkConstructor(t, src, c.beside, c.flag, c.want, c.said)
	}
}

// Types that are generic, maps, or of another package have rules of their own.
func TestConstructorsOfOtherTypes(t *testing.T) {
	for _, c := range []struct{ spec, decl, flag, want, said string }{
		{"T", "type T[K comparable] struct{}; func NewT[K comparable]() *T[K] { return nil }", "", "NewT[K]", "note: NewT: is the constructor of T"},
		{"T", "type T[K comparable] struct{}; func NewT[K comparable, V any]() *T[K] { return nil }", "", "", "error: NewT: cannot be the constructor of T: its type parameters do not follow from the type that it returns"},
		{"T", "type T[K comparable] struct{}; func NewT() *T[int] { return nil }", "", "", "error: NewT: cannot be the constructor of T: it must return T or *T, and optionally an error"},
		{"T[int]", "type T[K comparable] struct{}; func NewT() *T[int] { return nil }", "", "NewT", "note: NewT: is the constructor of T[int]"},
		{"T[int]", "type T[K comparable] struct{}; func NewT[K comparable]() *T[K] { return nil }", "", "NewT[int]", "note: NewT: is the constructor of T[int]"},
		{"T", "type T map[string]int", "", "T{} (empty)", "note: T: has no constructor NewT: the daemon starts with an empty map"},
		{"T", "type T []string", "", "", "note: T: has no constructor NewT: the daemon starts with the zero value"},
		{"strings.Reader", "type T int", "", "strings.NewReader s", "note: strings.NewReader: is the constructor of strings.Reader"},
		{"strings.Reader", "type T int; func NewReader() *strings.Reader { return nil }", "", "NewReader", "note: NewReader: is the constructor of strings.Reader"},
		{"strings.Reader", "type T int", "NewReader", "strings.NewReader s", "note: strings.NewReader: is the constructor of strings.Reader"},
		{"strings.Reader", "type T int", "zero", "", "note: strings.Reader: starts as the zero value, as asked"},
		{"strings.Reader", "type T int", "NewRaeder", "", "error: -new: no function NewRaeder in package p nor in strings"},
		{"strings.Builder", "type T int", "", "", "note: strings.Builder: has no constructor NewBuilder: the daemon starts with the zero value"},
		{"bufio.Scanner", "type T int; var _ bufio.Scanner", "", "", "error: bufio.Scanner: needs -new: it has fields that are not exported, and a constructor, but bufio.NewScanner cannot be it: parameter r is an interface, and no data type known here implements it (io.Reader)"},
	} {
		text := "package p\n\nimport (\"bufio\"; \"strings\")\n\nvar _ strings.Builder\nvar _ bufio.Reader\n\n" + c.decl + "\n"
		if strings.HasPrefix(c.spec, "T") {
			receiver := strings.Replace(c.spec, "[int]", "", 1)
			if strings.Contains(c.decl, "K comparable") {
				receiver += "[K]"
			}
			text += "func (" + receiver + ") M(int) {}\n"
		}
		checkConstructor(t, sourceOf(t, text, c.spec), c.decl, c.flag, c.want, c.said)
	}
}

func checkConstructor(t *testing.T, src *Source, decl, flag, want, said string) {
	t.Helper()
	s, all := judged(t, src, &Options{Types: []string{src.Specs[0].Text}, New: flag})
	got := ""
	if s != nil && s.Constructor != nil {
		got = describeConstructor(s.Constructor)
	}
	if got != want {
		t.Errorf("%s -new %q: got %q, want %q", decl, flag, got, want)
	}
	if !slices.ContainsFunc(all, func(d string) bool { return saysUntil(d, said) }) {
		t.Errorf("%s -new %q: got\n\t%s\nwant\n\t%s", decl, flag, strings.Join(all, "\n\t"), said)
	}
	if failed := slices.ContainsFunc(all, func(d string) bool { return strings.HasPrefix(d, "error: ") }); failed != strings.HasPrefix(said, "error: ") {
		t.Errorf("%s -new %q: unexpected diagnostics\n\t%s", decl, flag, strings.Join(all, "\n\t"))
	}
}

// describeConstructor returns the name, type arguments and parameters of c, and what else
// is said of it.
func describeConstructor(c *Constructor) string {
	text := c.Name
	for _, arg := range c.TypeArgs {
		text += "[" + arg.String() + "]"
	}
	if c.Context {
		text += " (context)"
	}
	if c.Fails {
		text += " (error)"
	}
	switch {
	case c.Empty:
		text += " (empty)"
	case !c.Pointer:
		text += " (value)"
	}
	for _, v := range c.Params {
		text += " " + v.User
	}
	if c.Variadic {
		text += "..."
	}
	return text
}
