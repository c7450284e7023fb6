//go:build unix

package rundir_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/loopgen/loopgen/rt/internal/rundir"
)

func text(t *testing.T, e *rundir.Endpoint) []byte {
	t.Helper()
	text, err := e.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestEndpointText(t *testing.T) {
	want := `loopgen 1
network unix
address /run/user/1000/loopgen/x/s-1
key 01000000000000000000000000000000000000000000000000000000000000ff
incarnation 0123
host abcdef01
boot b-1
build 1-2-3-4
config c
service example.com/counter.Counter
name name
scope user
log "/tmp/a b/log"
pid 4711
protocol 1-2
version 3
program example.com/counter "a/b c" 1764518181190593641
method 0 Inc 00ff func(int) (int, error)
method 65535 "Größe" 01 func(struct{A int "json:\"a\""})
method 7 Empty "" ""
end
`
	if got := string(text(t, sample())); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestEndpointRoundTrip(t *testing.T) {
	odd := []string{"", " ", "a b", " a", "a ", `"`, `a"b`, `""`, "\n", "\x00\xff\xfe", "é", "\u2028", "end", `\`, "\r", "\t"}
	for i, s := range odd {
		e := &rundir.Endpoint{Network: s, Address: s, Incarnation: s, Host: s, Boot: s, Build: s, Config: s, Service: s, Name: s, Scope: s, Directory: s, Log: s, Version: i}
		if s != "" {
			e.Program = rundir.ProgramLine{Main: s, Content: s, Modified: time.Unix(int64(i), 7)}
		}
		e.Held = []rundir.HeldLine{{Name: s, Methods: []int{i}}, {Name: s, Methods: []int{0, 65535}}}
		if e.Constructor = s; s != "" {
			e.Arguments = []rundir.ArgumentLine{{Number: i, Type: s, Field: s, Hash: s}, {Number: 1, Hash: "0"}}
		}
		e.Methods = []rundir.MethodLine{{Number: i, Name: s, Hash: s, Signature: s}, {Signature: s + "x" + s}, {Signature: "x" + s + " y"}}
		var got rundir.Endpoint
		if err := got.UnmarshalText(text(t, e)); err != nil || !reflect.DeepEqual(&got, e) {
			t.Errorf("%q: got %+v, %v; want %+v", s, got, err, e)
		}
	}
}

func TestEndpointRefused(t *testing.T) {
	good := string(text(t, sample()))
	replace := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	for name, bad := range map[string]string{
		"empty":            "",
		"trailing bytes":   good + "x",
		"trailing line":    good + "\n",
		"second end":       good + "end\n",
		"early end":        replace("name name\n", "end\nname name\n"),
		"no key":           replace("key 01", "kex 01"),
		"short key":        replace("key 01", "key "),
		"version":          replace("version 3", "version -3"),
		"version twice":    replace("version 3\n", "version 3\nversion 3\n"),
		"half a program":   replace(` "a/b c" 1764518181190593641`, ""),
		"undated program":  replace("1764518181190593641", "today"),
		"not hexadecimal":  replace("key 01", "key zz"),
		"twice":            replace("pid 4711\n", "pid 4711\npid 4711\n"),
		"optional twice":   replace("name name\n", "name name\nname name\n"),
		"negative pid":     replace("pid 4711", "pid -1"),
		"huge pid":         replace("pid 4711", "pid 99999999999999999999"),
		"empty range":      replace("protocol 1-2", "protocol 2-1"),
		"half a range":     replace("protocol 1-2", "protocol 1-"),
		"method number":    replace("method 7", "method 65536"),
		"held by nothing":  replace("end\n", "held x\nend\n"),
		"held by a word":   replace("end\n", "held x 1,y\nend\n"),
		"held by too high": replace("end\n", "held x 65536\nend\n"),
		"held and more":    replace("end\n", "held x 1 2\nend\n"),
		"bare method":      replace(`method 7 Empty "" ""`, "method"),
		"unquoted nothing": replace(`method 7 Empty ""`, "method 7 Empty "),
		"two values":       replace("host abcdef01", "host abcdef01 x"),
		"open quote":       replace(`log "/tmp/a b/log"`, `log "/tmp`),
		"after a quote":    replace(`log "/tmp/a b/log"`, `log "/tmp"x`),
		"quote inside":     replace("host abcdef01", `host a"b`),
		"unquoted control": replace("host abcdef01", "host a\x01b"),
		"not UTF-8":        replace("host abcdef01", "host \"a\xffb\""),
		"empty line":       replace("host abcdef01", ""),
		"first line":       replace("loopgen 1", "loopgen one"),
		"other program":    replace("loopgen 1", "loopback 1"),
	} {
		e := *sample()
		if err := e.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%s: got no error", name)
		} else if !reflect.DeepEqual(&e, sample()) {
			t.Errorf("%s: changed the endpoint all the same", name)
		}
	}
	var e rundir.Endpoint
	if err := e.UnmarshalText([]byte(replace("host abcdef01", "host abcdef01\nfuture 1 2 \"\nfuture x"))); err != nil || e.Host != "abcdef01" {
		t.Errorf("unknown keys: %v", err)
	}
	var version *rundir.VersionError
	if err := e.UnmarshalText([]byte("loopgen 2\nwhatever")); !errors.As(err, &version) || version.Version != 2 {
		t.Errorf("another version: %v", err)
	}
	for _, bad := range []*rundir.Endpoint{{PID: -1}, {Version: -1}, {MinProtocol: 1}, {Methods: []rundir.MethodLine{{Number: -1}}}, {Methods: []rundir.MethodLine{{Number: 65536}}}} {
		if _, err := bad.MarshalText(); err == nil {
			t.Errorf("encoding %+v: got no error", bad)
		}
	}
}

func TestEndpointSize(t *testing.T) {
	e := sample()
	e.Methods = nil
	for i := range 2000 {
		e.Methods = append(e.Methods, rundir.MethodLine{Number: i, Name: fmt.Sprintf("Method%d", i), Hash: strings.Repeat("0", 64), Signature: strings.Repeat("s", 100)})
	}
	var got rundir.Endpoint
	if err := got.UnmarshalText(text(t, e)); err != nil {
		t.Fatal(err)
	}
	if len(got.Methods) != 2000 || got.Methods[1999].Name != "Method1999" || got.Methods[0].Signature != "" {
		t.Errorf("%d methods, the first %+v", len(got.Methods), got.Methods[0])
	}
	// Signatures are only for messages, so they are left out first.
	held := rundir.HeldLine{Name: strings.Repeat("h", 1<<10), Methods: []int{0, 7}}
	for range 50 {
		e.Held = append(e.Held, held)
	}
	got = rundir.Endpoint{}
	if err := got.UnmarshalText(text(t, e)); err != nil || len(got.Held) != 50 || !reflect.DeepEqual(got.Held[49], held) {
		t.Errorf("%d held types, %v; want 50", len(got.Held), err)
	}
	for range 100 {
		e.Held = append(e.Held, held)
	}
	got = rundir.Endpoint{}
	if err := got.UnmarshalText(text(t, e)); err != nil || len(got.Held) != 0 || len(got.Methods) != 2000 {
		t.Errorf("%d held types, %d methods, %v; want 0, 2000", len(got.Held), len(got.Methods), err)
	}
	e.Name = strings.Repeat("n", 256<<10)
	if _, err := e.MarshalText(); err == nil {
		t.Error("an endpoint over 256 KiB: got no error")
	}
}

// TestEndpointFile replaces the file by everything that a daemon does not write.
func TestEndpointFile(t *testing.T) {
	good := text(t, sample())
	d := open(t)
	path := filepath.Join(d.Path(), "endpoint")
	write := func(b []byte) func() error { return func() error { return os.WriteFile(path, b, 0o600) } }
	elsewhere := filepath.Join(t.TempDir(), "endpoint")
	if err := os.WriteFile(elsewhere, good, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, put := range map[string]func() error{
		"nothing":   func() error { return nil },
		"fifo":      func() error { return unix.Mkfifo(path, 0o600) },
		"link":      func() error { return os.Symlink(elsewhere, path) },
		"directory": func() error { return os.Mkdir(path, 0o700) },
		"socket": func() error {
			t.Chdir(d.Path())
			ln, err := net.Listen("unix", "endpoint")
			if err == nil {
				ln.(*net.UnixListener).SetUnlinkOnClose(false)
				err = ln.Close()
			}
			return err
		},
		"device":    func() error { return os.Symlink("/dev/zero", path) },
		"1 MB":      write(bytes.Repeat(good, 1<<20/len(good))),
		"zeros":     write(make([]byte, 1<<20)),
		"garbage":   write([]byte("\x9f\x9f\x9f\xff{}")),
		"mode 0000": func() error { return errors.Join(write([]byte("x"))(), os.Chmod(path, 0)) },
		"someone else's": func() error {
			if os.Geteuid() != 0 {
				return nil
			}
			return errors.Join(write(good)(), os.Chown(path, 65534, 65534))
		},
	} {
		if err := put(); err != nil {
			t.Fatal(err)
		}
		if e, err := d.ReadEndpoint(); !errors.Is(err, rundir.ErrAbsent) {
			t.Errorf("%s: got %v, %v; want ErrAbsent", name, e, err)
		}
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
	for n := range good {
		if err := write(good[:n])(); err != nil {
			t.Fatal(err)
		}
		if _, err := d.ReadEndpoint(); !errors.Is(err, rundir.ErrAbsent) {
			t.Errorf("cut after %d bytes: %v", n, err)
		}
	}
	if err := write([]byte("loopgen 2\nother\n"))(); err != nil {
		t.Fatal(err)
	}
	var version *rundir.VersionError
	_, err := d.ReadEndpoint()
	if !errors.As(err, &version) || errors.Is(err, rundir.ErrAbsent) || version.Path != path || version.Version != 2 {
		t.Errorf("another version: %v", err)
	}
}

func FuzzEndpoint(f *testing.F) {
	good, err := sample().MarshalText()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte("loopgen 1\nnetwork \"\\x00\"\naddress a\nkey x\nmethod 1 a b c d\nend\n"))
	f.Fuzz(func(t *testing.T, input []byte) {
		var first, second rundir.Endpoint
		if first.UnmarshalText(input) != nil || len(input) > 200<<10 {
			return
		}
		text, err := first.MarshalText()
		if err != nil {
			t.Fatalf("%q was read and cannot be written: %v", input, err)
		}
		if err := second.UnmarshalText(text); err != nil || !reflect.DeepEqual(first, second) {
			t.Fatalf("%q became %q: %v", input, text, err)
		}
	})
}
