package load

import (
	"go/ast"
	"go/build"
	"go/build/constraint"
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

// Constraint returns in which builds a file is part of its package, as an expression
// for a //go:build line; "" means all. The file has this name and the expression line
// in its own //go:build line, or "".
func Constraint(name, line string) string {
	var terms []string
	parts := strings.Split(strings.TrimSuffix(strings.TrimSuffix(name, ".go"), "_test"), "_")[1:]
	if n := len(parts); n > 0 && slices.Contains(architectures, parts[n-1]) {
		terms = append(terms, parts[n-1])
		parts = parts[:n-1]
	}
	if n := len(parts); n > 0 && slices.Contains(systems, parts[n-1]) {
		terms = append([]string{parts[n-1]}, terms...)
	}
	if line != "" {
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

// both returns the constraint of builds that satisfy a and b.
func both(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return "(" + a + ") && (" + b + ")"
}

// Disjoint reports whether no build satisfies both constraints.
func Disjoint(a, b string) bool {
	c := both(a, b)
	if c == "" {
		return false
	}
	expr, err := constraint.Parse("//go:build !(" + c + ")")
	return err == nil && counterexample(expr, allPorts) == ""
}

// Uncovered returns a description of a build for which within holds and none of the
// constraints does, such as "windows", or "" if there is no such build. Builds for the
// systems that package rt supports count.
func Uncovered(within string, constraints []string) string {
	var terms []string
	if within != "" {
		terms = append(terms, "!("+within+")")
	}
	for _, c := range constraints {
		if c == "" {
			return ""
		}
		terms = append(terms, "("+c+")")
	}
	if len(terms) == 0 {
		return "any system"
	}
	expr, err := constraint.Parse("//go:build " + strings.Join(terms, " || "))
	if err != nil {
		return "any system"
	}
	return counterexample(expr, runtimePorts)
}

// port is a system with architectures.
type port struct {
	system        string
	architectures []string
}

var (
	// runtimePorts are the ports that package rt supports. A method that only a build for
	// another architecture lacks is shared: hardly any program is built for it, and the
	// compiler reports the missing method there.
	runtimePorts = []port{
		{"linux", []string{"amd64", "arm64", "386", "arm"}},
		{"darwin", []string{"arm64", "amd64"}},
		{"windows", []string{"amd64", "arm64", "386"}},
		{"freebsd", []string{"amd64", "arm64", "386", "arm"}},
	}
	// allPorts are the ports on which package rt compiles.
	allPorts = []port{
		{"linux", []string{"amd64", "arm64", "386", "arm", "loong64", "mips", "mips64", "mips64le", "mipsle", "ppc64", "ppc64le", "riscv64", "s390x"}},
		{"darwin", []string{"arm64", "amd64"}},
		{"windows", []string{"amd64", "arm64", "386"}},
		{"freebsd", []string{"amd64", "arm64", "386", "arm", "riscv64"}},
	}
)

// unsetTags are set only on systems that package rt does not support.
var unsetTags = []string{"appengine", "gopherjs", "tinygo"}

// maxTags bounds the tags whose combinations counterexample tries.
const maxTags = 8

// counterexample returns a build for which expr does not hold, or "". It tries all of
// the ports, and the tags that are no ports set and not set.
func counterexample(expr constraint.Expr, ports []port) string {
	var tags []string
	expr.Eval(func(tag string) bool { // Eval asks for every tag
		if !slices.Contains(tags, tag) && !slices.Contains(architectures, tag) && !slices.Contains(systems, tag) &&
			tag != "unix" && !slices.Contains(unsetTags, tag) && !strings.HasPrefix(tag, "go1.") {
			tags = append(tags, tag)
		}
		return false
	})
	if len(tags) > maxTags {
		return "some combination of " + strings.Join(tags, ", ")
	}
	for set := range 1 << len(tags) {
		var with, without []string
		for i, tag := range tags {
			if set>>i&1 == 1 {
				with = append(with, tag)
			} else {
				without = append(without, tag)
			}
		}
		for _, port := range ports {
			var failing []string
			for _, architecture := range port.architectures {
				holds := expr.Eval(func(tag string) bool {
					return slices.Contains(with, tag) || tag == architecture || isSystem(tag, port.system) ||
						slices.Contains(build.Default.ReleaseTags, tag)
				})
				if !holds {
					failing = append(failing, architecture)
				}
			}
			if len(failing) == 0 {
				continue
			}
			text := port.system
			if len(failing) < len(port.architectures) {
				text += "/" + failing[0]
			}
			switch {
			case len(with) > 0:
				text += " with the tag " + strings.Join(with, " and the tag ")
			case len(without) > 0:
				text += " without the tag " + strings.Join(without, " and the tag ")
			}
			return text
		}
	}
	return ""
}

// isSystem reports whether tag holds for a system of runtimePorts.
func isSystem(tag, system string) bool {
	return tag == system || tag == "unix" && system != "windows"
}
