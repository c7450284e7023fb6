package rt

import (
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every program that shares an object links package rt, so what it depends on
// is a decision, not an accident.
func TestDependencies(t *testing.T) {
	const own = "github.com/loopgen/loopgen/"
	want := []string{
		"github.com/fxamacker/cbor/v2",
		"github.com/gofrs/flock",
		"github.com/x448/float16", // of cbor
		"golang.org/x/sys/unix",
		own + "rt",
		own + "rt/internal/control",
		own + "rt/internal/cut",
		own + "rt/internal/daemon",
		own + "rt/internal/host",
		own + "rt/internal/inprocess",
		own + "rt/internal/platform",
		own + "rt/internal/process",
		own + "rt/internal/quota",
		own + "rt/internal/rt",
		own + "rt/internal/rundir",
		own + "rt/internal/self",
		own + "rt/internal/sock",
		own + "rt/internal/start",
		own + "rt/internal/stats",
		own + "rt/internal/usercode",
		own + "rt/internal/value",
		own + "rt/internal/wire",
		own + "rt/schema",
		own + "rt/stub",
	}
	for pkg, most := range map[string][]string{
		own + "rt": want,
		own + "rt/stub": {
			"github.com/fxamacker/cbor/v2", "github.com/x448/float16",
			own + "rt/internal/cut", own + "rt/internal/platform", own + "rt/internal/rt", own + "rt/internal/usercode", own + "rt/internal/value", own + "rt/internal/wire", own + "rt/schema", own + "rt/stub",
		},
		own + "rt/schema":             {own + "rt/schema"},
		own + "rt/internal/inprocess": {own + "rt/internal/inprocess"},
		own + "rt/internal/rt":        {own + "rt/internal/rt"},
		own + "rt/internal/wire":      {"github.com/fxamacker/cbor/v2", "github.com/x448/float16", own + "rt/internal/wire"},
		own + "rt/internal/rundir":    {"github.com/gofrs/flock", "golang.org/x/sys/unix", own + "rt/internal/cut", own + "rt/internal/platform", own + "rt/internal/rundir"},
		own + "rt/internal/quota":     {own + "rt/internal/quota"},
		own + "rt/internal/sock":      {"golang.org/x/sys/unix", own + "rt/internal/platform", own + "rt/internal/sock"},
		own + "rt/internal/usercode":  {own + "rt/internal/cut", own + "rt/internal/usercode"},
		own + "rt/internal/process":   {"golang.org/x/sys/unix", own + "rt/internal/platform", own + "rt/internal/process"},
	} {
		cmd := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", pkg)
		cmd.Env = append(cmd.Environ(), "GOOS=linux", "GOARCH=amd64")
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Fields(string(out))
		slices.Sort(got)
		slices.Sort(most)
		if !slices.Equal(got, most) {
			t.Errorf("%s depends on\n%s\nwant\n%s", pkg, strings.Join(got, "\n"), strings.Join(most, "\n"))
		}
	}
}

// The wire knows neither sockets nor files, and nothing but generated code and
// users may depend on rt. Of rt the generator imports only schema.
func TestLayers(t *testing.T) {
	for _, test := range []struct{ pkg, never string }{
		{"../rt/internal/wire", `^(net|os)$`},
		{"../rt/stub", `/loopgen/rt$`},
		{"../rt/schema", `^(net|os)$|\.`},
		{"../rt/internal/...", `/loopgen/rt$`},
		{"../rt/internal/rundir", `/rt/internal/(wire|process|start)$`},
		{"../rt/internal/daemon", `/rt/internal/(rundir|process|start|self|host)$|^os/exec$`},
		{"../rt/internal/sock", `/rt/internal/(wire|rundir|process|start|daemon|host)$|/rt/stub$`},
		{"../rt/internal/process", `/rt/internal/(daemon|host|sock|wire|rundir)$`},
		{"../rt/internal/start", `^net$|/rt/internal/process$`},
		{"../rt/internal/control", `/rt/internal/(daemon|host|process|start|self)$|/rt/stub$|^os/exec$`},
		{"../rt/inspect", `/rt/internal/(daemon|host|start|self)$|/rt/stub$|^os/exec$`},
		{"../rt/inspect/internal/jsonvalue", `^(net|os)$|/rt/internal/[^w]|/rt/stub$`},
		{"../cmd/loopctl", `/rt/internal/|^os/exec$|^net$`},
		{"../rt/profile", `^(net|os)$|/loopgen/rt$|/rt/internal/[^dw]`},
		{"../rt", `/rt/inspect$`},
		{"../generator/...", `/loopgen/rt($|/[^s]|/s[^c])`},
		{"../rt/...", `/loopgen/generator|golang.org/x/tools|jennifer`},
	} {
		out, err := exec.Command("go", "list", "-f", "{{join .Imports \"\\n\"}}", test.pkg).Output()
		if err != nil {
			t.Fatal(err)
		}
		never := regexp.MustCompile(test.never)
		for imported := range strings.FieldsSeq(string(out)) {
			if never.MatchString(imported) {
				t.Errorf("%s imports %s", test.pkg, imported)
			}
		}
	}
}

// Only a program that imports package profile links the profiler of the standard library.
func TestProfilerIsLinkedByItsPackage(t *testing.T) {
	for pkg, want := range map[string]bool{"../examples/counter": false, ".": false, "./inspect": false, "./profile": true} {
		out, err := exec.Command("go", "list", "-deps", pkg).Output()
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.Contains(strings.Fields(string(out)), "runtime/pprof"); got != want {
			t.Errorf("%s links runtime/pprof: %t, want %t", pkg, got, want)
		}
	}
}

// A program links a part only if its generated code or its author imports it: package rt
// and the packages below it import none, and know parts as stub.Part only.
func TestCoreImportsNoPart(t *testing.T) {
	core := regexp.MustCompile(`/loopgen/rt/(internal/[^/]+|stub|schema)$`)
	out, err := exec.Command("go", "list", "-f", "{{$from := .ImportPath}}{{range .Imports}}{{$from}} {{.}}\n{{end}}", ".", "./internal/...", "./stub", "./schema").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		from, imported, _ := strings.Cut(strings.TrimSpace(line), " ")
		if strings.Contains(imported, "/loopgen/rt/") && !core.MatchString(imported) {
			t.Errorf("%s imports %s", from, imported)
		}
	}
}
