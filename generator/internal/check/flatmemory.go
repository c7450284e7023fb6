package check

import (
	"go/types"
	"reflect"
	"strings"
)

// isFlatMemory reports whether t is memory that holds nothing but numbers and bools: a
// slice of them, or of arrays and structs of them, or a pointer to one of these. After
// the call of a method that runs in the turn, the daemon compares such memory with a copy
// and sends back the differences.
func isFlatMemory(t types.Type) bool {
	if encodesItself(t) {
		return false
	}
	switch u := types.Unalias(t).Underlying().(type) {
	case *types.Slice:
		return isFlat(u.Elem())
	case *types.Pointer:
		return isFlat(u.Elem())
	}
	return false
}

// isFlat reports whether t is a number or a bool, or an array or a struct of these. The
// type arguments of a type parameter must all be so.
func isFlat(t types.Type) bool {
	t = types.Unalias(t)
	if p, ok := t.(*types.TypeParam); ok {
		return isFlatConstraint(p.Constraint())
	}
	if encodesItself(t) {
		return false
	}
	switch u := t.Underlying().(type) {
	case *types.Basic:
		return u.Info()&(types.IsNumeric|types.IsBoolean) != 0
	case *types.Array:
		return isFlat(u.Elem())
	case *types.Struct:
		return isFlatStruct(u, make(map[string]bool))
	}
	return false
}

// isFlatStruct reports whether all fields of t travel, and are flat. No two of them may
// have the same name, since then one of an embedded struct is hidden. It adds the names
// of the fields to names.
func isFlatStruct(t *types.Struct, names map[string]bool) bool {
	for i := range t.NumFields() {
		f := t.Field(i)
		tag := reflect.StructTag(t.Tag(i))
		if !f.Exported() || strings.HasPrefix(tag.Get("cbor"), "-") || strings.HasPrefix(tag.Get("json"), "-") || names[f.Name()] {
			return false
		}
		names[f.Name()] = true
		if inner, ok := f.Type().Underlying().(*types.Struct); ok && f.Embedded() && !encodesItself(f.Type()) {
			if !isFlatStruct(inner, names) {
				return false
			}
		} else if !isFlat(f.Type()) {
			return false
		}
	}
	return t.NumFields() > 0
}

// isFlatConstraint reports whether every type that satisfies the constraint is flat. Of
// ~int this is true although some make their own encoding: their memory is that of an int.
func isFlatConstraint(constraint types.Type) bool {
	i, ok := constraint.Underlying().(*types.Interface)
	if !ok {
		return false
	}
	flat := false // an interface without a union admits all types
	for t := range i.EmbeddedTypes() {
		union, ok := t.(*types.Union)
		if !ok {
			flat = flat || isFlatConstraint(t) || isFlat(t)
			continue
		}
		all := true
		for term := range union.Terms() {
			all = all && isFlat(term.Type())
		}
		flat = flat || all
	}
	return flat
}
