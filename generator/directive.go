package generator

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

const directivePrefix = "//loopgen:"

// directives are those that a method's doc comment may hold; skip may stand
// in that of an error type as well.
var directives = []string{"skip", "readonly", "concurrent"}

// has reports whether the method's doc comment holds the directive.
func (m *method) has(directive string) bool {
	return m.decl != nil && holds(m.decl.Doc, directive)
}

func holds(doc *ast.CommentGroup, directive string) bool {
	if doc == nil {
		return false
	}
	for _, c := range doc.List {
		if strings.TrimRight(c.Text, " \t") == directivePrefix+directive {
			return true
		}
	}
	return false
}

// strayDirectives reports directives that are misspelt or stand where they
// mean nothing: one that is overlooked in silence does the opposite of what
// its author wanted.
func (src *source) strayDirectives(r *reporter) {
	atMethod := make(map[*ast.CommentGroup]bool)
	for _, decl := range src.decls {
		if decl.Recv != nil && decl.Doc != nil {
			atMethod[decl.Doc] = true
		}
	}
	atError := make(map[*ast.CommentGroup]bool)
	for name, doc := range src.typeDocs() {
		if obj := src.types.Scope().Lookup(name); obj != nil && implementsError(types.NewPointer(obj.Type())) {
			atError[doc] = true
		}
	}
	for _, file := range src.files {
		for _, group := range file.Comments {
			for _, c := range group.List {
				if atError[group] && strings.TrimRight(c.Text, " \t") == directivePrefix+"skip" {
					continue
				}
				reportStray(r, c.Text, c.Pos(), atMethod[group])
			}
		}
	}
}

// typeDocs returns the doc comments of the package's types by their names.
func (src *source) typeDocs() map[string]*ast.CommentGroup {
	docs := make(map[string]*ast.CommentGroup)
	for _, file := range src.files {
		for _, decl := range file.Decls {
			gen, ok := decl.(*ast.GenDecl)
			if !ok || gen.Tok != token.TYPE {
				continue
			}
			for _, spec := range gen.Specs {
				spec := spec.(*ast.TypeSpec)
				if doc := spec.Doc; doc != nil {
					docs[spec.Name.Name] = doc
				} else if gen.Doc != nil && !gen.Lparen.IsValid() {
					docs[spec.Name.Name] = gen.Doc
				}
			}
		}
	}
	return docs
}

func reportStray(r *reporter, text string, pos token.Pos, atMethod bool) {
	name, ok := strings.CutPrefix(text, directivePrefix)
	if !ok {
		spaced, isLine := strings.CutPrefix(text, "//")
		spaced = strings.TrimLeft(spaced, " \t")
		if rest, found := strings.CutPrefix(spaced, "loopgen:"); isLine && found && isDirective(firstWord(rest)) {
			r.report(Error, pos, "", "a directive has no space after the slashes", "write "+directivePrefix+firstWord(rest))
		}
		return
	}
	word := firstWord(name)
	switch {
	case !isDirective(word):
		remedy := "there are //loopgen:skip, //loopgen:readonly and //loopgen:concurrent"
		if near := nearest(word, directives); near != "" {
			remedy = "did you mean " + directivePrefix + near + "?"
		}
		r.report(Error, pos, "", "unknown directive "+directivePrefix+word, remedy)
	case strings.TrimSpace(name) != word:
		r.report(Error, pos, "", directivePrefix+word+" takes no argument", "put other words on a line of their own")
	case !atMethod:
		r.report(Error, pos, "", directivePrefix+word+" is not in the doc comment of a method", "put it directly above the method, without an empty line between")
	}
}

func isDirective(word string) bool {
	for _, d := range directives {
		if d == word {
			return true
		}
	}
	return false
}

func firstWord(s string) string {
	if i := strings.IndexAny(s, " \t"); i >= 0 {
		return s[:i]
	}
	return s
}
