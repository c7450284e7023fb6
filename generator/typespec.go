package generator

import (
	"fmt"
	"go/parser"
	"go/token"
	"strings"
)

// typeSpec is a type as the command line names it: by its name alone if the
// package declares it, with an import path and a dot in front if another one
// does, and with type arguments, if it is an instance, in brackets.
type typeSpec struct {
	text string // as given
	path string // import path; "" for the package itself
	name string
	args string // with their brackets; "" for none
}

// parseTypeSpec takes a type's text apart.
func parseTypeSpec(text string) (*typeSpec, error) {
	bad := fmt.Errorf("-type: %q is not the name of a type", text)
	if strings.HasPrefix(text, "'") {
		return nil, fmt.Errorf("-type: %s has single quotes, which go generate takes for a part of it: leave them out, or put double ones around what has spaces", text)
	}
	spec := &typeSpec{text: text, name: text}
	if i := strings.IndexByte(text, '['); i >= 0 {
		spec.name, spec.args = text[:i], text[i:]
		if _, err := parser.ParseExpr("T" + unqualified(spec.args)); err != nil || !strings.HasSuffix(text, "]") {
			return nil, fmt.Errorf("-type: %q does not end in type arguments as Go writes them, like [string,example.com/app.User]", text)
		}
	}
	if i := strings.LastIndexByte(spec.name, '.'); i >= 0 {
		spec.path, spec.name = spec.name[:i], spec.name[i+1:]
		if !isImportPath(spec.path) {
			return nil, bad
		}
	}
	if !token.IsIdentifier(spec.name) {
		return nil, bad
	}
	return spec, nil
}

// isImportPath reports whether the go command could take path for one: flags,
// files and patterns are none.
func isImportPath(path string) bool {
	for _, c := range path {
		if !isPathRune(c) {
			return false
		}
	}
	return path != "" && !strings.HasPrefix(path, "-") && !strings.HasPrefix(path, ".") && !strings.HasPrefix(path, "/") && !strings.Contains(path, "...")
}

// declared reports whether the package itself declares the type, and it has no type
// arguments.
func (s *typeSpec) declared() bool { return s.path == "" && s.args == "" }

// base returns the part of generated names that stands for the type, which Options.Name
// may give.
func (s *typeSpec) base(name string) string {
	if name != "" {
		return name
	}
	return s.name
}

// specsOf returns the specs of texts that are valid.
func specsOf(texts []string) []*typeSpec {
	var specs []*typeSpec
	for _, text := range texts {
		if spec, err := parseTypeSpec(text); err == nil {
			specs = append(specs, spec)
		}
	}
	return specs
}
