package generator_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/build"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/loopgen/loopgen/generator"
)

// packageOf writes a package with one file and returns its directory. It
// imports nothing beyond the standard library, so that any module will do.
func packageOf(t *testing.T, source string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), "module example.com/p\n\ngo 1.26\n")
	write(t, filepath.Join(dir, "p.go"), source)
	return dir
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestMain(m *testing.M) {
	os.Setenv("GOFLAGS", "")
	os.Setenv("GOWORK", "off")
	os.Exit(m.Run())
}

// diagnosticsOf generates for type T of a package whose body is given and
// returns what was said, without positions.
func diagnosticsOf(t *testing.T, body string) (files int, said []string) {
	t.Helper()
	result, err := generator.Generate(t.Context(), generator.Options{Types: []string{"T"}, Dir: packageOf(t, "package p\n\n"+body)})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range result.Diagnostics {
		said = append(said, d.Severity.String()+": "+d.Method+": "+d.Reason)
	}
	return len(result.Files), said
}

// TestData has one case for each kind of value: "" for one that travels.
func TestData(t *testing.T) {
	for _, test := range []struct{ name, declare, typ, want string }{
		{"basic", "", "float32", ""},
		{"recursive", "type N struct{ Next *N; All map[string][]N }", "N", ""},
		{"recursive slice", "type N []N", "N", ""},
		{"anonymous", "", "struct{ A, B int }", ""},
		{"empty", "", "map[string]struct{}", ""},
		{"blank field", "type N struct{ A int; _ int }", "N", ""},
		{"embedded unexported struct", "type n struct{ A int }; type N struct{ n; B int }", "N", ""},
		{"tag with comma", "type N struct{ A int `json:\"-,\"` }", "N", ""},
		{"cbor tag first", "type N struct{ A int `json:\"-\" cbor:\"a\"` }", "N", ""},
		{"binary", "type N struct{ a int }; func (N) MarshalBinary() ([]byte, error) { return nil, nil }; func (*N) UnmarshalBinary([]byte) error { return nil }", "N", ""},
		{"text", "type N struct{ a int }; func (N) MarshalText() ([]byte, error) { return nil, nil }; func (*N) UnmarshalText([]byte) error { return nil }", "[]*N", ""},
		{"struct keys", "type K struct{ A [2]int }", "map[K]bool", ""},
		{"instance", "type P[V any] struct{ V V }", "P[int]", ""},

		{"hidden field", "type N struct{ A int; b int }", "N", "error: M: parameter v (N.b) would be lost, since it is not exported"},
		{"hidden in instance", "type P[V any] struct{ V V; v V }", "P[int]", "error: M: parameter v (P[int].v) would be lost, since it is not exported"},
		{"only hidden fields", "type N struct{ b int }", "N", "warning: M: left out: parameter v is a handle, whose hidden fields cannot leave the daemon (N)"},
		{"object", "import \"sync\"\ntype N struct{ A int; mu sync.Mutex }", "*N", "warning: M: left out: parameter v is a handle, whose hidden fields cannot leave the daemon (*N)"},
		{"object by value", "import \"sync\"\ntype N struct{ A int; mu sync.Mutex }", "N", "error: M: parameter v (N.mu) would be lost, since it is not exported"},
		{"linked", "type N struct{ A int; next *N }", "*N", "warning: M: left out: parameter v is a handle, whose hidden fields cannot leave the daemon (*N)"},
		{"standard handle", "import \"os\"", "*os.File", "warning: M: left out: parameter v is a handle, whose hidden fields cannot leave the daemon (*os.File)"},
		{"embedded interface", "import \"debug/elf\"", "*elf.Section", "warning: M: left out: parameter v is a handle, whose hidden fields cannot leave the daemon (*elf.Section)"},
		{"embedded pointer without hidden fields", "type E struct{ A int }; type N struct{ *E; B int }", "*N", ""},
		{"closable", "type N struct{ A, b int }; func (*N) Close() {}", "*N", "warning: M: left out: parameter v is a handle, whose hidden fields cannot leave the daemon (*N)"},
		{"tag", "type N struct{ A int `json:\"-\"` }", "N", "error: M: parameter v (N.A) would be lost, since its tag says not to encode it"},
		{"same name", "type N struct{ A int `json:\"x\"`; B int `json:\"x\"` }", "N", "error: M: parameter v (N.B) would be lost or hide N.A, since both travel as x"},
		{"shadow", "type E struct{ A int }; type N struct{ E; A int }", "N", "error: M: parameter v (N.A) would be lost or hide N.E.A, since both travel as A"},
		{"embeds itself", "type N struct{ *N; A int }", "N", "error: M: parameter v (N.N) would be lost, since a struct embeds itself there"},
		{"embedded unexported pointer", "type n struct{ A int }; type N struct{ *n; B int }", "N", "error: M: parameter v (N.n) would be lost, since the embedded type is not exported"},
		{"embedded unexported number", "type n int; type N struct{ n; B int }", "N", "error: M: parameter v (N.n) would be lost, since the embedded type is not exported"},
		{"embedded time", "import \"time\"\ntype N struct{ time.Time; A int }", "N", "error: M: parameter v travels by the MarshalBinary of what it embeds, which loses all other fields (N)"},
		{"toarray", "type N struct{ _ struct{} `cbor:\",toarray\"`; A int }", "N", "warning: M: left out: parameter v (N) has the option ,toarray in a cbor tag, which is not supported"},
		{"own CBOR", "type N struct{ A int }; func (N) MarshalCBOR() ([]byte, error) { return nil, nil }", "N", "warning: M: left out: parameter v makes its own CBOR, which is not supported (N)"},
		{"only marshals", "type N struct{ A int }; func (N) MarshalBinary() ([]byte, error) { return nil, nil }", "N", "warning: M: left out: parameter v has MarshalBinary but no UnmarshalBinary, so that it cannot be received (N)"},
		{"only unmarshals", "type N string; func (*N) UnmarshalText([]byte) error { return nil }", "N", "warning: M: left out: parameter v has UnmarshalText but no MarshalText (N)"},
		{"pointer key", "type K struct{ A *int }", "map[K]bool", "warning: M: left out: parameter v has pointers in its keys, which are different ones after travelling (map[K]bool)"},
		{"deep", "type N struct{ A map[string][]struct{ C chan int } }", "N", "warning: M: left out: parameter v (N.A[][].C) is a channel, which is not supported (chan int)"},
		{"error", "", "error", ""},
		{"errors", "type N struct{ E []error; M map[string]*error }", "N", ""},
		{"any", "", "any", ""},
		{"interface{}", "type N struct{ A []map[string]interface{} }", "struct{ A N; B interface{} }", ""},
		{"any in keys", "type K struct{ A any }", "map[K]any", ""},
		{"complex and uintptr", "type H uintptr", "map[complex64]*[2]H", ""},
		{"interface with data", "type I interface{ Area() int }; type D struct{ N int }; func (*D) Area() int { return 0 }", "[]I", ""},
		{"recursive interface with data", "type I interface{ Eval() int }; type Lit int; func (Lit) Eval() int { return 0 }; type Add struct{ L, R I }; func (*Add) Eval() int { return 0 }", "*Add", ""},
		{"interface of commands with data by value", "type I interface{ Do(*int) error }; type D struct{ N int }; func (D) Do(*int) error { return nil }", "I", ""},
		{"foreign interface with data", "import \"net\"", "net.Addr", ""},
		{"interface that marks", "type I interface{ mark(); Pos() int }; type D struct{ N int }; func (*D) mark() {}; func (*D) Pos() int { return 0 }", "I", ""},

		{"error in keys", "type K struct{ A [2]error }", "map[K]bool", "warning: M: left out: parameter v has errors in its keys, which may be different ones after travelling (map[K]bool)"},
		{"interface without data", "type I interface{ Area() int }; type D struct{ n int }; func (*D) Area() int { return 0 }", "I", "warning: M: left out: parameter v is an interface, and no data type known here implements it (I)"},
		{"interface of itself", "type I interface{ Eval() int }; type Add struct{ L, R I }; func (*Add) Eval() int { return 0 }", "[]I", "warning: M: left out: parameter v is an interface, and no data type known here implements it (I)"},
		{"interfaces of each other", "type I interface{ A() int }; type J interface{ B() int }; type P struct{ J J }; func (P) A() int { return 0 }; type Q struct{ I I }; func (Q) B() int { return 0 }", "map[string]J", "warning: M: left out: parameter v is an interface, and no data type known here implements it (J)"},
		{"interface of commands with pointers", "type I interface{ Set(int) }; type D struct{ N int }; func (*D) Set(int) {}", "I", "warning: M: left out: parameter v is an interface, and no data type known here implements it (I)"},
		{"sort", "import \"sort\"", "sort.Interface", "warning: M: left out: parameter v is an interface, and no data type known here implements it (sort.Interface)"},
		{"reader", "import \"io\"", "io.Reader", "warning: M: left out: parameter v is an interface, and no data type known here implements it (io.Reader)"},
		{"unnamed interface", "", "interface{ Area() int }", "warning: M: left out: parameter v is an interface without a name, which is not supported (interface{Area() int})"},
		{"lock", "import \"sync\"", "sync.Mutex", "warning: M: left out: parameter v must not be copied (sync.Mutex)"},
		{"huge", "", "[200000]int", "warning: M: left out: parameter v has more elements than can be sent in one piece ([200000]int)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			files, said := diagnosticsOf(t, test.declare+"\ntype T struct{}\nfunc (T) M(v "+test.typ+") {}\nfunc (T) Other() {}\n")
			if got := strings.Join(said, "\n"); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
			wantFiles := 1
			if strings.HasPrefix(test.want, "error") {
				wantFiles = 0
			}
			if files != wantFiles {
				t.Errorf("got %d files, want %d", files, wantFiles)
			}
		})
	}
}

// A method whose own body changes what is reached from an argument is left out until a
// directive says what becomes of the change, unless the argument is flat memory and the
// method runs in the turn. What the body calls is not read.
func TestBodyWrites(t *testing.T) {
	const (
		shared = ""
		either = "have it copied back with //loopgen:inout p, or accept that with //loopgen:in p"
		in     = "accept that with //loopgen:in p"
	)
	cases := map[string]string{
		// Flat memory is compared.
		"M(p []int) { p[0] = 1 }":                                 shared,
		"M(p *int) { *p = 1 }":                                    shared,
		"M(p *struct{ A int; B [2]bool }) { p.A++ }":              shared,
		"M(p []struct{ A [2]int }) { p[0].A[1] += 2 }":            shared,
		"M(p ...float64) { clear(p) }":                            shared,
		"M(p *[4]byte) { p[0] = 1 }":                              shared,
		"Read(p []byte) (int, error) { p[0] = 1; return 0, nil }": shared,
		// Deeper memory is not.
		"M(p []string) { p[0] = \"\" }":                                  either,
		"M(p *[]int) { *p = append(*p, 1) }":                             either,
		"M(p *[]int) { (*p)[0] = 1 }":                                    either,
		"M(p *struct{ A []int }) { p.A[0]++ }":                           either,
		"M(p *U) { p.Name = \"\" }":                                      either,
		"M(p [][]int) { p[0][0] = 1 }":                                   either,
		"M(p [][2]string) { p[0][1] = \"\" }":                            either,
		"M(p map[int]int) { p[1] = 1 }":                                  either,
		"M(p map[int]int) { p[1]++ }":                                    either,
		"M(p map[int]int) { delete(p, 1) }":                              either,
		"M(p map[int]*U) { p[1].Names[0] = \"\" }":                       either,
		"M(p []string) { clear(p[1:]) }":                                 either,
		"M(p []string) { copy(p, []string{}) }":                          either,
		"M(p []string) []string { return append(p, \"\") }":              either,
		"M(p []*struct{ A int }) { for _, e := range p { e.A = 1 } }":    either,
		"M(p []*struct{ A int }) { for i := range p { p[i].A = 1 } }":    either,
		"M(p []U) { for i := range p { e := &p[i]; e.Name = \"\" } }":    either,
		"M(p []string) { for i, p[0] = range []string{} {} }; var i int": either,
		// A value that refers to memory cannot be inout.
		"M(p U) { p.Names[0] = \"\" }":                                                in,
		"M(p [1]*U) { p[0].Name = \"\" }":                                             in,
		"M(p any) { *p.(*int) = 1 }":                                                  in,
		"M(p any) { if n, ok := p.(*int); ok { *n++ } }":                              in,
		"M(p any) { switch p := p.(type) { case *U: p.Name = \"\"; case int: p++ } }": in,
		"M(p U) { p.Name = \"\"; p.Names = nil }":                                     shared,
		"M(p [1]U) { p[0].Name = \"\" }":                                              shared,
		"M(p any) { switch p := p.(type) { case U: p.Name = \"\"; case int: p++ } }":  shared,
		// Methods that get the address, or a map.
		"M(p *U) { p.Touch() }":                                    either,
		"M(p U) { p.Touch() }":                                     in,
		"M(p []U) { p[0].Touch() }":                                either,
		"M(p Counts) { p.Add(\"\") }":                              either,
		"M(p *U) { p.Look() }":                                     shared,
		"M(p *big.Int) { p.Add(p, p) }":                            either,
		"M(p *big.Int) *big.Int { return new(big.Int).Add(p, p) }": shared,
		"M(p *struct{ U U }) { p.U.Touch() }":                      either,
		// Other names of the same memory.
		"M(p []string) { q := p[1:]; q[0] = \"\" }":                         either,
		"M(p []string) { var q []string; if true { q = p }; q[0] = \"\" }":  either,
		"M(p []string) { switch q := p; { case len(q) > 0: q[0] = \"\" } }": either,
		"M(p []string) { func() { p[0] = \"\" }() }":                        either,
		"M(p []string) { for len(p) > 0 { p = p[1:]; p[0] = \"\" } }":       either,
		"M(p []string) { q := [][]string{p}; q[0][0] = \"\" }":              either,
		"M(p []string) { q := sort.StringSlice(p); q[0] = \"\" }":           either,
		"M(p *U) { names := p.Names; names[0] = \"\" }":                     either,
		"M(p *[2]string) { q := p[:]; q[0] = \"\" }":                        either,
		"M(p map[int][]string) { if q, ok := p[1]; ok { q[0] = \"\" } }":    either,
		"M(p *U) { q := *p; q.Names[0] = \"\" }":                            either,
		"M(p *U) { q := *p; q.Name = \"\"; q.Names = nil }":                 shared,
		// Other memory.
		"M(p []string) { p = clone(p); p[0] = \"\" }":                            shared,
		"M(p []string) { p = append([]string{}, p...); p[0] = \"\" }":            shared,
		"M(p []*U) { p = append([]*U{}, p...); p[0].Name = \"\" }":               either,
		"M(p *U) { if p == nil { p = new(U); p.Name = \"\" } }":                  shared,
		"M(p *U) { if p == nil { p = new(U) }; p.Name = \"\" }":                  either,
		"M(p *U) { if p := new(U); true { p.Name = \"\" } }":                     shared,
		"M(p []string) { for _, p := range [][]string{{\"\"}} { p[0] = \"\" } }": shared,
		"M(p []string) { func(p []string) { p[0] = \"\" }(nil) }":                shared,
		"M(p []string) { q := make([]string, 1); q[0] = p[0]; copy(q, p) }":      shared,
		"M(p []U) { for _, e := range p { e.Name = \"\" } }":                     shared,
		"M(p map[int]int) { q := map[int]int{}; q[p[0]] = p[1] }":                shared,
		"(t *T) M(p []string) { t.kept = p; t.kept[0] = \"\" }":                  shared, // only variables are followed
		// Calls.
		"M(p []string) { sort.Strings(p) }":                shared,
		"M(p []string) { fill(p) }":                        shared,
		"M(p any) error { return json.Unmarshal(nil, p) }": shared,
		"Decode(p any) error { return nil }":               shared,
		// In a mode in which other methods run.
		"//loopgen:concurrent\nM(p []int) { p[0] = 1 }":                                            either,
		"//loopgen:concurrent\n//loopgen:in p\nM(p []int) { p[0] = 1 }":                            shared,
		"//loopgen:readonly\nM(p []int) { p[0] = 1 }":                                              shared,
		"//loopgen:concurrent\nReadAt(p []byte, at int64) (n int, err error) { p[0] = 1; return }": shared,
		"//loopgen:concurrent\nRecv(p []byte) (n int) { p[0] = 1; return }":                        shared,
		// As asked.
		"//loopgen:inout p\nM(p []string) { p[0] = \"\" }": shared,
		"//loopgen:in p\nM(p []string) { p[0] = \"\" }":    shared,
		"//loopgen:in p\nM(p U) { p.Names[0] = \"\" }":     shared,
	}
	// All in one run, each a method of its own type.
	source := `package p

import ("encoding/json"; "math/big"; "sort")

var (_ = json.Marshal; _ = sort.Strings; _ big.Int)

type U struct{ Name string; Names []string }
func (u *U) Touch() { u.Name = "" }
func (u U) Look() {}
type Counts map[string]int
func (c Counts) Add(string) {}
func fill(p []string) { p[0] = "" }
func clone(p []string) []string { return nil }
`
	var names []string
	at := make(map[string]string)
	for i, body := range slices.Sorted(maps.Keys(cases)) {
		names = append(names, fmt.Sprint("T", i))
		comments, method := "", body
		if i := strings.LastIndex(body, "\n"); i >= 0 {
			comments, method = body[:i+1], body[i+1:]
		}
		if strings.HasPrefix(method, "(") {
			method = strings.Replace(method, "*T)", fmt.Sprintf("*T%d)", i), 1)
		} else {
			method = fmt.Sprintf("(T%d) %s", i, method)
		}
		source += fmt.Sprintf("type T%d struct{ kept []string }\nfunc (T%d) Other() {}\n%sfunc %s\n", i, i, comments, method)
		at[strconv.Itoa(strings.Count(source, "\n"))] = body
	}
	result, err := generator.Generate(t.Context(), generator.Options{Types: names, Dir: packageOf(t, source)})
	if err != nil {
		t.Fatal(err)
	}
	said := make(map[string]string)
	for _, d := range result.Diagnostics {
		body := at[strconv.Itoa(d.Pos.Line)]
		if body == "" || !strings.Contains(d.Reason, "parameter p is changed by the method (p.go:"+strconv.Itoa(d.Pos.Line)+"), and the change would stay in the daemon") {
			t.Errorf("unexpected: %s", d)
		}
		said[body] = strings.TrimSuffix(strings.TrimPrefix(d.Remedy, "return the data instead, or "), ", or silence this with //loopgen:skip")
	}
	for body, want := range cases {
		if said[body] != want {
			t.Errorf("%s:\n\tgot  %q\n\twant %q", body, said[body], want)
		}
	}
}

// Generating at the same time, and again, gives the same bytes.
func TestSameInputSameBytes(t *testing.T) {
	dir := packageOf(t, `package p

import ("errors"; "time"; "net/url")

var ErrB, ErrA = errors.New("b"), errors.New("a")

type T struct{}

func (T) B(u url.URL, d time.Duration) (map[string]time.Time, error) { return nil, nil }
func (T) A() {}
`)
	outputs := make([][]byte, 4)
	var all sync.WaitGroup
	for i := range outputs {
		all.Go(func() {
			result, err := generator.Generate(t.Context(), generator.Options{Types: []string{"T"}, Dir: dir})
			if err != nil || len(result.Files) != 1 {
				t.Errorf("got %v, %v", result, err)
				return
			}
			outputs[i] = result.Files[0].Content
		})
	}
	all.Wait()
	for _, output := range outputs[1:] {
		if !bytes.Equal(output, outputs[0]) {
			t.Fatalf("two runs differ:\n%s\n%s", outputs[0], output)
		}
	}
}

// Generate writes nothing, and names its files by absolute path.
func TestWritesNothing(t *testing.T) {
	dir := packageOf(t, "package p\n\ntype T struct{}\n\nfunc (T) M() {}\n")
	result, err := generator.Generate(t.Context(), generator.Options{Types: []string{"T"}, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := result.Files[0].Path, filepath.Join(dir, "t_loop.go"); got != want {
		t.Errorf("got path %s, want %s", got, want)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 2 {
		t.Errorf("got %d directory entries, want the 2 that were there", len(entries))
	}
}

// GOROOT is nobody's, even for who works in it.
func TestInsideGOROOT(t *testing.T) {
	dir := filepath.Join(build.Default.GOROOT, "src", "bytes")
	result, err := generator.Generate(t.Context(), generator.Options{Types: []string{"Buffer"}, Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "is not part of this module") {
		t.Errorf("got %v, %v, want it refused", result, err)
	}
}

func TestContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := generator.Generate(ctx, generator.Options{Types: []string{"T"}, Dir: packageOf(t, "package p\n")})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

// A package under construction, whose generated names are used already, and
// one whose mistakes have nothing to do with that.
func TestUsesOwnOutput(t *testing.T) {
	const start = "type T struct{}\nfunc (T) M() {}\nvar c *TClient\n"
	if files, said := diagnosticsOf(t, start+"var u *UClient; type U struct{}"); files != 1 || len(said) > 0 {
		t.Errorf("got %d files and %q, want 1 and nothing said", files, said)
	}
	if files, said := diagnosticsOf(t, start+"var u *VClient"); files != 0 || len(said) != 1 || said[0] != "error: : undefined: VClient" {
		t.Errorf("got %d files and %q, want only the unknown name reported", files, said)
	}
}

// A directory may have any name, and one that is no pattern.
func TestOddDirectory(t *testing.T) {
	dir := filepath.Join(packageOf(t, "package p\n"), "a[b")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "go.mod"), "module example.com/q\n\ngo 1.26\n")
	write(t, filepath.Join(dir, "q.go"), "package q\n\ntype T struct{}\n\nfunc (T) M() {}\n")
	write(t, filepath.Join(dir, "t_loop.go"), "// Code generated by \"loopgen -type T\"; DO NOT EDIT.\n\npackage q\n\nfunc (\n")
	result, err := generator.Generate(t.Context(), generator.Options{Types: []string{"T"}, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Files) != 1 {
		t.Errorf("got %v, want a file", result.Diagnostics)
	}
}

// A package may have another name than its path suggests, and what is wrong in a
// function body hinders nothing.
func TestImports(t *testing.T) {
	dir := packageOf(t, `package p

import (
	"net/http"

	"example.com/p/go-odd"
)

type T struct{}

func (T) M(v odd.N) {}

func get() { http.NoSuch(odd.N{}) }
`)
	if err := os.Mkdir(filepath.Join(dir, "go-odd"), 0o777); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "go-odd", "odd.go"), "package odd\n\ntype N struct{ A int }\n")
	result, err := generator.Generate(t.Context(), generator.Options{Types: []string{"T"}, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Files) != 1 || !strings.Contains(string(result.Files[0].Content), `odd "example.com/p/go-odd"`) {
		t.Errorf("got %v, want a file that imports odd", result.Diagnostics)
	}
}
