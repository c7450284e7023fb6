package generator

import (
	"go/ast"
	"go/build"
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
	line := buildLine(file)
	needsCgo := importsCgo(file) && (strings.Contains(line, "||") || !slices.Contains(strings.Fields(line), "cgo"))
	if line != "" {
		if (len(terms) > 0 || needsCgo) && strings.Contains(line, "||") {
			line = "(" + line + ")"
		}
		terms = append(terms, line)
	}
	if needsCgo {
		terms = append(terms, "cgo")
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

// covers reports whether, in each build for which within holds, one of the
// constraints does.
func covers(within string, constraints []string) bool {
	var terms []string
	if within != "" {
		terms = append(terms, "!("+within+")")
	}
	for _, c := range constraints {
		if c == "" {
			return true
		}
		terms = append(terms, "("+c+")")
	}
	expr, err := constraint.Parse("//go:build " + strings.Join(terms, " || "))
	return err == nil && alwaysHolds(expr)
}

// runtimeSystems are those for which the runtime can be built.
var runtimeSystems = []string{"aix", "android", "darwin", "dragonfly", "freebsd", "illumos", "ios", "linux", "netbsd", "openbsd", "solaris", "windows"}

// alwaysHolds tries all systems, the architectures that are mentioned and another
// one, and the other tags set and not. Of more tags than anybody uses it expects
// the worst.
func alwaysHolds(expr constraint.Expr) bool {
	targets := []string{"another"}
	var free []string
	expr.Eval(func(tag string) bool { // is asked for every tag
		switch {
		case slices.Contains(architectures, tag):
			targets = append(targets, tag)
		case !slices.Contains(free, tag) && !slices.Contains(systems, tag) && tag != "unix" && !strings.HasPrefix(tag, "go1."):
			free = append(free, tag)
		}
		return false
	})
	if len(free) > 8 {
		return false
	}
	for _, system := range runtimeSystems {
		for _, target := range targets {
			for set := range 1 << len(free) {
				holds := expr.Eval(func(tag string) bool {
					i := slices.Index(free, tag)
					return i >= 0 && set>>i&1 == 1 || tag == target || isSystem(tag, system) ||
						slices.Contains(build.Default.ReleaseTags, tag)
				})
				if !holds {
					return false
				}
			}
		}
	}
	return true
}

// isSystem reports whether tag holds for a system.
func isSystem(tag, system string) bool {
	switch tag {
	case "unix":
		return system != "windows"
	case "linux":
		return system == "linux" || system == "android"
	case "darwin":
		return system == "darwin" || system == "ios"
	case "solaris":
		return system == "solaris" || system == "illumos"
	}
	return tag == system
}
