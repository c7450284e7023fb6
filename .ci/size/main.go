// Size prints how large the product is, and fails if a number is greater than
// .ci/size.table says. It runs in the root of the repository.
package main

import (
	"bufio"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

func main() {
	if err := judge(); err != nil {
		fmt.Fprintln(os.Stderr, "size:", err)
		os.Exit(1)
	}
}

// judge prints a line for each row of the table.
func judge() error {
	is, err := measure()
	if err != nil {
		return err
	}
	table, err := os.Open(".ci/size.table")
	if err != nil {
		return err
	}
	defer table.Close()
	beyond := 0
	for lines := bufio.NewScanner(table); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 3 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		most, err := strconv.Atoi(fields[1])
		if err != nil {
			return fmt.Errorf("size.table: %w", err)
		}
		n, ok := is[fields[0]]
		if !ok {
			return fmt.Errorf("size.table: nothing measures %s", fields[0])
		}
		delete(is, fields[0])
		remark := ""
		if n > most {
			remark = "  MORE THAN THE TABLE SAYS"
			beyond++
		}
		fmt.Printf("%-24s %9d  of %9d  %s%s\n", fields[0], n, most, strings.Join(fields[2:], " "), remark)
	}
	for name := range is {
		return fmt.Errorf("size.table lacks %s", name)
	}
	if beyond > 0 {
		return fmt.Errorf("%d numbers have grown: change the table in the commit that makes them grow, and say there what else was considered for removal", beyond)
	}
	return nil
}

func measure() (map[string]int, error) {
	is := make(map[string]int)
	program := filepath.Join(os.TempDir(), fmt.Sprintf("size-%d", os.Getpid()))
	defer os.Remove(program)
	if _, err := run("go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, "./examples/counter"); err != nil {
		return nil, err
	}
	info, err := os.Stat(program)
	if err != nil {
		return nil, err
	}
	is["quickstart/KiB"] = int(info.Size() >> 10)
	deps, err := run("go", "list", "-deps", "./examples/counter")
	if err != nil {
		return nil, err
	}
	is["quickstart/packages"] = strings.Count(deps, "\n")
	for _, dir := range []string{"rt", "rt/stub"} {
		names, fields, err := exported(dir)
		if err != nil {
			return nil, err
		}
		is[dir+"/names"] = names
		if dir == "rt" {
			is["rt/Config"] = fields["Config"]
		}
	}
	if is["loopgen/flags"], err = count("cmd/loopgen/main.go", `(?m)^//	-[a-z]+ `); err != nil {
		return nil, err
	}
	if is["loopgen/directives"], err = count("generator/internal/check/directive.go", `(?m)^	\{"[a-z]+", `); err != nil {
		return nil, err
	}
	paths, err := run("go", "test", "-count=1", "-v", "-run", "^TestPathsCanBeRead$", "./rt")
	if err != nil {
		return nil, err
	}
	for _, found := range regexp.MustCompile(`(?s)RUN +TestPathsCanBeRead/A_(call|start),_in_the_(client|daemon).*?(\d+) functions, (\d+) lines`).FindAllStringSubmatch(paths, -1) {
		name := found[1] + "/" + found[2]
		is[name+"/functions"], _ = strconv.Atoi(found[3])
		is[name+"/lines"], _ = strconv.Atoi(found[4])
	}
	return is, nil
}

// exported counts the exported names of a package on Linux, methods of exported types
// included, and the exported fields of each struct.
func exported(dir string) (names int, fields map[string]int, err error) {
	fields = make(map[string]int)
	files, err := run("go", "list", "-f", `{{join .GoFiles "\n"}}`, "./"+dir)
	if err != nil {
		return 0, nil, err
	}
	for _, name := range strings.Fields(files) {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return 0, nil, err
		}
		for _, decl := range file.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				if decl.Name.IsExported() && (decl.Recv == nil || ast.IsExported(receiver(decl.Recv.List[0].Type))) {
					names++
				}
			case *ast.GenDecl:
				for _, spec := range decl.Specs {
					names += declared(spec, fields)
				}
			}
		}
	}
	return names, fields, nil
}

// declared counts the exported names of a declaration and notes the fields of a struct.
func declared(spec ast.Spec, fields map[string]int) (names int) {
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		if spec.Name.IsExported() {
			names++
		}
		if st, ok := spec.Type.(*ast.StructType); ok {
			for _, f := range st.Fields.List {
				for _, id := range f.Names {
					if id.IsExported() {
						fields[spec.Name.Name]++
					}
				}
			}
		}
	case *ast.ValueSpec:
		for _, id := range spec.Names {
			if id.IsExported() {
				names++
			}
		}
	}
	return names
}

func receiver(expr ast.Expr) string {
	for {
		switch e := expr.(type) {
		case *ast.StarExpr:
			expr = e.X
		case *ast.IndexExpr:
			expr = e.X
		case *ast.IndexListExpr:
			expr = e.X
		case *ast.Ident:
			return e.Name
		default:
			return ""
		}
	}
}

func count(path, pattern string) (int, error) {
	text, err := fs.ReadFile(os.DirFS("."), path)
	return len(regexp.MustCompile(pattern).FindAll(text, -1)), err
}

func run(name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Env = append(cmd.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out), nil
}
