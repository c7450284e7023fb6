package corpus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/loopgen/loopgen/generator"
)

// TestCorpus generates for types of many kinds, each embedded in a type of the
// generated file's package.
func TestCorpus(t *testing.T) { testTypes(t, "types", false) }

// TestStores generates for databases, caches, configurations and clients, and for
// what they return to work with. Each is shared as it is, with its own
// constructor, and embedded.
func TestStores(t *testing.T) { testTypes(t, "stores", true) }

// testTypes generates for the types of a list, compiles and calls the result, and
// compares the fate of each method with the golden file beside the list.
func testTypes(t *testing.T, name string, direct bool) {
	list := readTypes(t, name+".txt")
	if direct {
		list = bothWays(list)
	}
	dir := newModule(t)
	said := make([][]generator.Diagnostic, len(list))
	table := []string{"package main\n\nimport (\n\t\"reflect\"\n"}
	var calls []string
	for i, c := range list {
		pkg := filepath.Join(dir, fmt.Sprintf("p%d", i))
		if err := os.Mkdir(pkg, 0o777); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(pkg, "t.go"), c.source())
		table = append(table, fmt.Sprintf("\tp%d \"example.com/corpus/p%[1]d\"\n", i))
		calls = append(calls, fmt.Sprintf("\tadd(%q, %v, %#v, %q, reflect.TypeFor[p%[5]d.TAPI](), p%[5]d.NewT, p%[5]d.ShareT)\n", c.title, c.call, c.not, c.after, i))
	}
	generateAll(t, dir, list, said)
	if t.Failed() {
		return
	}
	write(t, filepath.Join(dir, "table.go"), strings.Join(table, "")+")\n\nfunc init() {\n"+strings.Join(calls, "")+"}\n")
	run(t, dir, "go", "vet", "./...")
	run(t, dir, "go", "build", "-o", "compare", ".")
	results := compare(t, dir)
	if len(results) != len(list) {
		t.Fatalf("got %d results for %d types", len(results), len(list))
	}
	report(t, results, said)
	compareGolden(t, name+".golden", results, said)
}

// report checks what became of each method and prints the coverage.
func report(t *testing.T, results []result, said [][]generator.Diagnostic) {
	var shared, all int
	for i, r := range results {
		for _, p := range r.Problems {
			t.Errorf("%s: %s", r.Name, p)
		}
		for _, m := range r.Methods {
			if !slices.Contains(r.Shared, m) && !slices.ContainsFunc(said[i], func(d generator.Diagnostic) bool { return d.Method == m }) {
				t.Errorf("%s: %s was left out without a word", r.Name, m)
			}
		}
		t.Logf("%-55s %3d of %3d methods shared, %3d called", r.Name, len(r.Shared), len(r.Methods), len(r.Called))
		shared, all = shared+len(r.Shared), all+len(r.Methods)
	}
	t.Logf("%d types: %d of %d methods shared (%d%%)", len(results), shared, all, 100*shared/max(1, all))
}

// generateAll writes the generated files, and keeps what was said.
func generateAll(t *testing.T, dir string, list []corpusType, said [][]generator.Diagnostic) {
	var all sync.WaitGroup
	defer all.Wait()
	next := make(chan int)
	defer close(next)
	for range 2 {
		all.Go(func() {
			for i := range next {
				o := list[i].options()
				o.Dir = filepath.Join(dir, fmt.Sprintf("p%d", i))
				result, err := generator.Generate(t.Context(), o)
				if err != nil || len(result.Files) != 1 {
					t.Errorf("%s: got %v, %v, want a file", list[i].title, result, err)
					continue
				}
				said[i] = result.Diagnostics
				if err := os.WriteFile(result.Files[0].Path, result.Files[0].Content, 0o666); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range list {
		next <- i
	}
}

// newModule returns a directory with this module's requirements and the program
// that compares.
func newModule(t *testing.T) string {
	dir := t.TempDir()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	mod := string(read(t, "go.mod"))
	mod = regexp.MustCompile(`(?m)^module .*`).ReplaceAllString(mod, "module example.com/corpus")
	write(t, filepath.Join(dir, "go.mod"), strings.Replace(mod, "=> ../..", "=> "+root, 1))
	write(t, filepath.Join(dir, "go.sum"), string(read(t, "go.sum")))
	programs, err := filepath.Glob(filepath.Join("compare", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range programs {
		write(t, filepath.Join(dir, filepath.Base(path)), string(read(t, path)))
	}
	return dir
}

// result is what compare says of a type.
type result struct {
	Name                                      string
	Methods, Client, Shared, Called, Problems []string
}

// compare runs the program. It shuts its daemons down; those of one that crashes
// leave as soon as nobody is connected.
func compare(t *testing.T, dir string) []result {
	cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "compare"))
	files := filepath.Join(dir, "files")
	if err := os.Mkdir(files, 0o777); err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(os.Environ(), "LOOPGEN_DIR="+filepath.Join(dir, "run"), "LOOPGEN_MODE=", "TMPDIR="+files)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("comparing: %v\n%s", err, stderr.Bytes())
	}
	var results []result
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var r result
		if err := d.Decode(&r); errors.Is(err, io.EOF) {
			return results
		} else if err != nil {
			t.Fatal(err)
		}
		results = append(results, r)
	}
}

func run(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
}
