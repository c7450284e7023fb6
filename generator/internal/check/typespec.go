package check

import (
	"cmp"
	"fmt"
	"go/parser"
	"go/token"
	"strings"
	"unicode"
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
	isOther := func(c rune) bool { return !isPathRune(c) }
	return path != "" && !strings.ContainsFunc(path, isOther) && !strings.HasPrefix(path, "-") && !strings.HasPrefix(path, ".") && !strings.HasPrefix(path, "/") && !strings.Contains(path, "...")
}

// Declared reports whether the package itself declares the type, and it has no type
// arguments.
func (s *TypeSpec) Declared() bool { return s.Path == "" && s.Args == "" }

// Base returns the part of generated names that stands for the type, which Options.Name
// may give.
func (s *TypeSpec) Base(name string) string {
	return cmp.Or(name, s.Name)
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

// EachName calls f for every word of source that is a name or, as on the
// command line, a name with an import path in front: example.com/app.User. It
// returns source with each of these words replaced by the result of f.
func EachName(source string, f func(path, name string) string) string {
	var b strings.Builder
	for source != "" {
		start := strings.IndexFunc(source, func(c rune) bool { return unicode.IsLetter(c) || c == '_' })
		if start < 0 {
			break
		}
		b.WriteString(source[:start])
		source = source[start:]
		end := strings.IndexFunc(source, func(c rune) bool { return !isPathRune(c) })
		if end < 0 {
			end = len(source)
		}
		word := source[:end]
		dot := strings.LastIndexByte(word, '.')
		b.WriteString(f(word[:max(dot, 0)], word[dot+1:]))
		source = source[end:]
	}
	return b.String() + source
}

func isPathRune(c rune) bool {
	return unicode.IsLetter(c) || unicode.IsDigit(c) || strings.ContainsRune("_./~-", c)
}

func isNoName(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) && c != '_' }

// unqualified returns source without import paths.
func unqualified(source string) string {
	return EachName(source, func(_, name string) string { return name })
}
