package corpus

import (
	"bufio"
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

// corpusType is a line of types.txt.
type corpusType struct {
	name string // "example.com/pkg.T[int]"
	path string // of its package
	expr string // the type where the package is called x
	make string // makes a pointer to one
	call bool
	not  []string // methods not to be called
}

func TestCorpus(t *testing.T) {
	list := readTypes(t)
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
		calls = append(calls, fmt.Sprintf("\tadd(%q, %v, %#v, reflect.TypeFor[p%[4]d.TAPI](), p%[4]d.NewT, p%[4]d.ShareT)\n", c.name, c.call, c.not, i))
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

func readTypes(t *testing.T) []corpusType {
	f, err := os.Open("types.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var list []corpusType
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		var c corpusType
		line, c.call = strings.CutPrefix(line, "call ")
		line, not, _ := strings.Cut(line, " but ")
		c.name, c.make, _ = strings.Cut(line, " = ")
		if not != "" {
			c.not = strings.Split(not, ", ")
		}
		plain, args, generic := strings.Cut(c.name, "[")
		dot := strings.LastIndex(plain, ".")
		c.path, c.expr = plain[:dot], "x"+plain[dot:]
		if generic {
			c.expr += "[" + args
		}
		if c.make == "" {
			c.make = "new(" + c.expr + ")"
		}
		list = append(list, c)
	}
	return list
}

// source is a package that embeds the type.
func (c *corpusType) source() string {
	s := "package p\n\nimport x \"" + c.path + "\"\n\ntype T struct{ *" + c.expr + " }\n\nfunc NewT() *T { return &T{" + c.make + "} }\n"
	if strings.HasPrefix(c.make, "must(") {
		s += "\nfunc must[V any](v V, err error) V {\n\tif err != nil {\n\t\tpanic(err)\n\t}\n\treturn v\n}\n"
	}
	return s
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
				result, err := generator.Generate(t.Context(), generator.Options{Types: []string{"T"}, Dir: filepath.Join(dir, fmt.Sprintf("p%d", i))})
				if err != nil || len(result.Files) != 1 {
					t.Errorf("%s: got %v, %v, want a file", list[i].name, result, err)
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
	Name                              string
	Methods, Shared, Called, Problems []string
}

// compare runs the program. It shuts its daemons down; those of one that crashes
// leave as soon as nobody is connected.
func compare(t *testing.T, dir string) []result {
	cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "compare"))
	cmd.Env = append(os.Environ(), "LOOPGEN_DIR="+filepath.Join(dir, "run"), "LOOPGEN_MODE=")
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
