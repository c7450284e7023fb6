package check

import (
	"go/ast"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/types/typeutil"

	"github.com/loopgen/loopgen/generator/internal/load"
)

func (r *bodyReader) callee(call *ast.CallExpr) {
	switch obj := typeutil.Callee(r.info, call).(type) {
	case *types.Func:
		r.function(call, obj)
		return
	case *types.Var:
		// Other variables are parameters, which the caller's body has.
		for _, lit := range r.literals[obj] {
			r.literal(lit)
		}
		if sig, ok := obj.Type().Underlying().(*types.Signature); obj.IsField() && ok && !compares(sig) {
			r.calls = append(r.calls, bodyCall{name: "the function " + obj.Name(), pos: call.Pos(), loop: r.loop})
		}
		if obj.IsField() {
			return
		}
	}
	switch f := ast.Unparen(unindexed(ast.Unparen(call.Fun))).(type) {
	case *ast.FuncLit:
		r.literal(f)
	case *ast.Ident:
		if r.info.ObjectOf(f) != nil {
			return
		}
		if b := r.src.Bodies.Beside(r.body, f.Name); b != nil {
			hands, passes := r.channels(call)
			r.calls = append(r.calls, bodyCall{body: b, pos: call.Pos(), loop: r.loop, hands: hands, passes: passes})
		}
	case *ast.SelectorExpr:
		switch path, name := r.packageFunction(f); {
		case path == "time" && name == "Sleep":
			r.add(waitsInLoop, "sleeps", call.Pos())
		case path != "" && !r.src.Imports.Standard(path):
			r.calls = append(r.calls, bodyCall{name: types.ExprString(f), pos: call.Pos(), loop: r.loop})
		}
	}
}

// compares reports whether a function of this signature may compare its arguments.
func compares(sig *types.Signature) bool {
	if sig.Results().Len() != 1 {
		return false
	}
	_, basic := sig.Results().At(0).Type().Underlying().(*types.Basic)
	return basic
}

// function judges a call of a function whose types are known.
func (r *bodyReader) function(call *ast.CallExpr, fn *types.Func) {
	fn = fn.Origin()
	path := ""
	if fn.Pkg() != nil {
		path = fn.Pkg().Path()
	}
	receiver, name := load.ReceiverName(fn), fn.Name()
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
	case selector != nil && name == "Wait" && waitingFunctions[fn.FullName()] != "" && r.isConfined(selector.X):
		r.joins = true
		return
	}
	if what := waitingFunctions[fn.FullName()]; what != "" {
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
		if b := r.src.Bodies.Of(fn); b != nil {
			if names := namesIn(b.Decl.Type.Params); i < len(names) && callsParameter(b.Decl.Body, names[i]) {
				r.literal(lit)
			}
		}
	}
}

// callsParameter reports whether body calls the function in its parameter called name,
// or passes it to another function, other than with go.
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

func (r *bodyReader) mutex(selector *ast.SelectorExpr, name string) {
	if selector == nil {
		return
	}
	lock := types.ExprString(selector.X)
	if strings.HasPrefix(name, "R") {
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
