package check

import (
	"go/types"
	"slices"
	"strings"
	"testing"
)

// TestFailures has cases for each rule by which an error keeps its identity. A case has
// declarations beside T, whose method Fail returns an error if it is called so, the names
// of the sentinels and error types, and the diagnostic about the others, as far as its
// first semicolon.
func TestFailures(t *testing.T) {
	const (
		fails  = "func (*T) Fail() error { return nil }\n"
		silent = "func (*T) Work() {}\n"
		remote = "clients get errors of this type as *rt.RemoteError"
	)
	for _, c := range []struct{ method, beside, want, said string }{
		// Sentinels.
		{fails, `var ErrFull = errors.New("full")`, "ErrFull", "note: ErrFull: clients get this error as itself"},
		{fails, `var errFull = errors.New("full")`, "errFull", "note: errFull: clients get this error as itself"},
		{silent, `var ErrFull = errors.New("full")`, "ErrFull", "note: ErrFull: clients get this error as itself"},
		{fails, `var ErrA, ErrB = errors.New("a"), errors.New("b")`, "ErrA ErrB", ""},
		{fails, `var ErrA, ErrB = both(); func both() (error, error) { return nil, nil }`, "ErrA ErrB", ""},
		{fails, `var ErrB = errors.New("b"); var ErrA = errors.New("a")`, "ErrA ErrB", ""},
		{fails, `var ErrFull error`, "", ""},
		{fails, `var ErrFull error = nil`, "", ""},
		{fails, `var ErrLimit = 5`, "", ""},
		{fails, `var Full = errors.New("full")`, "", ""},
		{fails, `func ErrFull() error { return nil }`, "", ""},
		{fails, `var ErrFull = &Full{}; type Full struct{}; func (*Full) Error() string { return "" }`, "ErrFull *Full", ""},
		{fails, "-- linux --\nimport \"errors\"\n\nvar ErrFull = errors.New(\"full\")", "", "warning: ErrFull: clients get this error as *rt.RemoteError, since not all builds of the package declare it: a build for"},
		{silent, "-- linux --\nimport \"errors\"\n\nvar ErrFull = errors.New(\"full\")", "", "note: ErrFull: clients get this error as *rt.RemoteError, since not all builds of the package declare it: a build for"},
		// Error types.
		{fails, `type Full struct{ N int }; func (Full) Error() string { return "" }`, "Full", "note: Full: clients get errors of this type as themselves"},
		{fails, `type Full struct{ N int }; func (*Full) Error() string { return "" }`, "*Full", "note: Full: clients get errors of this type as themselves"},
		{fails, `type Code int; func (Code) Error() string { return "" }`, "Code", ""},
		{fails, `type Full struct{ N int }; func (*Full) Text() string { return "" }`, "", ""},
		{fails, `type Full struct{ N int }; func (Full) Error() string { return "" }; type Alias = Full`, "Full", ""},
		{fails, `type Temporary interface { error; Temporary() bool }`, "", ""},
		{fails, `type full struct{ N int }; func (full) Error() string { return "" }`, "", "note: full: " + remote + ", since it is not exported"},
		{fails, "//loopgen:skip\ntype Full struct{ n int }\nfunc (Full) Error() string { return \"\" }", "", "note: Full: left out as asked: " + remote},
		{fails, `type Full struct{ N, n int }; func (Full) Error() string { return "" }`, "", "warning: Full: " + remote + ": Full.n would be lost, since it is not exported"},
		{silent, `type Full struct{ N, n int }; func (Full) Error() string { return "" }`, "", "note: Full: " + remote + ": Full.n would be lost, since it is not exported"},
		{fails, `type Full struct{ C chan int }; func (Full) Error() string { return "" }`, "", "warning: Full: " + remote + ": Full.C is a channel, which is not supported (chan int)"},
		{fails, `type Full struct{ n int }; func (Full) Error() string { return "" }; func (Full) MarshalBinary() ([]byte, error) { return nil, nil }; func (*Full) UnmarshalBinary([]byte) error { return nil }`, "Full", ""},
		{fails, `type Full struct{ N int }; func (Full) Error() string { return "" }; func (Full) MarshalText() ([]byte, error) { return nil, nil }`, "", "warning: Full: " + remote + ": Full has MarshalText but no UnmarshalText, so that it cannot be received (Full)"},
		{fails, `type Full[V any] struct{ N V }; func (Full[V]) Error() string { return "" }`, "", "warning: Full: " + remote + ": Full has type parameters, which are not supported (Full[V any])"},
		{fails, `func (*T) Error() string { return "" }`, "", ""}, // T is the object
		{fails, "-- linux --\ntype Full struct{ N int }\n\nfunc (Full) Error() string { return \"\" }", "", "warning: Full: " + remote + ", since not all builds of the package declare it: a build for"},
		// Errors of the packages of promoted methods.
		{silent, `func (*T) Own() error { return nil }`, "", ""},
		{"", `type _ int`, "bytes.ErrTooLarge", "note: bytes.ErrTooLarge: clients get this error as itself"},
	} {
		embedded := ""
		if c.method == "" {
			embedded = "*bytes.Buffer"
		}
		text := "package p\n\nimport (\"bytes\"; \"errors\")\n\nvar _ = errors.New\nvar _ bytes.Buffer\n\ntype T struct{ " + embedded + " }\n\n" + c.method + c.beside
		s, all := judged(t, sourceOf(t, text, "T"), &Options{Types: []string{"T"}})
		if s == nil {
			t.Errorf("%s: %s", c.beside, all)
			continue
		}
		var got []string
		for _, v := range s.Sentinels {
			got = append(got, s.Src.qualified(v))
		}
		for _, e := range s.ErrorTypes {
			name := s.Src.qualified(e.Obj)
			if e.Pointer {
				name = "*" + name
			}
			got = append(got, name)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: got %s, want %s", c.beside, got, c.want)
		}
		if !slices.ContainsFunc(all, func(d string) bool { return saysUntil(d, c.said) }) {
			t.Errorf("%s: got\n\t%s\nwant\n\t%s", c.beside, strings.Join(all, "\n\t"), c.said)
		}
	}
}

// TestFails has methods with results that are an error, or are not.
func TestFails(t *testing.T) {
	for results, want := range map[string]bool{
		"": false, "error": true, "(int, error)": true, "(err error)": true, "alias": true,
		"(error, int)": false, "*Err": false, "Err": false, "other": false, "any": false,
	} {
		pkg, _ := checked(t, "type Err struct{}\nfunc (*Err) Error() string\ntype alias = error\ntype other error\nfunc F() "+results)
		m := new(Method)
		m.describe(pkg.Scope().Lookup("F").(interface{ Signature() *types.Signature }).Signature())
		if m.Fails != want {
			t.Errorf("func() %s: got %v, want %v", results, m.Fails, want)
		}
	}
}
