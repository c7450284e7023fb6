package check

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"strings"
	"time"
)

const directivePrefix = "//loopgen:"

// directives are those that a method's doc comment may hold; skip may stand
// in that of an error type as well. Each is a flag, too, which names methods.
var directives = []struct {
	name string
	form string // of its argument, by example; "" if it takes none
	fits func(argument string) bool

	flag      func(*Options) []string // the items of the flag
	separator string                  // between the method's name and its value
	flagForm  string                  // of an item, by example
}{
	{"skip", "", nil, func(o *Options) []string { return o.Skip }, "", ""},
	{"readonly", "", nil, func(o *Options) []string { return o.ReadOnly }, "", ""},
	{"concurrent", "", nil, func(o *Options) []string { return o.Concurrent }, "", ""},
	{"exclusive", "", nil, func(o *Options) []string { return o.Exclusive }, "", ""},
	{"idempotent", "", nil, func(o *Options) []string { return o.Idempotent }, "", ""},
	{"inout", "p, with p a parameter", token.IsIdentifier, func(o *Options) []string { return o.InOut }, ".", "Method.parameter"},
	{"in", "p, with p a parameter", token.IsIdentifier, func(o *Options) []string { return o.In }, ".", "Method.parameter"},
	{"session", "end=Unlock, with Unlock the method that ends it", isEnd, func(o *Options) []string { return o.Session }, "=", "Lock=Unlock"},
	{"timeout", "5s, or another time above zero", isTimeout, func(o *Options) []string { return o.Timeout }, "=", "Method=5s"},
}

func isEnd(argument string) bool {
	end, ok := strings.CutPrefix(argument, "end=")
	return ok && token.IsIdentifier(end)
}

func isTimeout(argument string) bool {
	d, err := time.ParseDuration(argument)
	return err == nil && d > 0
}

func (m *Method) has(directive string) bool { return len(m.arguments(directive)) > 0 }

// asked reports whether the directive or the flag of that name asks for something.
func (m *Method) asked(directive string, flag []string) bool {
	return m.has(directive) || slices.Contains(flag, m.Name)
}

// arguments returns the argument of each such directive in the method's doc
// comment, "" for one without.
func (m *Method) arguments(directive string) []string {
	if m.decl == nil {
		return nil
	}
	return arguments(m.decl.Doc, directive)
}

func arguments(doc *ast.CommentGroup, directive string) []string {
	if doc == nil {
		return nil
	}
	var list []string
	for _, c := range doc.List {
		text, ok := strings.CutPrefix(c.Text, directivePrefix)
		if word := firstWord(text); ok && word == directive {
			list = append(list, strings.TrimSpace(text[len(word):]))
		}
	}
	return list
}

// StrayDirectives reports directives that are misspelt or stand where they
// mean nothing: if one were overlooked in silence, the method would not be shared
// as its author wants.
func (src *Source) StrayDirectives(r *Reporter) {
	atMethod := make(map[*ast.CommentGroup]bool)
	for _, decl := range src.Decls {
		if decl.Recv != nil && decl.Doc != nil {
			atMethod[decl.Doc] = true
		}
	}
	atError := make(map[*ast.CommentGroup]bool)
	for name, doc := range src.typeDocs() {
		if obj := src.Types.Scope().Lookup(name); obj != nil && implementsError(types.NewPointer(obj.Type())) {
			atError[doc] = true
		}
	}
	for _, file := range src.Files {
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
func (src *Source) typeDocs() map[string]*ast.CommentGroup {
	docs := make(map[string]*ast.CommentGroup)
	for spec, decl := range specsOf[*ast.TypeSpec](src.Files, token.TYPE) {
		if spec.Doc != nil {
			docs[spec.Name.Name] = spec.Doc
		} else if decl.Doc != nil && !decl.Lparen.IsValid() {
			docs[spec.Name.Name] = decl.Doc
		}
	}
	return docs
}

func reportStray(r *Reporter, line string, pos token.Pos, atMethod bool) {
	text, ok := strings.CutPrefix(line, directivePrefix)
	if right := misspelt(line); right != "" {
		r.Report(Error, pos, "", "this comment is not read as a directive", "write "+right)
		return
	}
	if !ok {
		return
	}
	name := firstWord(text)
	argument := strings.TrimSpace(text[len(name):])
	i := slices.Index(directiveNames(), name)
	switch {
	case i < 0:
		r.Report(Error, pos, "", "unknown directive "+directivePrefix+name,
			didYouMean(name, directiveNames(), directivePrefix, "there are "+strings.Join(directiveNames(), ", ")))
	case directives[i].fits == nil && argument != "":
		r.Report(Error, pos, "", directivePrefix+name+" takes no argument", "put other words on a line of their own")
	case directives[i].fits != nil && !directives[i].fits(argument):
		reason := "has no argument"
		if argument != "" {
			reason = "has the argument " + strconv.Quote(argument)
		}
		r.Report(Error, pos, "", directivePrefix+name+" "+reason, "write "+directivePrefix+name+" "+directives[i].form)
	case !atMethod:
		r.Report(Error, pos, "", directivePrefix+name+" is not in the doc comment of a method", "put it directly above the method, without an empty line between")
	}
}

func directiveNames() []string {
	var names []string
	for _, d := range directives {
		names = append(names, d.name)
	}
	return names
}

func firstWord(s string) string {
	if i := strings.IndexAny(s, " \t"); i >= 0 {
		return s[:i]
	}
	return s
}
