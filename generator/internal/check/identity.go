package check

import (
	"go/ast"
	"go/token"
	"go/types"
)

// Addresses and handles of the operating system identify something in one process.
// In another one they name nothing, or something else.

// judgeIdentity returns why m cannot be served because of an address or a handle that
// it takes or returns as data, or nil.
func (s judge) judgeIdentity(m *Method) *problem {
	for i, v := range m.Params {
		if i != m.Context && s.comparesAddress(m, v) {
			return &problem{label: v.label, typ: types.TypeString(v.Typ, s.Src.qualify),
				reason: "is compared by its address with what the object keeps, and arrives as a copy with another one",
				remedy: "compare what it points to, or a key"}
		}
	}
	for _, v := range m.Results {
		p := &problem{label: v.label, typ: types.TypeString(v.Typ, s.Src.qualify),
			reason: "is an address or a handle, and means nothing in another process", remedy: asData}
		switch {
		case isAddress(v.Typ) && m.Name != "Fd" && !s.storesAddresses(m):
			p.remedy = "return a number as another integer type"
			return p
		case isProcessHandle(v.Typ), m.Name == "Fd" && isInteger(v.Typ):
			return p
		}
	}
	return nil
}

// comparesAddress reports whether nothing but the address of v, a parameter, matters to
// m. A pointer that is read as well stands for its value: a comparison with the
// receiver may only save time. The body of an atomic.Pointer does not show that it
// compares; an atomic.Value compares the values in interfaces.
func (s judge) comparesAddress(m *Method, v *Value) bool {
	receiver, _ := Pointee(m.fn.Signature().Recv().Type())
	if m.Name == "CompareAndSwap" && v.User == "old" && IsNamed(receiver, "sync/atomic", "Pointer") {
		return true
	}
	if _, pointer := types.Unalias(v.Typ).Underlying().(*types.Pointer); !pointer || v.User == "" {
		return false
	}
	s.Src.findBody(m)
	return m.body != nil && m.body.Body != nil && onlyCompared(m.body.Body, v.User)
}

// onlyCompared reports whether body uses the pointer called name, and only to compare
// it with others than nil, or to find it as a key of a map.
func onlyCompared(body *ast.BlockStmt, name string) bool {
	compared := false
	other := make(map[ast.Expr]bool)    // as a key that is stored, for one
	harmless := make(map[ast.Expr]bool) // neither reads nor keeps the memory of the pointer
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, left := range n.Lhs {
				other[storedKey(left)] = true
			}
		case *ast.IncDecStmt:
			other[storedKey(n.X)] = true
		case *ast.BinaryExpr:
			if n.Op != token.EQL && n.Op != token.NEQ {
				break
			}
			x, y := ast.Unparen(n.X), ast.Unparen(n.Y)
			harmless[x], harmless[y] = true, true
			compared = compared || isIdent(x, name) && !isIdent(y, "nil") || isIdent(y, name) && !isIdent(x, "nil")
		case *ast.IndexExpr:
			harmless[n.Index] = true
			compared = compared || isIdent(n.Index, name) && !other[n.Index]
		case *ast.CallExpr:
			if isIdent(n.Fun, "delete") && len(n.Args) == 2 {
				harmless[n.Args[1]] = true
				compared = compared || isIdent(n.Args[1], name)
			}
		case *ast.SelectorExpr:
			harmless[n.Sel] = true // a field of that name
		}
		return true
	})
	ast.Inspect(body, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && id.Name == name && (other[id] || !harmless[id]) {
			compared = false
		}
		return true
	})
	return compared
}

// storedKey returns the key under which an assignment to expr stores in a map, or nil.
func storedKey(expr ast.Expr) ast.Expr {
	if index, ok := ast.Unparen(expr).(*ast.IndexExpr); ok {
		return index.Index
	}
	return nil
}

// isAddress reports whether t is the type of addresses and handles in Go, uintptr, or an
// array or slice of it.
func isAddress(t types.Type) bool {
	switch t := types.Unalias(t).(type) {
	case *types.Basic:
		return t.Kind() == types.Uintptr
	case *types.Array, *types.Slice:
		return hasPart(t, isAddress)
	}
	return false
}

// isProcessHandle reports whether t is a handle of the operating system by its name.
func isProcessHandle(t types.Type) bool {
	return IsNamed(t, "syscall", "Handle") || IsNamed(t, "golang.org/x/sys/windows", "Handle")
}

// storesAddresses reports whether the type that declares m, or m itself, takes values
// of type uintptr: then they are its data, as those of an atomic.Uintptr.
func (s judge) storesAddresses(m *Method) bool {
	receiver, _ := Pointee(m.fn.Signature().Recv().Type())
	for sel := range types.NewMethodSet(types.NewPointer(receiver)).Methods() {
		fn := sel.Obj().(*types.Func)
		for p := range fn.Signature().Params().Variables() {
			t := p.Type()
			if slice, ok := t.(*types.Slice); ok && fn.Signature().Variadic() {
				t = slice.Elem()
			}
			if fn.Exported() && isAddress(t) {
				return true
			}
		}
	}
	return false
}

func isInteger(t types.Type) bool {
	basic, ok := t.Underlying().(*types.Basic)
	return ok && basic.Info()&types.IsInteger != 0
}

func isRawConn(_ *walk, t types.Type) bool { return IsNamed(t, "syscall", "RawConn") }
