package corpus

import (
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/loopgen/loopgen/generator"
)

// TestSpelling generates for a type with a method for each exported type of the
// packages in the lists, and of those that they import. The generator spells the types
// as package stub does in the compiled program.
func TestSpelling(t *testing.T) {
	dir := newModule(t)
	source, methods := probe(t)
	for _, pkg := range []string{"probe", "spell"} {
		if err := os.Mkdir(filepath.Join(dir, pkg), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(dir, "probe", "probe.go"), source)
	write(t, filepath.Join(dir, "spell", "main.go"), `package main

import (
	"fmt"
	"reflect"

	"example.com/corpus/probe"
	"github.com/loopgen/loopgen/rt/stub"
)

func main() {
	for m := range reflect.TypeFor[probe.T]().Methods() {
		fmt.Println(m.Name, stub.SignatureOf(m.Type))
	}
}
`)
	o := generator.Options{Types: []string{"T"}, Dir: filepath.Join(dir, "probe"), Schema: true}
	result, err := generator.Generate(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range result.Diagnostics {
		if d.Severity == generator.Error {
			o.Skip = append(o.Skip, d.Method)
		}
	}
	if result, err = generator.Generate(t.Context(), o); err != nil || len(result.Schemas) != 1 {
		t.Fatalf("got %v, %v, want a schema", result, err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "run", "./spell")
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	compiled := strings.Split(string(out), "\n")
	described := result.Schemas[0].Methods
	for _, m := range described {
		// Only the row of a method says that its argument is compared.
		if line := m.Name + " " + strings.Replace(m.Text, "(compared ", "(", 1); !slices.Contains(compiled, line) {
			i := slices.IndexFunc(compiled, func(line string) bool { return strings.HasPrefix(line, m.Name+" ") })
			t.Errorf("source   %s\ncompiled %s", line, compiled[i])
		}
	}
	var types []string
	for _, m := range described {
		typ := strings.TrimSuffix(strings.TrimPrefix(m.Text, "func("), ")")
		if typ != "" && len(typ) <= longestSpelling { // a context is not spelled
			types = append(types, strings.TrimPrefix(typ, "compared "))
		}
	}
	slices.Sort(types)
	text := strings.Join(slices.Compact(types), "\n") + "\n"
	if *update {
		write(t, spellings, text)
	}
	if want, err := os.ReadFile(spellings); err != nil || string(want) != text {
		t.Errorf("%s differs, %v; run go test -run TestSpelling -update:\n%s", spellings, err, diff(string(want), text))
	}
	if len(described) < 500 {
		t.Errorf("%d of %d types were compared, want at least 500", len(described), methods)
	}
	t.Logf("%d of %d types can be sent, and were compared", len(described), methods)
}

// spellings has the spelled types, up to longestSpelling bytes each. The test of the
// translation from JSON uses them.
const (
	spellings       = "../../rt/inspect/internal/jsonvalue/testdata/types.txt"
	longestSpelling = 1000
)

// isInternal matches the paths of packages that the probe cannot import.
var isInternal = regexp.MustCompile(`(^|/)(internal|vendor)(/|$)|^(unsafe|runtime/cgo)$`)

// probe returns the source of a package with a type T, and the number of its methods.
func probe(t *testing.T) (source string, methods int) {
	var paths []string
	for _, name := range []string{"types.txt", "stores.txt"} {
		for _, c := range readTypes(t, name) {
			paths = append(paths, c.path)
		}
	}
	exports := make(map[string]string)
	out, err := exec.CommandContext(t.Context(), "go", append([]string{"list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}"}, paths...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		exports[path] = file
	}
	packages := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	imports, body := "", ""
	for i, path := range slices.Sorted(maps.Keys(exports)) {
		if isInternal.MatchString(path) {
			continue
		}
		pkg, err := packages.Import(path)
		if err != nil {
			t.Fatal(err)
		}
		before := methods
		for _, name := range pkg.Scope().Names() {
			obj, ok := pkg.Scope().Lookup(name).(*types.TypeName)
			if !ok || !obj.Exported() {
				continue
			}
			args, ok := typeArguments(obj.Type())
			if i, isInterface := obj.Type().Underlying().(*types.Interface); !ok || isInterface && !i.IsMethodSet() {
				continue // a constraint, or one that no candidate satisfies
			}
			body += fmt.Sprintf("func (T) M%d(x%d.%s%s) {}\n", methods, i, name, args)
			methods++
		}
		if methods > before {
			imports += fmt.Sprintf("import x%d %q\n", i, path)
		}
	}
	return "package probe\n\n" + imports + "\ntype T struct{}\n\n" + body, methods
}

// typeArguments returns type arguments for t in brackets, "" if t is not generic. It
// returns false if it has none that satisfy the constraints.
func typeArguments(t types.Type) (string, bool) {
	generic, ok := t.(interface{ TypeParams() *types.TypeParamList })
	if !ok || generic.TypeParams().Len() == 0 {
		return "", true
	}
	if _, alias := t.(*types.Alias); alias {
		return "", false
	}
	var args []string
	for p := range generic.TypeParams().TypeParams() {
		i := slices.IndexFunc(candidates, func(source string) bool {
			arg, err := types.Eval(token.NewFileSet(), nil, token.NoPos, source)
			return err == nil && types.Satisfies(arg.Type, p.Constraint().Underlying().(*types.Interface))
		})
		if i < 0 {
			return "", false
		}
		args = append(args, candidates[i])
	}
	return "[" + strings.Join(args, ", ") + "]", true
}

// candidates are type arguments, the odd ones first.
var candidates = []string{"map[rune]*struct{ A byte `json:\"a.b\"`; B []any }", "struct{ C [2]uint8 }", "string", "int", "float64"}
