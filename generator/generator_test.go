package generator_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/build"
	"os"
	"path/filepath"
	"slices"
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

// TestOutParameters has methods that do and do not write through a pointer
// that they are given in an interface.
func TestOutParameters(t *testing.T) {
	cases := map[string]bool{
		"Decode(v any) error { return nil }":                                                      true,
		"UnmarshalKey(key string, raw interface{}) error { return nil }":                          true,
		"Scanf(format string, a ...any) error { return nil }":                                     true,
		"Call(method string, args, reply any) error { return nil }":                               true,
		"Scan(dest ...any) error { return nil }":                                                  true,
		"ScanRow(a any) error { return nil }":                                                     true,
		"Scan(val any) error { return nil }":                                                      true,
		"Scan(src any) error { *src.(*int) = 1; return nil }":                                     true,
		"Scan(src any) (err error, ok bool) { return nil, false }":                                true,
		"As(target any) bool { return false }":                                                    true,
		"Get(key string, v any) error { return nil }":                                             true,
		"Load(key string, into any) (bool, error) { return false, nil }":                          true,
		"Config(c any) error { return json.Unmarshal(nil, c) }":                                   true,
		"Config(c any) { *c.(*int) = 1 }":                                                         true,
		"Config(key string, c any) (bool, error) { return true, json.NewDecoder(nil).Decode(c) }": true,
		"Get(key any) (value any, ok bool) { return nil, false }":                                 false,
		"Set(key string, v any) {}":                                                               false,
		"Put(key, value any) bool { return true }":                                                false,
		"LoadOrStore(key, value any) (actual any, loaded bool) { return nil, false }":             false,
		"Scanner(v any) {}": false,
		"Scan(src any) error { b, ok := src.([]byte); if !ok { return nil }; var n int; return json.Unmarshal(b, &n) }": false,
		"Scan(src any) error { return nil }":                                                  false,
		"Scan(value any) (err error) { _, err = sql.Named(\"n\", value), nil; return err }":   false,
		"Scan(value any) error { return (&sql.Row{}).Scan(value) }":                           true,
		"Encode(v any) error { _, err := json.Marshal(v); return err }":                       false,
		"Logf(format string, args ...any) {}":                                                 false,
		"Compare(a, b any) (int, error) { x, ok := a.(*int); if ok { *x++ }; return 0, nil }": true,
		"Matches(v any) bool { n, ok := v.(int); return ok && n > 0 }":                        false,
		"GetOr(key string, value any) any { return value }":                                   false,
		"Find(value any) int { return 0 }":                                                    false,
	}
	var bodies []string
	for body := range cases {
		bodies = append(bodies, body)
	}
	// All in one run, each a method of its own type on a line of its own.
	slices.Sort(bodies)
	source := "package p; import (\"database/sql\"; \"encoding/json\"); var (_ = json.Marshal; _ sql.Scanner)\n"
	var names []string
	for i, body := range bodies {
		names = append(names, fmt.Sprint("T", i))
		source += fmt.Sprintf("type T%d struct{}; func (T%d) Other() {}; func (T%d) %s\n", i, i, i, body)
	}
	result, err := generator.Generate(t.Context(), generator.Options{Types: names, Dir: packageOf(t, source)})
	if err != nil {
		t.Fatal(err)
	}
	said := make(map[string]string)
	for _, d := range result.Diagnostics {
		said[bodies[d.Pos.Line-2]] += d.String()
	}
	for body, leftOut := range cases {
		if got := strings.Contains(said[body], "is by all appearances for a pointer"); got != leftOut || !leftOut && said[body] != "" {
			t.Errorf("%s: left out: %v, want %v; said %q", body, got, leftOut, said[body])
		}
	}
}

// TestInPlace has methods that do and do not write into their arguments.
func TestInPlace(t *testing.T) {
	for body, leftOut := range map[string]bool{
		"M(p []int) { p[0] = 1 }":                                                            true,
		"M(p *int) { *p = 1 }":                                                               true,
		"M(p *struct{ A int }) { p.A++ }":                                                    true,
		"M(p []struct{ A [2]int }) { p[0].A[1] += 2 }":                                       true,
		"M(p map[int]int) { delete(p, 1) }":                                                  true,
		"M(p []int) { copy(p[1:], []int{2}) }":                                               true,
		"M(p []int) { if len(p) > 0 { (*(&p))[0] = 1; p[0]++ } }":                            true,
		"Read(p []byte) (int, error) { p[0] = 1; return 0, nil }":                            false,
		"ReadFrom(a, b []byte) (n int) { b[0] = 1; return }":                                 false,
		"ReadAll(p []byte) error { p[0] = 1; return nil }":                                   true,
		"M(p *int) { fmt.Sscanf(\"1\", \"%d\", p) }":                                         true,
		"M(p *int) { fmt.Sscan(\"1\", p) }":                                                  true,
		"M(p *int) string { return fmt.Sprint(*p) }":                                         false,
		"M(p *int) error { _, err := asn1.Unmarshal(nil, p); return err }":                   true,
		"M(p *[]byte) error { var n int; _, err := asn1.Unmarshal(*p, &n); return err }":     false,
		"M(p []int) { clear(p) } //":                                                         true,
		"M(p []byte) { var v struct{ T }; v.Scan(p) }":                                       false,
		"M(p []int) { q := p[1:]; q[0] = 2 }":                                                true,
		"M(p []byte) error { _, err := r.Read(p); return err }":                              true,
		"M(p []byte) { r.ReadAt(p[1:], 2) }":                                                 true,
		"M(p []byte) { binary.BigEndian.PutUint16(p, 2) }":                                   true,
		"M(p *int) error { return json.NewDecoder(r).Decode(p) }":                            true,
		"M(p []byte) error { var v int; return json.Unmarshal(p, &v) }":                      false,
		"M(p []byte) { r := bytes.NewReader(p); r.Read(nil) }":                               false,
		"M(p []int) { q := append(p, 1); q[0] = 2 }":                                         false,
		"M(p []int) { p = append(p, 1); p[0] = 2 }":                                          false,
		"M(p struct{ A int }) { p.A = 1 }":                                                   false,
		"M(p *int) int { return *p }":                                                        false,
		"Write(p []byte) (int, error) { return len(p), nil }":                                false,
		"M(p []int) { copy(make([]int, 1), p) }":                                             false,
		"M(z *big.Int) { if z == nil { z = new(big.Int) }; z.SetInt64(1) }":                  true,
		"M(z *big.Int) { if z == nil { z = new(big.Int); z.SetInt64(1) } }":                  false,
		"M(z *big.Int) { if z := new(big.Int); true { z.SetInt64(1) } }":                     false,
		"M(z *big.Int) { z.Add(z, z) }":                                                      true,
		"M(z *big.Int) string { return z.String() }":                                         false,
		"M(p []int) { for len(p) > 0 { p = p[1:]; p[0] = 1 } }":                              true,
		"M(p []int) { p = p[1:]; p[0] = 1 }":                                                 true,
		"M(p []struct{ A int }) { for i := range p { e := &p[i]; e.A = 1 } }":                true,
		"M(p []struct{ A int }) { for _, e := range p { e.A = 1 } }":                         false,
		"M(p []*struct{ A int }) { for _, e := range p { e.A = 1 } }":                        true,
		"M(p []int) { for _, p := range [][]int{{1}} { p[0] = 1 } }":                         false,
		"M(p []int) { func(p []int) { p[0] = 1 }(nil) }":                                     false,
		"M(p []int) { func() { p[0] = 1 }() }":                                               true,
		"M(p []int) { var q []int; if true { q = p }; q[0] = 1 }":                            true,
		"M(p []int) { switch q := p; { case len(q) > 0: q[0] = 1 } }":                        true,
		"M(p []string) { sort.Sort(sort.Reverse(sort.StringSlice(p))) }":                     true,
		"M(p []string) { sort.Sort(sort.StringSlice(p[1:])) }":                               true,
		"M(p []string) { sort.Sort(sort.StringSlice(clone(p))) }":                            false,
		"M(p []string) { sort.Stable(sort.StringSlice(append([]string{}, p...))) }":          false,
		"M(p []int) error { return binary.Read(r, binary.LittleEndian, p) }":                 true,
		"M(p []int) { fill(0, p) }":                                                          true,
		"M(p []int) { fill(0, p[1:]) }":                                                      true,
		"M(p []int) { fill(0, append(p, 1)) }":                                               false,
		"M(p []int) { read(p) }":                                                             false,
		"M(p *U) { p.Touch() }":                                                              true,
		"M(p *U) { p.Look() }":                                                               false,
		"(t T) M(p *U) { t.touch(p) }":                                                       true,
		"M(p map[int]int) { loop(p, 3) }":                                                    false,
		"AppendTo(p []byte) []byte { for range 3 { p = append(p, 0) }; p[0] = 1; return p }": false,
		"M(p []byte) []byte { p[0] = 1; return p }":                                          true,
		"M(p *int) { kept = p }":                                                             false,
		"M(q []int) { p := make([]int, 1); p[0] = q[0]; _ = p[0] }":                          false,
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			_, said := diagnosticsOf(t, "import (\n\"bytes\"\n\"encoding/asn1\"\n\"encoding/binary\"\n\"encoding/json\"\n\"fmt\"\n\"math/big\"\n\"sort\"\n)\nvar _ big.Int\nvar _ = sort.Sort\nvar _ = fmt.Sprint\nvar _ asn1.BitString\nvar r *bytes.Reader\nvar _ = json.NewDecoder\nvar _ = binary.BigEndian\n"+
				"var kept *int\ntype U struct{ N int }\nfunc (u *U) Touch() { u.N++ }\nfunc (u *U) Look() { println(u.N) }\nfunc (t T) touch(u *U) { u.Touch() }\n"+
				"func fill(n int, p []int) { p[0] = n }\nfunc read(p []int) { println(p[0]) }\nfunc loop(p map[int]int, n int) { loop(p, n-1) }\ntype T struct{}\nfunc "+withReceiver(body)+"\nfunc (T) Other() {}\nfunc (T) Scan([]byte) {}\n")
			got := len(said) == 1 && strings.Contains(said[0], "is written to by the method")
			if got != leftOut || !leftOut && len(said) > 0 {
				t.Errorf("left out: got %v (%q), want %v", got, said, leftOut)
			}
		})
	}
}

// withReceiver puts a receiver in front of a method, unless it has one.
func withReceiver(method string) string {
	if strings.HasPrefix(method, "(") {
		return method
	}
	return "(T) " + method
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
