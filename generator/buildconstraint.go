package generator

import (
	"go/ast"
	"go/build/constraint"
	"path/filepath"
	"slices"
	"strings"
)

// The systems and architectures that constrain a file by its name's ending.
// The list is closed for names: the go command adds none, so that no existing
// file changes its meaning.
var (
	systems = []string{"aix", "android", "darwin", "dragonfly", "freebsd", "hurd", "illumos", "ios", "js", "linux", "nacl",
		"netbsd", "openbsd", "plan9", "solaris", "wasip1", "windows", "zos"}
	architectures = []string{"386", "amd64", "amd64p32", "arm", "armbe", "arm64", "arm64be", "loong64", "mips", "mipsle", "mips64",
		"mips64le", "mips64p32", "mips64p32le", "ppc", "ppc64", "ppc64le", "riscv", "riscv64", "s390", "s390x", "sparc", "sparc64", "wasm"}
)

// buildConstraint returns when file is part of the package, as an expression
// for a //go:build line; "" means always.
func (src *source) buildConstraint(file *ast.File) string {
	var terms []string
	name := strings.TrimSuffix(filepath.Base(src.fset.Position(file.Package).Filename), ".go")
	parts := strings.Split(name, "_")[1:]
	if n := len(parts); n > 0 && slices.Contains(architectures, parts[n-1]) {
		terms = append(terms, parts[n-1])
		parts = parts[:n-1]
	}
	if n := len(parts); n > 0 && slices.Contains(systems, parts[n-1]) {
		terms = append([]string{parts[n-1]}, terms...)
	}
	if line := buildLine(file); line != "" {
		if len(terms) > 0 && strings.Contains(line, "||") {
			line = "(" + line + ")"
		}
		terms = append(terms, line)
	}
	return strings.Join(terms, " && ")
}

// buildLine returns the expression of the file's //go:build line, or "".
func buildLine(file *ast.File) string {
	for _, group := range file.Comments {
		if group.Pos() > file.Package {
			break
		}
		for _, c := range group.List {
			if constraint.IsGoBuild(c.Text) {
				if expr, err := constraint.Parse(c.Text); err == nil {
					return expr.String()
				}
			}
		}
	}
	return ""
}
