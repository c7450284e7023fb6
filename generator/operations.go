package generator

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"strings"
)

// operations are what the body of one function does that may wait, and the functions
// that it calls while its caller waits: not those that it starts with go, and not the
// function literals that it only keeps.
type operations struct {
	list  []operation
	calls []bodyCall
}

type operation struct {
	kind waitingKind
	what string // completes "it "
	pos  token.Pos
	loop bool // it is in a loop
}

type waitingKind int

const (
	waitsAlways  waitingKind = iota
	waitsInLoop              // it ends by itself, and in a loop does so again and again
	leavesLocked             // it locks a mutex that the function does not unlock
	waitsAsGiven             // it uses a channel that is a parameter
)

// bodyCall is a function that the body calls.
type bodyCall struct {
	fn   *types.Func // nil if its types are not known
	body *body       // set where fn is not
	name string      // for diagnostics; "" if it certainly waits for nothing
	pos  token.Pos
	loop bool
	// hands is set if it is given a channel that others than this body know, and passes
	// if it is given one that is a parameter.
	hands, passes bool
}

// bodyReader gathers the operations of one body.
type bodyReader struct {
	*operations
	src     *source
	body    *body
	info    *types.Info
	loop    bool
	imports map[string]string // paths by the names that the file has for them

	literals map[types.Object][]*ast.FuncLit // those that local variables hold
	started  []func()                        // to look through what the body starts with go
	joins    bool                            // the body waits for what it starts
	reading  map[*ast.FuncLit]bool
	locks    []operation     // of mutexes, which are described as they are written
	unlocks  map[string]bool // the mutexes that it unlocks
}

func newOperations(src *source, b *body) *operations {
	r := &bodyReader{operations: new(operations), src: src, body: b, info: src.checkBody(b),
		literals: make(map[types.Object][]*ast.FuncLit), reading: make(map[*ast.FuncLit]bool),
		unlocks: make(map[string]bool)}
	r.findLiterals()
	r.read(b.decl.Body)
	if r.joins {
		// It ends when they do, so that they are as good as called.
		for len(r.started) > 0 {
			next := r.started[0]
			r.started = r.started[1:]
			next()
		}
	}
	for _, lock := range r.locks {
		if !r.unlocks[lock.what] {
			r.add(leavesLocked, "locks "+strings.TrimSuffix(lock.what, " for reading")+" and leaves it locked", lock.pos)
		}
	}
	return r.operations
}

func (r *bodyReader) add(kind waitingKind, what string, pos token.Pos) {
	r.list = append(r.list, operation{kind: kind, what: what, pos: pos, loop: r.loop})
}

// findLiterals notes the function literals that are given names.
func (r *bodyReader) findLiterals() {
	note := func(left, right ast.Expr) {
		id, ok := left.(*ast.Ident)
		lit, isLit := ast.Unparen(right).(*ast.FuncLit)
		if obj := r.object(id); ok && isLit && obj != nil {
			r.literals[obj] = append(r.literals[obj], lit)
		}
	}
	ast.Inspect(r.body.decl.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for i := range n.Lhs {
				if len(n.Lhs) == len(n.Rhs) {
					note(n.Lhs[i], n.Rhs[i])
				}
			}
		case *ast.ValueSpec:
			for i := range n.Values {
				if len(n.Names) == len(n.Values) {
					note(n.Names[i], n.Values[i])
				}
			}
		}
		return true
	})
}

func (r *bodyReader) object(id *ast.Ident) types.Object {
	if id == nil {
		return nil
	}
	if obj := r.info.Uses[id]; obj != nil {
		return obj
	}
	return r.info.Defs[id]
}

// read looks through a part of the body.
func (r *bodyReader) read(root ast.Node) {
	ast.Inspect(root, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false // those that are called are read there
		case *ast.GoStmt:
			r.start(n.Call)
		case *ast.ForStmt:
			r.readLoop(n.Init)
			r.looped(func() { r.readAll(n.Cond, n.Post, n.Body) })
		case *ast.RangeStmt:
			r.ranges(n)
		case *ast.SelectStmt:
			r.selects(n)
		case *ast.SendStmt:
			r.readAll(n.Chan, n.Value)
			r.communicates(n.Chan, sending, n.Arrow)
		case *ast.UnaryExpr:
			if n.Op != token.ARROW {
				return true
			}
			r.receives(n)
		case *ast.CallExpr:
			r.call(n)
		default:
			return true
		}
		return false
	})
}

func (r *bodyReader) readAll(parts ...ast.Node) {
	for _, part := range parts {
		r.readLoop(part)
	}
}

// readLoop reads a part that may be missing.
func (r *bodyReader) readLoop(part ast.Node) {
	switch p := part.(type) {
	case nil:
	case ast.Stmt:
		if p != nil {
			r.read(p)
		}
	default:
		r.read(p)
	}
}

func (r *bodyReader) looped(read func()) {
	outer := r.loop
	r.loop = true
	read()
	r.loop = outer
}

func (r *bodyReader) ranges(n *ast.RangeStmt) {
	r.read(n.X)
	r.looped(func() {
		if t := r.typeOf(n.X); isChannel(t) || r.isClock(n.X) {
			r.communicates(n.X, "ranges over a channel", n.For)
		}
		r.read(n.Body)
	})
}

// selects judges a select statement: with a default it goes on at once, and with a
// clock after a while.
func (r *bodyReader) selects(n *ast.SelectStmt) {
	var clock, other, given, done, confined, goesOn bool
	for _, clause := range n.Body.List {
		clause := clause.(*ast.CommClause)
		var channel ast.Expr
		switch comm := clause.Comm.(type) {
		case nil:
			goesOn = true // the default
		case *ast.SendStmt:
			channel = comm.Chan
			r.readAll(comm.Chan, comm.Value)
		case *ast.ExprStmt:
			channel = received(comm.X)
		case *ast.AssignStmt:
			channel = received(comm.Rhs[0])
		}
		if channel == nil {
			continue
		}
		r.read(channel)
		switch {
		case r.isClock(channel):
			clock = true
		case r.isDone(channel):
			done = true
		case r.isConfined(channel):
			confined, r.joins = true, true
		case r.isParameter(channel):
			given = true
		default:
			other = true
		}
	}
	switch {
	case goesOn:
	case other:
		r.add(waitsAlways, "selects between channels", n.Select)
	case given:
		r.add(waitsAsGiven, "selects between channels", n.Select)
	case clock:
		r.add(waitsInLoop, "waits for a clock", n.Select)
	case confined:
	case done:
		r.add(waitsAlways, "waits until its context ends", n.Select)
	default:
		r.add(waitsAlways, "blocks forever", n.Select)
	}
	for _, clause := range n.Body.List {
		for _, stmt := range clause.(*ast.CommClause).Body {
			r.read(stmt)
		}
	}
}

// received returns the channel of a receive expression.
func received(expr ast.Expr) ast.Expr {
	if unary, ok := ast.Unparen(expr).(*ast.UnaryExpr); ok && unary.Op == token.ARROW {
		return unary.X
	}
	return nil
}

func (r *bodyReader) receives(n *ast.UnaryExpr) {
	r.read(n.X)
	switch {
	case r.isClock(n.X):
		r.add(waitsInLoop, "waits for a clock", n.OpPos)
	case r.isDone(n.X):
		r.add(waitsAlways, "waits until its context ends", n.OpPos)
	default:
		r.communicates(n.X, "receives from a channel", n.OpPos)
	}
}

// start notes what is started with go: only its arguments are evaluated at once.
func (r *bodyReader) start(call *ast.CallExpr) {
	for _, arg := range call.Args {
		r.read(arg)
	}
	if selector, ok := call.Fun.(*ast.SelectorExpr); ok {
		r.read(selector.X)
	}
	loop := r.loop
	r.started = append(r.started, func() {
		outer := r.loop
		r.loop = loop
		r.callee(call)
		r.loop = outer
	})
}

// call judges a call: its arguments, and the function.
func (r *bodyReader) call(call *ast.CallExpr) {
	if selector, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok {
		r.read(selector.X)
	}
	for _, arg := range call.Args {
		r.read(arg)
	}
	r.callee(call)
}

func (r *bodyReader) literal(lit *ast.FuncLit) {
	if !r.reading[lit] {
		r.reading[lit] = true
		r.read(lit.Body)
		delete(r.reading, lit)
	}
}

// callee judges the function that is called.
func (r *bodyReader) callee(call *ast.CallExpr) {
	switch f := ast.Unparen(unindexed(ast.Unparen(call.Fun))).(type) {
	case *ast.FuncLit:
		r.literal(f)
	case *ast.Ident:
		switch obj := r.object(f).(type) {
		case *types.Func:
			r.function(call, obj)
		case *types.Var:
			if lits := r.literals[obj]; len(lits) > 0 {
				for _, lit := range lits {
					r.literal(lit)
				}
			}
			// Other variables are parameters, which the caller's body has.
		case nil:
			if b := r.src.functionBeside(r.body, f.Name); b != nil {
				hands, passes := r.channels(call)
				r.calls = append(r.calls, bodyCall{body: b, pos: call.Pos(), loop: r.loop, hands: hands, passes: passes})
			}
		}
	case *ast.SelectorExpr:
		r.selected(call, f)
	}
}

func (r *bodyReader) selected(call *ast.CallExpr, f *ast.SelectorExpr) {
	if s := r.info.Selections[f]; s != nil {
		switch obj := s.Obj().(type) {
		case *types.Func:
			r.function(call, obj)
		case *types.Var:
			if sig, ok := obj.Type().Underlying().(*types.Signature); ok && !compares(sig) {
				r.calls = append(r.calls, bodyCall{name: "the function " + obj.Name(), pos: call.Pos(), loop: r.loop})
			}
		}
		return
	}
	if fn, ok := r.info.Uses[f.Sel].(*types.Func); ok {
		r.function(call, fn)
		return
	}
	path, name := r.packageFunction(f)
	switch {
	case path == "time" && name == "Sleep":
		r.add(waitsInLoop, "sleeps", call.Pos())
	case path != "" && !r.src.standard(path):
		r.calls = append(r.calls, bodyCall{name: types.ExprString(f), pos: call.Pos(), loop: r.loop})
	}
}

// compares reports whether a function of this signature tells which of two values is
// less, or the like.
func compares(sig *types.Signature) bool {
	if sig.Results().Len() != 1 {
		return false
	}
	_, basic := sig.Results().At(0).Type().Underlying().(*types.Basic)
	return basic
}

// packageFunction returns the path of the package and the name of pkg.F, whether or not
// the types of that package are known.
func (r *bodyReader) packageFunction(expr ast.Expr) (path, name string) {
	selector, ok := ast.Unparen(unindexed(expr)).(*ast.SelectorExpr)
	if !ok {
		return "", ""
	}
	id, ok := selector.X.(*ast.Ident)
	if !ok {
		return "", ""
	}
	if obj := r.object(id); obj != nil {
		if p, ok := obj.(*types.PkgName); ok {
			return p.Imported().Path(), selector.Sel.Name
		}
		return "", ""
	}
	if r.imports == nil {
		r.imports = make(map[string]string)
		for _, spec := range r.body.file.Imports {
			path, _ := strconv.Unquote(spec.Path.Value)
			name := likelyName(path)
			if spec.Name != nil {
				name = spec.Name.Name
			}
			r.imports[name] = path
		}
	}
	return r.imports[id.Name], selector.Sel.Name
}

// function judges a call of a function whose types are known.
func (r *bodyReader) function(call *ast.CallExpr, fn *types.Func) {
	fn = fn.Origin()
	path := ""
	if fn.Pkg() != nil {
		path = fn.Pkg().Path()
	}
	receiver, name := receiverName(fn), fn.Name()
	selector, _ := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	switch {
	case path == "time":
		if name == "Sleep" {
			r.add(waitsInLoop, "sleeps", call.Pos())
		}
		return
	case path == "sync" && (receiver == "Mutex" || receiver == "RWMutex"):
		r.mutex(selector, name)
		return
	case path == "sync" && receiver == "Once":
		r.arguments(call)
		return
	case (path == "sync" || path == "golang.org/x/sync/errgroup") && name == "Go":
		for _, arg := range call.Args {
			if lit, ok := ast.Unparen(arg).(*ast.FuncLit); ok {
				r.started = append(r.started, func() { r.literal(lit) })
			}
		}
		if path == "sync" || selector != nil && r.isConfined(selector.X) {
			return
		}
	case selector != nil && name == "Wait" && waitingFunction(fn) != "" && r.isConfined(selector.X):
		r.joins = true
		return
	}
	if what := waitingFunction(fn); what != "" {
		r.add(waitsAlways, what, call.Pos())
		return
	}
	if isAccept(fn) {
		r.add(waitsInLoop, "accepts connections", call.Pos())
		return
	}
	if path == "sync" || path == "sync/atomic" {
		return
	}
	recv := fn.Signature().Recv()
	if recv != nil && types.IsInterface(recv.Type()) {
		if !waitsForNothing(fn) {
			t := types.TypeString(recv.Type(), r.src.qualify)
			r.calls = append(r.calls, bodyCall{name: name + " of the interface " + t, pos: call.Pos(), loop: r.loop})
		}
		return
	}
	hands, passes := r.channels(call)
	r.calls = append(r.calls, bodyCall{fn: fn, name: name, pos: call.Pos(), loop: r.loop, hands: hands, passes: passes})
	r.callbacks(call, fn)
}

// arguments reads the function literals among the arguments, which are called.
func (r *bodyReader) arguments(call *ast.CallExpr) {
	for _, arg := range call.Args {
		if lit, ok := ast.Unparen(arg).(*ast.FuncLit); ok {
			r.literal(lit)
		}
	}
}

// callbacks reads the function literals among the arguments of a call that the called
// function calls itself.
func (r *bodyReader) callbacks(call *ast.CallExpr, fn *types.Func) {
	for i, arg := range call.Args {
		lit, ok := ast.Unparen(arg).(*ast.FuncLit)
		if !ok {
			continue
		}
		if b := r.src.bodyAt(fn); b != nil {
			if names := parameterNames(b.decl.Type); i < len(names) && callsParameter(b.decl.Body, names[i]) {
				r.literal(lit)
			}
		}
	}
}

// callsParameter reports whether body calls the function that it has as name, or hands
// it on, other than with go.
func callsParameter(body *ast.BlockStmt, name string) bool {
	found := false
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt, *ast.FuncLit:
			return false
		case *ast.CallExpr:
			if lit, ok := n.Fun.(*ast.FuncLit); ok {
				found = found || callsParameter(lit.Body, name)
			}
			found = found || isIdent(n.Fun, name) || slices.ContainsFunc(n.Args, func(arg ast.Expr) bool { return isIdent(arg, name) })
		}
		return !found
	})
	return found
}

// mutex notes what is locked and unlocked.
func (r *bodyReader) mutex(selector *ast.SelectorExpr, name string) {
	if selector == nil {
		return
	}
	lock := types.ExprString(selector.X)
	if startsWith(name, "R") {
		lock += " for reading"
	}
	switch name {
	case "Lock", "RLock":
		r.locks = append(r.locks, operation{what: lock, pos: selector.Pos()})
	case "Unlock", "RUnlock":
		r.unlocks[lock] = true
	}
}

// isAccept recognises the methods of listeners that wait for a client.
func isAccept(fn *types.Func) bool {
	sig := fn.Signature()
	return sig.Recv() != nil && strings.HasPrefix(fn.Name(), "Accept") && sig.Results().Len() == 2 &&
		isError(sig.Results().At(1).Type()) && sig.Params().Len() <= 1 && (sig.Params().Len() == 0 || isContext(sig.Params().At(0).Type()))
}
