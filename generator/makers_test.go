package generator

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Each flag that is listed for a type without constructor can be copied as it is: a
// shell and go generate read it alike, and loopgen accepts it.
func TestListedConstructors(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"go.mod":       "module example.com/p\n\ngo 1.26\n\nrequire other.org/o v0.0.0\n\nreplace other.org/o => ./o\n",
		"p.go":         "package p\n\nimport (\n\t\"crypto/tls\"\n\n\t\"other.org/o\"\n)\n\ntype User struct{ Name string }\n\nfunc Dial() {}\n\ntype Users = o.Cache[string, User]\n\nvar _ tls.Conn\n",
		"o/go.mod":     "module other.org/o\n\ngo 1.26\n",
		"o/foreign.go": constructorSource,
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	generate := func(t *testing.T, typ, constructor string) *Result {
		t.Helper()
		result, err := Generate(t.Context(), Options{Types: []string{typ}, New: constructor, Name: "X", Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	shell, _ := exec.LookPath("sh")
	for typ, want := range map[string]string{
		"other.org/o.DB":                `"Open(\"…\", 0600, nil)" "OpenWith(o.Options{}, \"…\", 0, false, 0, [2]int{})"`,
		"other.org/o.Conn":              `"o.Dial(context.Background(), nil, nil, nil, nil, nil)"`,
		"other.org/o.Cache[int,string]": `"NewCache[int, string](nil, \"…\")"`,
		"other.org/o.Cache":             `"NewCache[K, V](nil, *new(V))"`,
		"Users":                         `"NewCache[string, User](nil, User{})"`,
		"other.org/o.Escaped":           `"MakeEscaped(url.URL{}, nil)"`,
		"database/sql.DB":               `Open "OpenDB(nil)"`,
		"crypto/tls.Conn":               `"tls.Dial(\"…\", \"…\", nil)" "DialWithDialer(nil, \"…\", \"…\", nil)" "Client(nil, nil)" "Server(nil, nil)"`,
		"log/slog.Logger":               `"New(nil)" Default With`,
	} {
		t.Run(typ, func(t *testing.T) {
			t.Parallel()
			said := generate(t, typ, "").Diagnostics
			i := slices.IndexFunc(said, func(d Diagnostic) bool { return strings.HasPrefix(d.Reason, "needs -new: ") })
			if i < 0 {
				t.Fatalf("got %v, want a diagnostic that lists constructors", said)
			}
			var listed []string
			for _, flag := range regexp.MustCompile(`-new ("(?:[^"\\]|\\.)*"|\S+?)(?: |,|$)`).FindAllStringSubmatch(said[i].Remedy, -1) {
				listed = append(listed, flag[1])
			}
			if last := len(listed) - 1; last < 0 || listed[last] != "zero" || strings.Join(listed[:last], " ") != want {
				t.Errorf("got the flags %s, want %s and zero", listed, want)
			}
			for _, flag := range listed {
				value := flag
				if flag[0] == '"' {
					var err error
					if value, err = strconv.Unquote(flag); err != nil { // as go generate does
						t.Fatal(err)
					}
				}
				if shell != "" {
					out, err := exec.Command(shell, "-c", "printf %s "+flag).Output()
					if err != nil || string(out) != value {
						t.Errorf("a shell reads %s as %s (%v), go generate as %s", flag, out, err, value)
					}
				}
				result := generate(t, typ, value)
				if len(result.Files) != 1 {
					t.Errorf("-new %s: %v", flag, result.Diagnostics)
				}
				for _, d := range result.Diagnostics {
					if strings.Contains(d.String(), "-new") {
						t.Errorf("-new %s: %s", flag, d)
					}
				}
			}
		})
	}
}

const constructorSource = `package o

import (
	"context"
	"io"
	"io/fs"
	"net/url"
	"time"
	"unsafe"
)

type Options struct{ Hook func() }

type Name string

type DB struct{ path string }

func (*DB) Path() string { return "" }

func Open(path string, mode fs.FileMode, options *Options) (*DB, error) { return nil, nil }

func OpenWith(o Options, name Name, after time.Duration, sync bool, ratio complex64, sizes [2]int, more ...Options) (DB, error) {
	return DB{}, nil
}

type Conn struct{ w io.Writer }

func (*Conn) Send(p []byte) error { return nil }

func Dial(ctx context.Context, w io.Writer, hosts []string, headers map[string]string, done chan int, at unsafe.Pointer, opts ...func(*Conn)) (*Conn, error) {
	return nil, nil
}

type Cache[K comparable, V any] struct{ m map[K]V }

func (c *Cache[K, V]) Get(key K) (v V, ok bool) { return v, false }

func NewCache[K comparable, V any](onEvict func(K, V), missing V) *Cache[K, V] { return nil }

type Escaped struct{ u func() }

func (*Escaped) Len() int { return 0 }

type hidden struct{ u url.URL }

func MakeEscaped(u url.URL, f func()) Escaped { return Escaped{} }

// MakeHidden has a parameter that cannot be written.
func MakeHidden(h hidden, f func()) Escaped { return Escaped{} }
`
