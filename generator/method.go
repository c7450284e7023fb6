package generator

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"strings"
)

// method is one exported method of a shared type.
type method struct {
	name  string
	fn    *types.Func
	decl  *ast.FuncDecl // nil when it is declared in another package
	body  *ast.FuncDecl // its source, if that is needed and at hand
	file  declarations  // what is declared beside it
	pos   token.Pos     // its name, or the field that promotes it
	depth int           // 1 for the type's own methods, more for promoted ones
	from  string        // for promoted methods, the type they come from
	place string        // where it stands in another package, if that is known
	doc   []string      // lines of its doc comment, without the slashes

	mode   string // "", "Shared" or "Concurrent"
	detach bool   // Close, ending the handle only: not in the table
	settings

	context  int // index of the context among params, or -1
	params   []*value
	results  []*value // without the trailing error, and the receiver of a fluent one
	fails    bool     // the last result is an error
	fluent   bool     // before the results comes the receiver: in the client only
	variadic bool
	options  *value // the last parameter, if only the proxy has it; else nil
	named    bool   // the results have names
	errName  string // what the user calls the trailing error
}

// value is a parameter or a result.
type value struct {
	label string // for diagnostics: "parameter n", "result 2"
	user  string // the user's name for it, "" if there is none to use
	typ   types.Type
	pos   token.Pos // its declaration

	passing passing
}

// origin says where a method comes from that is not declared at its position.
func (m *method) origin() string {
	switch {
	case m.from != "" && m.place != "":
		return "promoted from " + m.from + " (" + m.place + "): "
	case m.from != "":
		return "promoted from " + m.from + ": "
	case m.place != "":
		return "declared at " + m.place + ": "
	}
	return ""
}

// collectMethods fills s.methods with the exported methods of *T that can be
// served, and reports those that cannot. It adds all names to known and returns
// how many there are.
func (s *service) collectMethods(r *reporter, o *checkOptions, known map[string]bool) (found int) {
	set := types.NewMethodSet(types.NewPointer(s.typ))
	s.interfaces = implementedBy(set)
	var without []string // what the proxy has not
	var all []*method
	for i := range set.Len() {
		sel := set.At(i)
		fn := sel.Obj().(*types.Func)
		if !fn.Exported() {
			continue
		}
		known[fn.Name()] = true
		m := s.newMethod(sel)
		if m.place != "" {
			r.declared(m.pos, m.name, m.place)
		}
		m.readSettings(r, o)
		m.choosePassing(r, o)
		all = append(all, m)
	}
	pairSessions(all)
	for _, m := range all {
		if s.accept(r, o, m) {
			s.methods = append(s.methods, m)
			if !m.fluent {
				continue
			}
		}
		without = append(without, m.name)
	}
	s.checkSessions(r, known)
	if !s.isUnheldLock(r) {
		s.warnOfWaiting(r)
	}
	slices.SortFunc(s.methods, func(a, b *method) int { return strings.Compare(a.name, b.name) })
	s.summarise(r, without)
	return len(all)
}

func (s *service) newMethod(sel *types.Selection) *method {
	fn := sel.Obj().(*types.Func)
	m := &method{name: fn.Name(), fn: fn, pos: fn.Pos(), decl: s.src.Decls[fn.Pos()], depth: len(sel.Index())}
	if m.depth > 1 {
		m.from = types.TypeString(fn.Signature().Recv().Type(), s.src.qualify)
	}
	if m.decl != nil {
		m.doc = docLines(m.decl.Doc)
	} else {
		m.pos, m.place = s.pos, s.src.place(fn)
		if st, ok := s.typ.Underlying().(*types.Struct); ok && m.from != "" {
			m.pos = s.blamed(st.Field(sel.Index()[0]))
		}
	}
	m.describe(fn.Signature())
	if s.isFluent(m) {
		m.fluent, m.named, m.results = true, false, m.results[1:]
	}
	return m
}

// describe takes the signature apart.
func (m *method) describe(sig *types.Signature) {
	m.context, m.variadic = -1, sig.Variadic()
	for i := range sig.Params().Len() {
		v := newValue("parameter", sig.Params().At(i), i, sig.Params().Len())
		if m.context < 0 && isContext(v.typ) {
			m.context = i
		}
		m.params = append(m.params, v)
	}
	n := sig.Results().Len()
	m.named = n > 0
	for i := range n {
		v := newValue("result", sig.Results().At(i), i, n)
		if v.user == "" {
			m.named = false
		}
		if i == n-1 && isError(v.typ) {
			m.fails, m.errName = true, v.user
			continue
		}
		m.results = append(m.results, v)
	}
}

func newValue(kind string, v *types.Var, i, n int) *value {
	user := v.Name()
	// Export data calls the results of some functions #rv1.
	if user == "_" || !token.IsIdentifier(user) {
		user = ""
	}
	label := kind
	switch {
	case user != "":
		label += " " + user
	case n > 1:
		label += " " + strconv.Itoa(i+1)
	}
	return &value{label: label, user: user, typ: v.Type(), pos: v.Pos(), passing: asValue}
}

// detachable reports whether m is a Close that may end the handle instead.
func (m *method) detachable() bool {
	return m.name == "Close" && len(m.results) == 0 &&
		(len(m.params) == 0 || len(m.params) == 1 && m.context == 0)
}

// implicit are the methods that fmt, json and log call unasked, so that they
// must neither panic nor take long.
var implicit = map[string]string{
	"Error":       "func() string",
	"Format":      "func(fmt.State, rune)",
	"GoString":    "func() string",
	"LogValue":    "func() log/slog.Value",
	"MarshalJSON": marshalSignature,
	"MarshalText": marshalSignature,
	"String":      "func() string",
}

func (m *method) implicit() bool {
	signature, ok := implicit[m.name]
	return ok && signature == plainSignature(m.fn.Signature())
}

func isContext(t types.Type) bool { return isNamed(t, "context", "Context") }

func isNamed(t types.Type, pkg, name string) bool {
	n, ok := types.Unalias(t).(*types.Named)
	return ok && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == pkg && n.Obj().Name() == name
}

func isError(t types.Type) bool {
	return types.Identical(t, types.Universe.Lookup("error").Type())
}

// docLines returns the text of a doc comment, without directives.
func docLines(doc *ast.CommentGroup) []string {
	text := strings.TrimRight(doc.Text(), "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// withoutContext returns the parameters that travel.
func (m *method) withoutContext() []*value {
	params := m.params
	if m.options != nil {
		params = params[:len(params)-1]
	}
	if m.context < 0 {
		return params
	}
	return slices.Concat(params[:m.context], params[m.context+1:])
}
