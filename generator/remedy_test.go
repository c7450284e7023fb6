package generator

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What is left out of a type of somebody else comes with remedies that its user
// can carry out: there is a method for each rule, and for what else can be wrong.
func TestRemediesForForeignType(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"go.mod":       "module example.com/p\n\ngo 1.26\n\nrequire other.org/o v0.0.0\n\nreplace other.org/o => ./o\n",
		"p.go":         "package p\n\nimport _ \"other.org/o\"\n",
		"o/go.mod":     "module other.org/o\n\ngo 1.26\n",
		"o/foreign.go": foreignSource,
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	generate := func(o Options) *Result {
		o.Types, o.Dir = []string{"other.org/o.T"}, dir
		result, err := Generate(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if len(result.Files) != 1 {
			t.Fatalf("nothing was generated: %v", result.Diagnostics)
		}
		return result
	}

	said := generate(Options{}).Diagnostics
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	rules := regexp.MustCompile(`(?m)^//\t([^;\n]+); .+$`).FindAllStringSubmatch(string(doc), -1)
	if len(rules) < 10 {
		t.Errorf("doc.go lists %d rules", len(rules))
	}
	for _, r := range rules {
		reason := r[1]
		if strings.Contains(reason, "an option in form of a function") || strings.Contains(reason, "ends in its own process") {
			continue // a method is shared without its options; the other is about results
		}
		if !slices.ContainsFunc(said, func(d Diagnostic) bool { return strings.Contains(d.Reason, reason) }) {
			t.Errorf("no method is left out since its parameter %s", reason)
		}
	}
	var o Options
	for _, d := range said {
		form := `^(share a type of your own that embeds o\.T and has its own METHOD, or )?` +
			`((have it copied back with -inout METHOD\.p, or accept that with -in METHOD\.p|call it through the client|share it with -concurrent (Try)?Lock,Unlock -session (Try)?Lock=Unlock), or )?` +
			`(silence this|leave it out there, too,) with -skip METHOD$` +
			`|^say -concurrent METHOD if the type is safe for concurrent use, or -exclusive METHOD if it waits for no other call, or -skip METHOD$`
		if !regexp.MustCompile(strings.ReplaceAll(form, "METHOD", d.Method)).MatchString(d.Remedy) {
			t.Errorf("%s: remedy %q", d.Method, d.Remedy)
		}
		// All flags but -skip, or that.
		flags := regexp.MustCompile(`-(inout|concurrent|session|skip) ([\w.,=]*\w)`).FindAllStringSubmatch(d.Remedy, -1)
		for i, flag := range flags {
			list := map[string]*[]string{"inout": &o.InOut, "concurrent": &o.Concurrent, "session": &o.Session, "skip": &o.Skip}[flag[1]]
			if flag[1] != "skip" || i == 0 {
				*list = append(*list, strings.Split(flag[2], ",")...)
			}
		}
	}
	result := generate(o)
	for _, d := range result.Diagnostics {
		t.Errorf("although told what to do: %s", d)
	}
	if got, want := result.Summaries[0].Shared, len([]string{"Fill", "Get", "Keep", "Lock", "Options", "Poll", "Sort", "TryLock", "Unlock", "Wait"}); got != want {
		t.Errorf("got %d methods in the proxy, want %d", got, want)
	}
}

const foreignSource = `package o

import (
	"context"
	"encoding/json"
	"io"
	"iter"
	"reflect"
	"sync"
	"syscall"
	"unsafe"
)

type T struct {
	n int
	sync.Mutex
}

type (
	hidden struct{ A int }
	Option func(*T)
	Handle struct{ n int }
	Lossy  struct{ A, b int }
	Half   struct{ A int }
	Key    struct{ P *int }
)

func (Half) MarshalText() ([]byte, error) { return nil, nil }

func (t *T) Get() int { return t.n }

func (t *T) Copied(p *sync.Once)                  {}
func (t *T) Reflected(p reflect.Value)            {}
func (t *T) Unnameable(p hidden)                  {}
func (t *T) Address(p unsafe.Pointer)             {}
func (t *T) Channel() <-chan int                  { return nil }
func (t *T) Iterator() iter.Seq[int]              { return nil }
func (t *T) Options(p ...Option)                  {}
func (t *T) Function(p func())                    {}
func (t *T) Contexts(a, b context.Context)        {}
func (t *T) Raw() syscall.RawConn                 { return nil }
func (t *T) Unnamed(p interface{ M() })           {}
func (t *T) Unimplemented(p io.Reader)            {}
func (t *T) Handles() *Handle                     { return nil }
func (t *T) Loses(p Lossy)                        {}
func (t *T) LosesToo(p Lossy)                     {}
func (t *T) Halves(p Half)                        {}
func (t *T) Keys(p map[Key]int)                   {}
func (t *T) Errors(p map[error]int)               {}
func (t *T) Huge(p [200000]int)                   {}
func (t *T) Sort(p []string)                      { p[0] = "" }
func (t *T) Keep(p *int)                          { ints <- p }
func (t *T) Fill(data []byte, p any) error        { return json.Unmarshal(data, p) }
func (t *T) Wait()                                { <-done }
func (t *T) Poll() int                            { return len(ints) }
func (t *T) Fluent() *T                           { return t }
func (t *T) Other() *T                            { return new(T) }

var (
	ints = make(chan *int, 1)
	done = make(chan bool)
)
`
