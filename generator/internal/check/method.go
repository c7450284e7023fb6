package check

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"strings"
)

// Method is one exported method of a shared type.
type Method struct {
	Name  string
	fn    *types.Func
	decl  *ast.FuncDecl // nil when it is declared in another package
	body  *ast.FuncDecl // its source, if that is needed and at hand
	file  declarations  // the declarations beside it
	pos   token.Pos     // its name, or the field that promotes it
	depth int           // 1 for the type's own methods, more for promoted ones
	from  string        // for promoted methods, the type they come from
	place string        // where it stands in another package, if that is known
	Doc   []string      // lines of its doc comment, without the slashes

	Mode   string // "", "Shared" or "Concurrent"
	Detach bool   // Close, ending the handle only: not in the table
	settings

	Context  int // index of the context among params, or -1
	Params   []*Value
	Results  []*Value // without the trailing error, and the receiver of a fluent one
	Fails    bool     // the last result is an error
	Fluent   bool     // before the results comes the receiver: in the client only
	Variadic bool
	Options  *Value // the last parameter, if only the proxy has it; else nil
	Named    bool   // the results have names
	ErrName  string // the user's name for the trailing error
}

// Value is a parameter or a result.
type Value struct {
	label string // for diagnostics: "parameter n", "result 2"
	User  string // the user's name for it, "" if there is none to use
	Typ   types.Type
	pos   token.Pos // its declaration

	Passing passing
}

// origin says where a method comes from that is not declared at its position.
func (m *Method) origin() string {
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

// collector decides which methods are shared, and how.
type collector struct{ *Service }

// collectMethods fills s.Methods with the exported methods of *T that can be
// served, and reports those that cannot. It adds all names to known and returns
// how many there are.
func (s collector) collectMethods(r *Reporter, o *Options, known map[string]bool) (found int) {
	set := types.NewMethodSet(types.NewPointer(s.typ))
	s.interfaces = implementedBy(set)
	var without []string // methods that the proxy lacks
	var all []*Method
	for i := range set.Len() {
		sel := set.At(i)
		fn := sel.Obj().(*types.Func)
		if !fn.Exported() {
			continue
		}
		known[fn.Name()] = true
		m := s.newMethod(sel)
		if m.place != "" {
			r.declared(m.pos, m.Name, m.place)
		}
		settingsReader{m}.readSettings(r, o)
		settingsReader{m}.choosePassing(r, o)
		all = append(all, m)
	}
	pairSessions(all)
	for _, m := range all {
		if s.accept(r, o, m) {
			s.Methods = append(s.Methods, m)
			if !m.Fluent {
				continue
			}
		}
		without = append(without, m.Name)
	}
	waiters(s).checkSessions(r, known)
	if !waiters(s).isUnheldLock(r) {
		waiters(s).warnOfWaiting(r)
	}
	slices.SortFunc(s.Methods, func(a, b *Method) int { return strings.Compare(a.Name, b.Name) })
	s.summarise(r, without)
	return len(all)
}

func (s collector) newMethod(sel *types.Selection) *Method {
	fn := sel.Obj().(*types.Func)
	m := &Method{Name: fn.Name(), fn: fn, pos: fn.Pos(), decl: s.Src.Decls[fn.Pos()], depth: len(sel.Index())}
	if m.depth > 1 {
		m.from = types.TypeString(fn.Signature().Recv().Type(), s.Src.qualify)
	}
	if m.decl != nil {
		m.Doc = docLines(m.decl.Doc)
	} else {
		m.pos, m.place = s.Pos, s.Src.place(fn)
		if st, ok := s.typ.Underlying().(*types.Struct); ok && m.from != "" {
			m.pos = s.blamed(st.Field(sel.Index()[0]))
		}
	}
	m.describe(fn.Signature())
	if judge(s).isFluent(m) {
		m.Fluent, m.Named, m.Results = true, false, m.Results[1:]
	}
	return m
}

func (m *Method) describe(sig *types.Signature) {
	m.Context, m.Variadic = -1, sig.Variadic()
	for i := range sig.Params().Len() {
		v := newValue("parameter", sig.Params().At(i), i, sig.Params().Len())
		if m.Context < 0 && isContext(v.Typ) {
			m.Context = i
		}
		m.Params = append(m.Params, v)
	}
	n := sig.Results().Len()
	m.Named = n > 0
	for i := range n {
		v := newValue("result", sig.Results().At(i), i, n)
		if v.User == "" {
			m.Named = false
		}
		if i == n-1 && isError(v.Typ) {
			m.Fails, m.ErrName = true, v.User
			continue
		}
		m.Results = append(m.Results, v)
	}
}

func newValue(kind string, v *types.Var, i, n int) *Value {
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
	return &Value{label: label, User: user, Typ: v.Type(), pos: v.Pos(), Passing: asValue}
}

// detachable reports whether m is a Close that may end the handle instead.
func (m *Method) detachable() bool {
	return m.Name == "Close" && len(m.Results) == 0 &&
		(len(m.Params) == 0 || len(m.Params) == 1 && m.Context == 0)
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

// Implicit reports whether m is one of the methods that are called unasked.
func (m *Method) Implicit() bool {
	signature, ok := implicit[m.Name]
	return ok && signature == plainSignature(m.fn.Signature())
}

func isContext(t types.Type) bool { return IsNamed(t, "context", "Context") }

// IsNamed reports whether t, or the type of which it is an alias, is pkg.name.
func IsNamed(t types.Type, pkg, name string) bool {
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

// WithoutContext returns the parameters that travel.
func (m *Method) WithoutContext() []*Value {
	params := m.Params
	if m.Options != nil {
		params = params[:len(params)-1]
	}
	if m.Context < 0 {
		return params
	}
	return slices.Concat(params[:m.Context], params[m.Context+1:])
}
