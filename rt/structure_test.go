//go:build !windows

package rt

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
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
)

const own = "github.com/loopgen/loopgen/rt"

// sources are the files of a package, checked with their types.
type sources struct {
	fset  *token.FileSet
	files map[string]*ast.File // by name, without tests
	info  *types.Info
}

// check parses and checks the package with that path below rt, for Linux.
func check(t *testing.T, path string) *sources {
	t.Helper()
	list := func(args ...string) []string {
		cmd := exec.Command("go", append([]string{"list"}, args...)...)
		cmd.Env = append(cmd.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.Split(strings.TrimSpace(string(out)), "\n")
	}
	exports := make(map[string]string)
	for _, line := range list("-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", path) {
		pkg, file, _ := strings.Cut(line, " ")
		exports[pkg] = file
	}
	s := &sources{fset: token.NewFileSet(), files: make(map[string]*ast.File), info: &types.Info{
		Defs: make(map[*ast.Ident]types.Object), Uses: make(map[*ast.Ident]types.Object),
	}}
	var files []*ast.File
	dir := list("-f", "{{.Dir}}", path)[0]
	for _, name := range strings.Fields(list("-f", "{{join .GoFiles \" \"}}", path)[0]) {
		file, err := parser.ParseFile(s.fset, filepath.Join(dir, name), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		s.files[name] = file
		files = append(files, file)
	}
	cfg := types.Config{Importer: importer.ForCompiler(s.fset, "gc", func(pkg string) (io.ReadCloser, error) {
		return os.Open(exports[pkg])
	})}
	if _, err := cfg.Check(path, s.fset, files, s.info); err != nil {
		t.Fatal(err)
	}
	return s
}

// fileOf returns the name of the file that has pos, or "".
func (s *sources) fileOf(pos token.Pos) string {
	return filepath.Base(s.fset.Position(pos).Filename)
}

func (s *sources) lines(n ast.Node) int {
	return s.fset.Position(n.End()).Line - s.fset.Position(n.Pos()).Line + 1
}

// A package of many long files is no longer read from top to bottom.
func TestSourceSizes(t *testing.T) {
	s := check(t, own)
	if len(s.files) > 30 {
		t.Errorf("package rt has %d files, want at most 30: %v", len(s.files), slices.Sorted(maps.Keys(s.files)))
	}
	for name, file := range s.files {
		if n := s.fset.File(file.Pos()).LineCount(); n > 400 {
			t.Errorf("%s has %d lines, want at most 400", name, n)
		}
		for _, decl := range file.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && s.lines(fn) > 60 {
				t.Errorf("%s: %s has %d lines, want at most 60", name, fn.Name.Name, s.lines(fn))
			}
		}
	}
}

// section returns the lines of the part of the package's comment with that heading.
func section(t *testing.T, s *sources, heading string) []string {
	t.Helper()
	_, text, ok := strings.Cut(s.files["doc.go"].Doc.Text(), "# "+heading+"\n")
	if !ok {
		t.Fatalf("doc.go has no section %q", heading)
	}
	text, _, _ = strings.Cut(text, "\n# ")
	return strings.Split(text, "\n")
}

// doc.go lists the files from the public API down, and most names are used from above.
func TestFilesUseThoseBelow(t *testing.T) {
	s := check(t, own)
	rank := make(map[string]int)
	for _, line := range section(t, s, "Files, from top to bottom") {
		for _, name := range regexp.MustCompile(`\b\w+\.go\b`).FindAllString(line, -1) {
			if _, again := rank[name]; !again {
				rank[name] = len(rank)
			}
		}
	}
	for name := range s.files {
		if _, ok := rank[name]; !ok {
			t.Errorf("doc.go does not list %s", name)
		}
	}
	for name := range rank {
		if s.files[name] == nil {
			t.Errorf("doc.go lists %s, which does not exist", name)
		}
	}
	pairs := make(map[[2]string]bool)
	for id, obj := range s.info.Uses {
		if obj.Pkg() == nil || obj.Pkg().Path() != own {
			continue
		}
		from, to := s.fileOf(id.Pos()), s.fileOf(obj.Pos())
		if v, ok := obj.(*types.Var); (!ok || v.IsField() || obj.Parent() == obj.Pkg().Scope()) && from != to {
			pairs[[2]string{from, to}] = true
		}
	}
	var up []string
	for pair := range pairs {
		if rank[pair[0]] > rank[pair[1]] {
			up = append(up, pair[0]+" → "+pair[1])
		}
	}
	slices.Sort(up)
	if 4*len(up) > len(pairs) {
		t.Errorf("%d of %d pairs of files point up, want at most a quarter:\n%s", len(up), len(pairs), strings.Join(up, "\n"))
	}
	t.Logf("%d of %d pairs point up:\n%s", len(up), len(pairs), strings.Join(up, "\n"))
}

// The drawing in doc.go has just the imports that there are.
func TestArrowsAreTrue(t *testing.T) {
	drawn := make(map[string]bool)
	for _, line := range section(t, check(t, own), "Packages") {
		from, to, ok := strings.Cut(line, " → ")
		if !ok {
			continue
		}
		for name := range strings.SplitSeq(to, ", ") {
			drawn[strings.TrimSpace(from)+" → "+strings.TrimSpace(name)] = true
		}
	}
	out, err := exec.Command("go", "list", "-f", "{{$from := .ImportPath}}{{range .Imports}}{{$from}} {{.}}\n{{end}}", own, own+"/internal/...", own+"/stub", own+"/profile", own+"/inspect/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]bool)
	for line := range strings.Lines(string(out)) {
		from, to, _ := strings.Cut(strings.TrimSpace(line), " ")
		if rest, ok := strings.CutPrefix(to, own+"/"); ok && rest != "internal/platform" {
			from = strings.TrimPrefix(strings.TrimPrefix(from, own), "/")
			if from == "" {
				from = "rt"
			}
			found[from+" → "+rest] = true
		}
	}
	for _, arrow := range slices.Sorted(maps.Keys(found)) {
		if !drawn[arrow] {
			t.Errorf("doc.go lacks %s", arrow)
		}
	}
	for _, arrow := range slices.Sorted(maps.Keys(drawn)) {
		if !found[arrow] {
			t.Errorf("doc.go has %s, and there is no such import", arrow)
		}
	}
}

// The functions that doc.go lists for a call, and for a start, call those that are
// indented below them, and can be read in one sitting.
func TestPathsCanBeRead(t *testing.T) {
	all := make(map[string]*sources)
	for _, room := range []string{"", "/internal/daemon", "/internal/host", "/stub"} {
		all[strings.TrimPrefix(filepath.Base(own+room), "/")] = check(t, own+room)
	}
	for _, heading := range []string{"A call, in the client", "A call, in the daemon", "A start, in the client", "A start, in the daemon"} {
		t.Run(heading, func(t *testing.T) {
			var callers []*ast.FuncDecl // by depth
			steps, total := 0, 0
			for _, line := range section(t, all["rt"], heading) {
				step, listed := strings.CutPrefix(line, "\t")
				if !listed {
					continue
				}
				name := strings.TrimLeft(step, " ")
				depth := (len(step) - len(name)) / 2
				fn, s := find(all, name)
				if fn == nil {
					t.Fatalf("there is no function %s", name)
				}
				if depth > 0 && !mentions(callers[depth-1], fn.Name.Name) {
					t.Errorf("%s does not call %s", callers[depth-1].Name.Name, name)
				}
				callers = append(callers[:depth], fn)
				steps++
				total += s.lines(fn)
			}
			if steps == 0 || steps > 14 || total > 350 {
				t.Errorf("%d functions of %d lines, want at most 14 of 350", steps, total)
			}
			t.Logf("%d functions, %d lines", steps, total)
		})
	}
}

// find returns the function that a line such as "daemon.serverConn.read" or
// "client.call" names.
func find(all map[string]*sources, step string) (*ast.FuncDecl, *sources) {
	parts := strings.Split(step, ".")
	pkg := "rt"
	if all[parts[0]] != nil {
		pkg, parts = parts[0], parts[1:]
	}
	for _, file := range all[pkg].files {
		for _, decl := range file.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || fn.Name.Name != parts[len(parts)-1] {
				continue
			}
			recv := ""
			if fn.Recv != nil {
				t := fn.Recv.List[0].Type
				if star, ok := t.(*ast.StarExpr); ok {
					t = star.X
				}
				recv = fmt.Sprint(t)
			}
			if recv == strings.Join(parts[:len(parts)-1], ".") {
				return fn, all[pkg]
			}
		}
	}
	return nil, nil
}

// mentions reports whether a function has the name of another one.
func mentions(fn *ast.FuncDecl, name string) bool {
	found := false
	ast.Inspect(fn, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && id.Name == name {
			found = true
		}
		return !found
	})
	return found
}
