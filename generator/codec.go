package generator

import (
	"go/types"
	"strings"

	"github.com/dave/jennifer/jen"
)

// codecSet is the short cuts by which a file's values travel, and the functions
// that they need.
type codecSet struct {
	roots    []*codecRoot
	structs  []*codecStruct
	structOf map[string]*codecStruct

	writer, reader, value, more string // names in them
}

// codecRoot is a type of parameters or results that has a codec.
type codecRoot struct {
	typ    types.Type
	layout string
	name   string // of the variable
}

// collectCodecs decides which parameters and results travel by a codec. A scalar
// needs none.
func (s *service) collectCodecs() {
	s.codecs = codecSet{structOf: make(map[string]*codecStruct)}
	made := make(map[string]*codecRoot) // nil for a type that cannot have one
	try := func(values []*value) {
		for _, v := range values {
			t, ok := s.resolve(v.typ)
			if !ok || v.passing.encode != asValue.encode && v.passing.decode != asValue.decode {
				continue
			}
			root, tried := made[typeKey(t)]
			if !tried {
				root = s.codecs.add(s, t)
				made[typeKey(t)] = root
			}
			v.codec = root
		}
	}
	if s.constructor != nil {
		try(s.constructor.params)
	}
	for _, m := range s.methods {
		try(m.withoutContext())
		try(m.results)
	}
}

// add makes a codec for t and returns it, or nil if t can have none that is worth
// it.
func (c *codecSet) add(s *service, t types.Type) *codecRoot {
	switch u := t.Underlying().(type) {
	case *types.Basic, *types.Array:
		return nil
	case *types.Slice:
		if isByte(u.Elem()) {
			return nil
		}
	case *types.Struct:
		if u.NumFields() == 0 {
			return nil
		}
	}
	l := layouter{service: s, done: make(map[string]bool)}
	for key := range c.structOf {
		l.done[key] = true
	}
	if !l.layout(t) {
		return nil
	}
	root := &codecRoot{typ: t, layout: l.String()}
	c.roots = append(c.roots, root)
	for _, st := range l.structs {
		c.structs = append(c.structs, st)
		c.structOf[typeKey(st.typ)] = st
	}
	return root
}

// chooseCodecNames names what the codecs need. Other names of the file are
// chosen before.
func (s *service) chooseCodecNames(pkg *packageScope, private string) {
	c := &s.codecs
	for _, root := range c.roots {
		root.name = pkg.pick(private+codecName(root.typ)+"Codec", private+"Loop"+codecName(root.typ)+"Codec")
	}
	for _, st := range c.structs {
		name := codecName(st.typ)
		st.write = pkg.pick(private+"Write"+name, private+"LoopWrite"+name)
		st.read = pkg.pick(private+"Read"+name, private+"LoopRead"+name)
	}
}

// chooseCodecLocals names the parameters of the codecs' functions.
func (s *service) chooseCodecLocals(pkg *packageScope) {
	inner := newScope(pkg.taken)
	for name := range pkg.leftOut {
		delete(inner.taken, name) // the file does not use it
	}
	inner = newScope(inner.taken, s.outerNames())
	c := &s.codecs
	c.writer, c.reader = inner.pick("w", "writer"), inner.pick("r", "reader")
	c.value, c.more = inner.pick("v", "value"), inner.pick("more")
}

// packagesOfCodecs calls use for each package that the code of the codecs names:
// it is written once to see.
func (s *service) packagesOfCodecs(use func(*types.Package)) {
	s.names.qualifier = func(p *types.Package) string {
		use(p)
		return p.Name()
	}
	s.emitCodecs(jen.NewFile("p"))
}

// codecName returns a name for a type that may have none.
func codecName(t types.Type) string {
	t = types.Unalias(t)
	if tn := typeNameOf(t); tn != nil {
		name := upperFirst(strings.TrimLeft(tn.Name(), "_"))
		for arg := range typeArgs(t).Types() {
			name += codecName(arg)
		}
		return name
	}
	switch t := t.(type) {
	case *types.Basic:
		return upperFirst(t.Name())
	case *types.Pointer:
		return codecName(t.Elem()) + "Pointer"
	case *types.Slice:
		return codecName(t.Elem()) + "List"
	case *types.Array:
		return codecName(t.Elem()) + "Array"
	case *types.Map:
		return codecName(t.Key()) + codecName(t.Elem()) + "Map"
	}
	return "Empty"
}
