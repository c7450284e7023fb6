package generator

import (
	"bytes"
	"fmt"
	"go/format"
	"go/token"
	"go/types"
	"iter"
	"strconv"
	"strings"

	"github.com/loopgen/loopgen/generator/internal/check"
)

// typeSource writes a type as Go source, with the names of the file's imports.
func (s modeler) typeSource(t types.Type) string {
	t = s.Src.Written(t)
	if tn := check.TypeNameOf(t); tn != nil {
		if args := check.TypeArgs(t); args.Len() > 0 {
			return s.object(tn) + s.typeArgs(args.Types())
		}
		return s.object(tn)
	}
	switch t := t.(type) {
	case *types.Basic:
		return t.Name()
	case *types.TypeParam:
		return s.names.typeParams[t]
	case *types.Pointer:
		return "*" + s.typeSource(t.Elem())
	case *types.Slice:
		return "[]" + s.typeSource(t.Elem())
	case *types.Array:
		return fmt.Sprintf("[%d]%s", t.Len(), s.typeSource(t.Elem()))
	case *types.Map:
		return "map[" + s.typeSource(t.Key()) + "]" + s.typeSource(t.Elem())
	case *types.Chan:
		prefix := map[types.ChanDir]string{types.SendRecv: "chan ", types.SendOnly: "chan<- ", types.RecvOnly: "<-chan "}
		return prefix[t.Dir()] + "(" + s.typeSource(t.Elem()) + ")"
	case *types.Struct:
		return s.structSource(t)
	case *types.Signature:
		return "func" + s.signature(t)
	case *types.Interface:
		return s.interfaceSource(t)
	case *types.Union:
		terms := make([]string, t.Len())
		for i := range terms {
			if t.Term(i).Tilde() {
				terms[i] = "~"
			}
			terms[i] += s.typeSource(t.Term(i).Type())
		}
		return strings.Join(terms, " | ")
	}
	panic(fmt.Sprintf("generator: no source for a %T", t))
}

// typeArgs writes type arguments in brackets, or nothing.
func (s modeler) typeArgs(args iter.Seq[types.Type]) string {
	var list []string
	for arg := range args {
		list = append(list, s.typeSource(arg))
	}
	if len(list) == 0 {
		return ""
	}
	return "[" + strings.Join(list, ", ") + "]"
}

// object writes the name of something declared at package level.
func (s modeler) object(obj types.Object) string {
	if obj.Pkg() != nil {
		if q := s.names.qualifier(obj.Pkg()); q != "" {
			return q + "." + obj.Name()
		}
	}
	return obj.Name()
}

// structSource writes a struct with a field to a line.
func (s modeler) structSource(t *types.Struct) string {
	var b strings.Builder
	for i := range t.NumFields() {
		f := t.Field(i)
		b.WriteByte('\n')
		if !f.Embedded() {
			b.WriteString(f.Name() + " ")
		}
		b.WriteString(s.typeSource(f.Type()))
		if tag := t.Tag(i); tag != "" && strconv.CanBackquote(tag) {
			b.WriteString(" `" + tag + "`")
		} else if tag != "" {
			b.WriteString(" " + strconv.Quote(tag))
		}
	}
	if t.NumFields() == 0 {
		return "struct{}"
	}
	return "struct {" + b.String() + "\n}"
}

// signature writes parameters and results, without their names.
func (s modeler) signature(sig *types.Signature) string {
	var params, results []string
	for i := range sig.Params().Len() {
		text := s.typeSource(sig.Params().At(i).Type())
		if sig.Variadic() && i == sig.Params().Len()-1 {
			text = "..." + strings.TrimPrefix(text, "[]")
		}
		params = append(params, text)
	}
	for v := range sig.Results().Variables() {
		results = append(results, s.typeSource(v.Type()))
	}
	return "(" + strings.Join(params, ", ") + ") (" + strings.Join(results, ", ") + ")"
}

// interfaceSource writes an interface on one line.
func (s modeler) interfaceSource(t *types.Interface) string {
	var list []string
	for m := range t.ExplicitMethods() {
		list = append(list, m.Name()+s.signature(m.Signature()))
	}
	for embedded := range t.EmbeddedTypes() {
		list = append(list, s.typeSource(embedded))
	}
	if len(list) == 0 {
		return "any"
	}
	return "interface{ " + strings.Join(list, "; ") + " }"
}

// typeConstraint writes the constraint of a type parameter. A first term that is a pointer
// could be read as a product.
func (s modeler) typeConstraint(t types.Type) string {
	i, ok := s.Src.Written(t).(*types.Interface)
	if ok && i.IsImplicit() && i.NumEmbeddeds() == 1 {
		if text := s.typeSource(i.EmbeddedType(0)); !strings.HasPrefix(text, "*") {
			return text
		}
	}
	return s.typeSource(t)
}

// exprText returns e as source of the generated file.
func (s modeler) exprText(e *check.Expression) string {
	for id, obj := range e.Uses {
		switch name, _ := obj.(*types.PkgName); {
		case name != nil:
			id.Name = s.names.imports[name.Imported().Path()]
		case check.IsTypeParam(obj.Type()):
			id.Name = s.names.typeParams[types.Unalias(obj.Type()).(*types.TypeParam)]
		case check.AtPackageLevel(obj):
			if q := s.names.qualifier(obj.Pkg()); q != "" {
				id.Name = q + "." + obj.Name()
			}
		}
	}
	var out bytes.Buffer
	if err := format.Node(&out, token.NewFileSet(), e.Expr); err != nil {
		return err.Error() // and the file will not compile
	}
	return out.String()
}
