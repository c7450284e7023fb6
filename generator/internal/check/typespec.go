package check

import (
	"fmt"
	"go/parser"
	"go/token"
	"strings"
)

// TypeSpec is a type as the command line names it: by its name alone if the
// package declares it, with an import path and a dot in front if another one
// does, and with type arguments, if it is an instance, in brackets.
type TypeSpec struct {
	Text string // as given
	Path string // import path; "" for the package itself
	Name string
	Args string // with their brackets; "" for none
}

// ParseTypeSpec takes a type's text apart.
func ParseTypeSpec(text string) (*TypeSpec, error) {
	bad := fmt.Errorf("-type: %q is not the name of a type", text)
	if strings.HasPrefix(text, "'") {
		return nil, fmt.Errorf("-type: %s has single quotes, which go generate takes for a part of it: leave them out, or put double ones around what has spaces", text)
	}
	spec := &TypeSpec{Text: text, Name: text}
	if i := strings.IndexByte(text, '['); i >= 0 {
		spec.Name, spec.Args = text[:i], text[i:]
		if _, err := parser.ParseExpr("T" + unqualified(spec.Args)); err != nil || !strings.HasSuffix(text, "]") {
			return nil, fmt.Errorf("-type: %q does not end in type arguments as Go writes them, like [string,example.com/app.User]", text)
		}
	}
	if i := strings.LastIndexByte(spec.Name, '.'); i >= 0 {
		spec.Path, spec.Name = spec.Name[:i], spec.Name[i+1:]
		if !isImportPath(spec.Path) {
			return nil, bad
		}
	}
	if !token.IsIdentifier(spec.Name) {
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

// Declared reports whether the package itself declares the type, and it has no type
// arguments.
func (s *TypeSpec) Declared() bool { return s.Path == "" && s.Args == "" }

// Base returns the part of generated names that stands for the type, which Options.Name
// may give.
func (s *TypeSpec) Base(name string) string {
	if name != "" {
		return name
	}
	return s.Name
}

// SpecsOf returns the specs of texts that are valid.
func SpecsOf(texts []string) []*TypeSpec {
	var specs []*TypeSpec
	for _, text := range texts {
		if spec, err := ParseTypeSpec(text); err == nil {
			specs = append(specs, spec)
		}
	}
	return specs
}
