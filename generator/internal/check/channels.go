package check

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"strconv"

	"github.com/loopgen/loopgen/generator/internal/load"
)

// bodyTypes knows the names and channels in a body.
type bodyTypes struct {
	body    *load.Body
	info    *types.Info
	imports map[string]string // import paths by their names in the file
}

// packageFunction returns the path of the package and the name of pkg.F, whether or not
// the types of that package are known.
func (b *bodyTypes) packageFunction(expr ast.Expr) (path, name string) {
	selector, ok := ast.Unparen(unindexed(expr)).(*ast.SelectorExpr)
	if !ok {
		return "", ""
	}
	id, ok := selector.X.(*ast.Ident)
	if !ok {
		return "", ""
	}
	if obj := b.info.ObjectOf(id); obj != nil {
		if p, ok := obj.(*types.PkgName); ok {
			return p.Imported().Path(), selector.Sel.Name
		}
		return "", ""
	}
	if b.imports == nil {
		b.imports = make(map[string]string)
		for _, spec := range b.body.File.Imports {
			path, _ := strconv.Unquote(spec.Path.Value)
			name := load.LikelyName(path)
			if spec.Name != nil {
				name = spec.Name.Name
			}
			b.imports[name] = path
		}
	}
	return b.imports[id.Name], selector.Sel.Name
}

// communicates adds an operation on a channel, unless only the function itself and its
// goroutines use the channel.
func (r *bodyReader) communicates(channel ast.Expr, what string, pos token.Pos) {
	switch {
	case r.isClock(channel):
		r.add(waitsInLoop, "waits for a clock", pos)
	case r.isDone(channel):
		r.add(waitsAlways, "waits until its context ends", pos)
	case r.isConfined(channel):
		// The first value goes into the buffer.
		r.joins = r.joins || r.loop || what != sending || !r.isBuffered(channel)
	case r.isParameter(channel):
		r.add(waitsAsGiven, what, pos)
	default:
		r.add(waitsAlways, what, pos)
	}
}

func (b *bodyTypes) isParameter(expr ast.Expr) bool {
	id, ok := ast.Unparen(expr).(*ast.Ident)
	obj := b.info.ObjectOf(id)
	return ok && obj != nil && b.body.Decl.Type.Params.Pos() <= obj.Pos() && obj.Pos() < b.body.Decl.Type.Params.End()
}

// channels reports whether an argument of a call is a channel that is not confined to
// the body (hands), and whether one is a parameter of the function (passes).
func (b *bodyTypes) channels(call *ast.CallExpr) (hands, passes bool) {
	for _, arg := range call.Args {
		switch {
		case !isChannel(b.typeOf(arg)) || b.isConfined(arg):
		case b.isParameter(arg):
			passes = true
		default:
			hands = true
		}
	}
	return hands, passes
}

const sending = "sends to a channel"

// isBuffered reports whether the body makes the channel, which is a variable, with a
// buffer.
func (b *bodyTypes) isBuffered(channel ast.Expr) bool {
	id, ok := ast.Unparen(channel).(*ast.Ident)
	found := false
	for n := range ast.Preorder(b.body.Decl.Body) {
		assign, isAssign := n.(*ast.AssignStmt)
		if !ok || !isAssign || len(assign.Lhs) != len(assign.Rhs) {
			continue
		}
		for i, left := range assign.Lhs {
			left, isIdent := left.(*ast.Ident)
			call, isCall := assign.Rhs[i].(*ast.CallExpr)
			if isIdent && isCall && len(call.Args) == 2 && b.info.ObjectOf(left) == b.info.ObjectOf(id) {
				size := b.info.Types[call.Args[1]].Value
				found = size != nil && constant.Sign(size) > 0
			}
		}
	}
	return found
}

func (b *bodyTypes) typeOf(expr ast.Expr) types.Type {
	if t := b.info.TypeOf(expr); t != nil && t != types.Typ[types.Invalid] {
		return t
	}
	return nil
}

func isChannel(t types.Type) bool { return t != nil && isKind[*types.Chan](nil, t) }

// isClock recognises time.After(d), time.Tick(d) and the channel of a timer.
func (b *bodyTypes) isClock(channel ast.Expr) bool {
	switch e := ast.Unparen(channel).(type) {
	case *ast.CallExpr:
		path, name := b.packageFunction(e.Fun)
		return path == "time" && (name == "After" || name == "Tick")
	case *ast.SelectorExpr:
		t := b.typeOf(e.X)
		if t == nil || e.Sel.Name != "C" {
			return false
		}
		t, _ = Pointee(t)
		return IsNamed(t, "time", "Timer") || IsNamed(t, "time", "Ticker")
	case *ast.Ident:
		// A variable that holds a clock's channel, or nil.
		t := b.typeOf(e)
		if t == nil {
			return false
		}
		c, ok := t.Underlying().(*types.Chan)
		return ok && c.Dir() == types.RecvOnly && IsNamed(c.Elem(), "time", "Time")
	}
	return false
}

// isDone recognises ctx.Done().
func (b *bodyTypes) isDone(channel ast.Expr) bool {
	call, ok := ast.Unparen(channel).(*ast.CallExpr)
	if !ok {
		return false
	}
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || selector.Sel.Name != "Done" {
		return false
	}
	t := b.typeOf(selector.X)
	return t == nil || isContext(t)
}

// isConfined reports whether expr is a channel that the body makes, or a group that it
// declares, and only the body, its function literals and its goroutines can reach it:
// then the body waits for nothing but its own goroutines.
func (b *bodyTypes) isConfined(expr ast.Expr) bool {
	id, ok := ast.Unparen(expr).(*ast.Ident)
	if !ok {
		return false
	}
	v, ok := b.info.ObjectOf(id).(*types.Var)
	body := b.body.Decl.Body
	if !ok || v.Pos() < body.Pos() || v.Pos() > body.End() {
		return false
	}
	confined, made, uses := true, false, 0
	allowed := func(e ast.Expr) {
		if e != nil && b.isVariable(e, v) {
			uses--
		}
	}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			if b.info.ObjectOf(n) == v {
				uses++
			}
		case *ast.GoStmt:
			forArguments(n, allowed)
		case *ast.UnaryExpr:
			if n.Op == token.ARROW {
				allowed(n.X)
			}
		case *ast.SendStmt:
			allowed(n.Chan)
		case *ast.RangeStmt:
			allowed(n.X)
		case *ast.SelectorExpr:
			allowed(n.X)
		case *ast.CallExpr:
			if isChannelBuiltin(n) && len(n.Args) == 1 {
				allowed(n.Args[0])
			}
		case *ast.AssignStmt:
			for i, left := range n.Lhs {
				if !b.isVariable(left, v) {
					continue
				}
				made = n.Tok == token.DEFINE && len(n.Lhs) == len(n.Rhs) && isMaking(n.Rhs[i])
				confined = confined && made
				allowed(left)
			}
		case *ast.ValueSpec:
			for i, left := range n.Names {
				if b.info.ObjectOf(left) == v {
					made = len(n.Values) == 0 && !isChannel(v.Type()) || len(n.Values) == len(n.Names) && isMaking(n.Values[i])
					allowed(left)
				}
			}
		}
		return true
	})
	return confined && made && uses == 0
}

func (b *bodyTypes) isVariable(e ast.Expr, v *types.Var) bool {
	id, ok := ast.Unparen(e).(*ast.Ident)
	return ok && b.info.ObjectOf(id) == v
}

// forArguments calls each for the arguments of the calls in a go statement, without the
// operator of an address.
func forArguments(started *ast.GoStmt, each func(ast.Expr)) {
	for n := range ast.Preorder(started) {
		if call, ok := n.(*ast.CallExpr); ok && !isChannelBuiltin(call) {
			for _, arg := range call.Args {
				if unary, ok := arg.(*ast.UnaryExpr); ok && unary.Op == token.AND {
					arg = unary.X
				}
				each(arg)
			}
		}
	}
}

// isChannelBuiltin recognises the calls that only look at a channel, or close it.
func isChannelBuiltin(call *ast.CallExpr) bool {
	return isIdent(call.Fun, "close") || isIdent(call.Fun, "len") || isIdent(call.Fun, "cap")
}

// isMaking recognises make(…), new(T), T{} and &T{}.
func isMaking(expr ast.Expr) bool {
	switch e := ast.Unparen(expr).(type) {
	case *ast.CallExpr:
		return isIdent(e.Fun, "make") || isIdent(e.Fun, "new")
	case *ast.CompositeLit:
		return true
	case *ast.UnaryExpr:
		_, literal := e.X.(*ast.CompositeLit)
		return e.Op == token.AND && literal
	}
	return false
}
