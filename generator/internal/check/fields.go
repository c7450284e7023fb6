package check

import (
	"go/types"
	"reflect"
	"slices"
	"strings"
)

// fields judges a struct: by the types of the fields that travel, and by the fields
// that would be lost.
func (w *walk) fields(t types.Type, st *types.Struct, path string, pointed bool) *problem {
	at := path
	if at == "" {
		at = strings.TrimLeft(types.TypeString(t, w.src.qualify), "*")
		if _, named := t.(*types.Named); !named {
			at = "struct"
		}
	}
	if isHandle(t, st, pointed) {
		return w.refuse(t, path, "is a handle, whose hidden fields cannot leave the daemon", "return the data it stands for")
	}
	if p := w.lostField(t, st, at); p != nil {
		return p
	}
	wire := make(map[string]string)
	if p := w.wireNames(st, at, wire, []*types.Struct{st}); p != nil {
		return p
	}
	for i := range st.NumFields() {
		f := st.Field(i)
		if f.Name() == "_" {
			continue
		}
		if f.Embedded() && !f.Exported() {
			// An unexported struct is never named by itself; its exported
			// fields travel as fields of the outer struct.
			if inner, ok := types.Unalias(f.Type()).Underlying().(*types.Struct); ok {
				if p := w.fields(f.Type(), inner, at+"."+f.Name(), false); p != nil {
					return p.writtenAt(w.src, f.Pos()).blame(f)
				}
			}
			continue
		}
		if p := w.data(f.Type(), at+"."+f.Name(), false); p != nil {
			return p.writtenAt(w.src, f.Pos()).blame(f)
		}
	}
	return nil
}

// blame returns p with f as the field to blame, unless one further inside is.
func (p *problem) blame(f *types.Var) *problem {
	if p.field == nil {
		p.field = f
	}
	return p
}

// lost is the problem that field f of the struct at a path stays behind in silence.
func (w *walk) lost(f *types.Var, at, reason, remedy string) *problem {
	return &problem{label: w.label, path: at + "." + f.Name(), reason: reason, remedy: w.src.change(f.Pkg(), remedy), lossy: true, field: f}
}

// lostField finds a field of t, the struct st, that would stay behind in silence.
func (w *walk) lostField(t types.Type, st *types.Struct, at string) *problem {
	export := "export it"
	if tn := TypeNameOf(types.Unalias(t)); tn != nil {
		export += ", or give " + tn.Name() + " MarshalBinary and UnmarshalBinary"
	}
	for i := range st.NumFields() {
		f := st.Field(i)
		switch {
		case f.Name() == "_":
			if tag := reflect.StructTag(st.Tag(i)).Get("cbor"); tag != "" && tag != "-" {
				return &problem{label: w.label, path: at, reason: "has the option " + tag + " in a cbor tag, which is not supported", remedy: "remove it"}
			}
		case FieldTag(st, i) == "-":
			return w.lost(f, at, "would be lost, since its tag says not to encode it", "remove the tag")
		case f.Exported():
		case !f.Embedded():
			return w.lost(f, at, "would be lost, since it is not exported", export)
		default:
			embedded := types.Unalias(f.Type())
			if _, ok := embedded.Underlying().(*types.Struct); !ok || HasWireName(st, i) {
				return w.lost(f, at, "would be lost, since the embedded type is not exported", "give it an exported name")
			}
		}
	}
	return nil
}

// wireNames collects the names by which the fields travel, with the fields of embedded
// structs. Of two fields with one name at least one is lost.
func (w *walk) wireNames(st *types.Struct, at string, wire map[string]string, within []*types.Struct) *problem {
	for i := range st.NumFields() {
		f := st.Field(i)
		if f.Name() == "_" {
			continue
		}
		inner := at + "." + f.Name()
		if embedded := w.spread(st, i); embedded != nil {
			if slices.Contains(within, embedded) {
				return w.lost(f, at, "would be lost, since a struct embeds itself there", "give the field a name")
			}
			if p := w.wireNames(embedded, inner, wire, append(within, embedded)); p != nil {
				return p
			}
			continue
		}
		name := WireName(st, i)
		if other, taken := wire[name]; taken {
			return w.lost(f, at, "would be lost or hide "+other+", since both travel as "+name, "rename one, or give it another name by a tag")
		}
		wire[name] = inner
	}
	return nil
}

// spread returns the struct whose fields travel as fields of st, since field i embeds it,
// or nil.
func (w *walk) spread(st *types.Struct, i int) *types.Struct {
	f := st.Field(i)
	t, _ := Pointee(f.Type())
	embedded, ok := t.Underlying().(*types.Struct)
	named, _ := t.(*types.Named)
	if !ok || !f.Embedded() || HasWireName(st, i) || named != nil && w.travelsWhole(named) {
		return nil
	}
	return embedded
}

func (w *walk) travelsWhole(named *types.Named) bool {
	whole, _ := w.ownCodec(named, "")
	return whole
}

// WireName returns the name by which field i travels.
func WireName(st *types.Struct, i int) string {
	if name, _, _ := strings.Cut(FieldTag(st, i), ","); name != "" {
		return name
	}
	return st.Field(i).Name()
}

// HasWireName reports whether a tag gives field i the name by which it travels.
func HasWireName(st *types.Struct, i int) bool {
	name, _, _ := strings.Cut(FieldTag(st, i), ",")
	return name != ""
}

// FieldTag returns the cbor tag of field i, or its json tag; "-" alone means
// that the field does not travel.
func FieldTag(st *types.Struct, i int) string {
	tag := reflect.StructTag(st.Tag(i))
	if value, ok := tag.Lookup("cbor"); ok && value != "" {
		return value
	}
	return tag.Get("json")
}

// isHandle reports whether a struct is clearly an object with a life of its
// own and no data: nobody expects its fields to travel.
func isHandle(t types.Type, st *types.Struct, pointed bool) bool {
	hidden, data, alive := false, false, false
	for f := range st.Fields() {
		if f.Name() == "_" {
			continue
		}
		hidden = hidden || !f.Exported()
		data = data || showsData(f)
		if !f.Exported() || f.Embedded() {
			alive = alive || isAlive(f.Type())
		}
	}
	if !hidden {
		return false
	}
	named, ok := t.(*types.Named)
	return !data || pointed && ok && (alive || endsLife(named))
}

// showsData reports whether a field, or one that it promotes, is exported.
func showsData(f *types.Var) bool {
	if !f.Embedded() {
		return f.Exported()
	}
	t := types.Unalias(f.Type())
	if _, ok := t.(*types.Pointer); ok || f.Exported() {
		return f.Exported() // the pointer itself must travel, and cannot if hidden
	}
	st, ok := t.Underlying().(*types.Struct)
	if !ok {
		return false
	}
	return slices.ContainsFunc(slices.Collect(st.Fields()), showsData)
}

// isAlive reports whether a hidden or embedded field of that type makes its
// struct an object, which shares state with others.
func isAlive(t types.Type) bool {
	t = types.Unalias(t)
	switch u := t.Underlying().(type) {
	case *types.Chan, *types.Signature, *types.Interface:
		return true
	case *types.Pointer:
		return isKind[*types.Struct](nil, types.Unalias(u.Elem()))
	}
	return isOfPackage("sync", "sync/atomic")(nil, t)
}

// endsLife reports whether a type has one of the methods by which objects end.
func endsLife(named *types.Named) bool {
	set := types.NewMethodSet(types.NewPointer(named))
	return slices.ContainsFunc([]string{"Close", "Commit", "Rollback", "Stop", "Release", "Unlock", "Cancel"}, func(name string) bool {
		return set.Lookup(nil, name) != nil
	})
}
