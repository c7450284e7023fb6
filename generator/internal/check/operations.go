package check

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"github.com/loopgen/loopgen/generator/internal/load"
)

// operations are the operations of one body that may wait, and the functions that it
// calls while its caller waits. Functions that it starts with go, and function literals
// that it only keeps, are not among them.
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

type bodyCall struct {
	fn   *types.Func // nil if its types are not known
	body *load.Body  // set where fn is not
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
	*bodyTypes
	src  *Source
	loop bool

	literals map[types.Object][]*ast.FuncLit // in local variables
	started  []func()                        // to read the functions that the body starts with go
	joins    bool                            // the body waits for its own goroutines
	reading  map[*ast.FuncLit]bool
	locks    []operation     // of mutexes, which are described as they are written
	unlocks  map[string]bool // the mutexes that it unlocks
}

func newOperations(src *Source, b *load.Body) *operations {
	r := &bodyReader{operations: new(operations), src: src, bodyTypes: &bodyTypes{body: b, info: src.Bodies.Check(b)},
		literals: make(map[types.Object][]*ast.FuncLit), reading: make(map[*ast.FuncLit]bool),
		unlocks: make(map[string]bool)}
	r.findLiterals()
	r.read(b.Decl.Body)
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
		if obj := r.info.ObjectOf(id); ok && isLit && obj != nil {
			r.literals[obj] = append(r.literals[obj], lit)
		}
	}
	ast.Inspect(r.body.Decl.Body, func(n ast.Node) bool {
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

func (r *bodyReader) read(root ast.Node) {
	ast.Inspect(root, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false // a call reads it
		case *ast.GoStmt:
			r.start(n.Call)
		case *ast.ForStmt:
			r.readAll(n.Init)
			r.within(true, func() { r.readAll(n.Cond, n.Post, n.Body) })
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
			r.read(n.X)
			r.communicates(n.X, "receives from a channel", n.OpPos)
		case *ast.CallExpr:
			r.evaluates(n)
			r.callee(n)
		default:
			return true
		}
		return false
	})
}

func (r *bodyReader) readAll(parts ...ast.Node) {
	for _, part := range parts {
		if part != nil {
			r.read(part)
		}
	}
}

// within reads a part that is in a loop or not.
func (r *bodyReader) within(loop bool, read func()) {
	outer := r.loop
	r.loop = loop
	read()
	r.loop = outer
}

func (r *bodyReader) ranges(n *ast.RangeStmt) {
	r.read(n.X)
	r.within(true, func() {
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

// start notes a call that is started with go. Only its arguments are evaluated at once.
func (r *bodyReader) start(call *ast.CallExpr) {
	r.evaluates(call)
	loop := r.loop
	r.started = append(r.started, func() { r.within(loop, func() { r.callee(call) }) })
}

// evaluates reads the receiver and arguments of a call, which are evaluated before it.
func (r *bodyReader) evaluates(call *ast.CallExpr) {
	if selector, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok {
		r.read(selector.X)
	}
	r.readAll(nodes[ast.Node](call.Args)...)
}

func (r *bodyReader) literal(lit *ast.FuncLit) {
	if !r.reading[lit] {
		r.reading[lit] = true
		r.read(lit.Body)
		delete(r.reading, lit)
	}
}
