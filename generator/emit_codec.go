package generator

import (
	"go/types"
	"strconv"

	"github.com/dave/jennifer/jen"
)

// emitCodecs writes the codecs of the types that have one, and the functions for
// the structs in them.
func (s *service) emitCodecs(f *jen.File) {
	c := &s.codecs
	if len(c.roots) == 0 {
		return
	}
	comment(f.Group, "The short cuts by which values of these types are encoded and decoded. A type that",
		"is no longer made as it says here takes the long way, until go generate is run again.")
	f.Var().DefsFunc(func(g *jen.Group) {
		for _, root := range c.roots {
			layout := jen.Lit(root.layout)
			if strconv.CanBackquote(root.layout) {
				layout = jen.Op("`" + root.layout + "`")
			}
			write, read := s.writeFunc(root.typ, true), s.readFunc(root.typ, true)
			if c.structOf[typeKey(root.typ)] == nil {
				write, read = jen.Line().Add(write), jen.Line().Add(read)
			}
			g.Id(root.name).Op("=").Add(s.stub("NewCodec")).Call(layout, write, read)
		}
	})
	f.Line()
	for _, st := range c.structs {
		s.emitWrite(f, st)
		s.emitRead(f, st)
	}
}

func (s *service) writerParam() *jen.Statement {
	return jen.Id(s.codecs.writer).Op("*").Add(s.stub("Writer"))
}

func (s *service) readerParam() *jen.Statement {
	return jen.Id(s.codecs.reader).Op("*").Add(s.stub("Reader"))
}

// emitWrite writes the function that writes a struct.
func (s *service) emitWrite(f *jen.File, st *codecStruct) {
	c := &s.codecs
	f.Func().Id(st.write).Params(s.writerParam(), jen.Id(c.value).Add(s.expr(st.typ))).BlockFunc(func(g *jen.Group) {
		always := 0
		var sent []jen.Code // whether the others are
		for _, field := range st.fields {
			if field.omitEmpty {
				sent = append(sent, s.isSent(field))
			} else {
				always++
			}
		}
		g.Id(c.writer).Dot("Struct").Call(append([]jen.Code{jen.Lit(always)}, sent...)...)
		for _, field := range st.fields {
			write := s.write(jen.Id(c.writer).Dot("Key").Call(jen.Lit(field.wire)), field.typ, s.at(field))
			if field.omitEmpty {
				g.If(s.isSent(field)).Block(write)
			} else {
				g.Add(write)
			}
		}
	})
	f.Line()
}

// emitRead writes the function that reads a struct.
func (s *service) emitRead(f *jen.File, st *codecStruct) {
	c := &s.codecs
	f.Func().Id(st.read).Params(s.readerParam()).Params(jen.Id(c.value).Add(s.expr(st.typ))).BlockFunc(func(g *jen.Group) {
		always := 0
		for _, field := range st.fields {
			if !field.omitEmpty {
				always++
			}
		}
		reader := jen.Id(c.reader)
		if always == len(st.fields) {
			g.Add(reader).Dot("Struct").Call(jen.Lit(always))
		} else {
			g.Id(c.more).Op(":=").Add(reader).Dot("StructFrom").Call(jen.Lit(always))
		}
		for _, field := range st.fields {
			if field.omitEmpty {
				g.If(reader.Clone().Dot("Has").Call(jen.Lit(field.wire), jen.Op("&").Id(c.more))).Block(s.readField(reader.Clone(), field))
			} else {
				g.Add(s.readField(reader.Clone().Dot("Key").Call(jen.Lit(field.wire)), field))
			}
		}
		if always < len(st.fields) {
			g.Add(reader.Clone()).Dot("End").Call(jen.Id(c.more))
		}
		g.Return(jen.Id(c.value))
	})
	f.Line()
}

// at writes where the field is.
func (s *service) at(field codecField) *jen.Statement {
	code := jen.Id(s.codecs.value)
	for _, name := range field.path {
		code.Dot(name)
	}
	return code
}

// isSent writes whether omitempty leaves the field in.
func (s *service) isSent(field codecField) *jen.Statement {
	writer := jen.Id(s.codecs.writer)
	switch u := field.typ.Underlying().(type) {
	case *types.Slice:
		return s.stub("HasList").Call(writer, s.at(field))
	case *types.Map:
		return s.stub("HasMap").Call(writer, s.at(field))
	case *types.Pointer:
		return s.at(field).Op("!=").Nil()
	case *types.Basic:
		switch {
		case u.Info()&types.IsFloat != 0:
			return s.stub("HasFloat").Call(writer, s.at(field))
		case u.Info()&types.IsBoolean != 0:
			return jen.Bool().Call(s.at(field))
		case u.Info()&types.IsString != 0:
			return s.at(field).Op("!=").Lit("")
		}
	}
	return s.at(field).Op("!=").Lit(0)
}

// write writes the statement that writes v, of type t.
func (s *service) write(writer *jen.Statement, t types.Type, v *jen.Statement) *jen.Statement {
	switch u := t.Underlying().(type) {
	case *types.Basic:
		return s.stub("Write"+scalarName(u)).Call(writer, v)
	case *types.Array:
		return s.stub("WriteBytes").Call(writer, v.Index(jen.Op(":")))
	case *types.Pointer:
		return s.stub("WritePointer").Call(writer, v, s.writeFunc(u.Elem(), false))
	case *types.Slice:
		if isByte(u.Elem()) {
			return s.stub("WriteBytes").Call(writer, v)
		}
		return s.stub("WriteList").Call(writer, v, s.writeFunc(u.Elem(), false))
	case *types.Map:
		return s.stub("WriteMap").Call(writer, v, s.writeFunc(u.Key(), false), s.writeFunc(u.Elem(), false))
	}
	if st := s.codecs.structOf[typeKey(t)]; st != nil {
		return jen.Id(st.write).Call(writer, v)
	}
	return s.stub("WriteEmpty").Call(writer, v)
}

// writeFunc writes the function that writes values of type t. Its type arguments
// are inferred, but for those of a root.
func (s *service) writeFunc(t types.Type, root bool) *jen.Statement {
	c := &s.codecs
	if st := c.structOf[typeKey(t)]; st != nil {
		return jen.Id(st.write)
	}
	if name := simpleName(t); name != "" && !root {
		return s.stub("Write" + name)
	}
	return jen.Func().Params(s.writerParam(), jen.Id(c.value).Add(s.expr(t))).
		Custom(jen.Options{Open: "{ ", Close: " }"}, s.write(jen.Id(c.writer), t, jen.Id(c.value)))
}

// readField writes the statement that reads the field.
func (s *service) readField(reader *jen.Statement, field codecField) *jen.Statement {
	if isKind[*types.Array](nil, field.typ) {
		return reader.Dot("Fill").Call(s.at(field).Index(jen.Op(":")))
	}
	return s.at(field).Op("=").Add(s.read(reader, field.typ))
}

// read writes the expression that reads a value of type t, which is no array.
func (s *service) read(reader *jen.Statement, t types.Type) *jen.Statement {
	switch u := t.Underlying().(type) {
	case *types.Basic:
		return s.stub("Read" + scalarName(u)).Types(s.expr(t)).Call(reader)
	case *types.Pointer:
		return s.stub("ReadPointer").Types(s.expr(u.Elem())).Call(reader, s.readFunc(u.Elem(), false))
	case *types.Slice:
		if isByte(u.Elem()) {
			return s.stub("ReadBytes").Types(s.expr(t)).Call(reader)
		}
		return s.stub("ReadList").Types(s.expr(t)).Call(reader, s.readFunc(u.Elem(), false))
	case *types.Map:
		return s.stub("ReadMap").Types(s.expr(t)).Call(reader, s.readFunc(u.Key(), false), s.readFunc(u.Elem(), false))
	}
	if st := s.codecs.structOf[typeKey(t)]; st != nil {
		return jen.Id(st.read).Call(reader)
	}
	return s.stub("ReadEmpty").Types(s.expr(t)).Call(reader)
}

// readFunc writes the function that reads values of type t.
func (s *service) readFunc(t types.Type, root bool) *jen.Statement {
	c := &s.codecs
	if st := c.structOf[typeKey(t)]; st != nil {
		return jen.Id(st.read)
	}
	if name := simpleName(t); name != "" && !root {
		return s.stub("Read" + name)
	}
	head := jen.Func().Params(s.readerParam())
	oneLine := jen.Options{Open: "{ ", Close: " }", Separator: "; "}
	if isKind[*types.Array](nil, t) {
		return head.Params(jen.Id(c.value).Add(s.expr(t))).Custom(oneLine,
			jen.Id(c.reader).Dot("Fill").Call(jen.Id(c.value).Index(jen.Op(":"))), jen.Return(jen.Id(c.value)))
	}
	return head.Add(s.expr(t)).Custom(oneLine, jen.Return(s.read(jen.Id(c.reader), t)))
}

// simpleName returns what the functions of package stub for a type are called
// that needs nothing else, or "".
func simpleName(t types.Type) string {
	switch u := t.Underlying().(type) {
	case *types.Basic:
		return scalarName(u)
	case *types.Slice:
		if isByte(u.Elem()) {
			return "Bytes"
		}
	case *types.Struct:
		if u.NumFields() == 0 {
			return "Empty"
		}
	}
	return ""
}

func scalarName(t *types.Basic) string {
	switch info := t.Info(); {
	case info&types.IsBoolean != 0:
		return "Bool"
	case info&types.IsFloat != 0:
		return "Float"
	case info&types.IsString != 0:
		return "String"
	case info&types.IsUnsigned != 0:
		return "Uint"
	}
	return "Int"
}
