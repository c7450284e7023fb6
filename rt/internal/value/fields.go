package value

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// fieldSet is the form of a struct's values on the wire: a map with the names of the
// fields as keys, including the fields of embedded structs.
type fieldSet struct {
	members    []member          // in the order of declaration
	flat       []*field          // the fields of members and of their embedded structs, in that order
	byKey      map[string]*field // by the CBOR of their names
	sorted     []*field          // in the order of sending
	required   int               // number of fields that are always sent
	viaPointer bool              // a struct is embedded by pointer
	omitZero   bool              // a field has omitzero
}

// member is a field, or an embedded struct whose fields are promoted.
type member struct {
	index    int
	field    *field   // nil for an embedded struct
	embedded []member // of the embedded struct
	pointer  bool     // it is embedded by pointer
}

// field is a struct's field that is sent.
type field struct {
	name      string // name in Go
	path      string // the field in Go, such as ".Base.Name" if it is promoted
	place     int    // index in sorted
	index     []int  // path to the field through embedded structs
	wire      string // name on the wire, integers in decimal
	key       string // the CBOR of the name on the wire
	plan      *Plan
	omitEmpty bool
	omitZero  bool
	optional  bool // may be absent
}

// collector gathers the fields of one struct type.
type collector struct {
	planner *planner
	set     *fieldSet
	within  []reflect.Type // the struct types around the current field, the outermost first
	index   []int          // path to the current field
}

// composeStruct completes the plan of a struct type. It rejects a struct as a whole if
// any part of it would not be sent.
func (b *planner) composeStruct(p *Plan) {
	c := collector{planner: b, set: &fieldSet{byKey: make(map[string]*field)}}
	if f, ok := p.typ.FieldByName("_"); ok {
		if tag := f.Tag.Get("cbor"); tag != "" && tag != "-" {
			p.refuse(faultf("the struct option %q in a cbor tag is not supported; remove it", tag))
			return
		}
	}
	members, reason := c.members(p.typ, false)
	if reason != nil {
		p.refuse(reason)
		return
	}
	c.set.members = members
	c.set.sorted = slices.SortedFunc(slices.Values(c.set.flat), func(a, b *field) int { return strings.Compare(a.key, b.key) })
	for i, fd := range c.set.sorted {
		fd.place = i
		c.set.omitZero = c.set.omitZero || fd.omitZero
	}
	p.shape, p.fields = shapeStruct, c.set
}

// members collects the fields of t. Fields below an embedded pointer may be absent.
func (c *collector) members(t reflect.Type, optional bool) ([]member, *fault) {
	for _, outer := range c.within {
		if outer == t {
			return nil, faultf("%s embeds itself, and the inner fields would be lost; name the field", t)
		}
	}
	c.within = append(c.within, t)
	defer func() { c.within = c.within[:len(c.within)-1] }()

	var members []member
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Name == "_" {
			continue // padding: it has no content
		}
		c.index = append(c.index, i)
		m, reason := c.member(f, optional)
		c.index = c.index[:len(c.index)-1]
		if reason != nil {
			return nil, reason
		}
		m.index = i
		members = append(members, m)
	}
	return members, nil
}

func (c *collector) member(f reflect.StructField, optional bool) (member, *fault) {
	tag := readTag(f)
	if tag.skip {
		return member{}, faultf("the tag leaves the field out, so that its value would be lost; remove the tag or the field").below("." + f.Name)
	}
	t := f.Type
	pointer := t.Kind() == reflect.Pointer
	if pointer {
		t = t.Elem()
	}
	if f.Anonymous && t.Kind() == reflect.Struct && tag.name == "" {
		if pointer && !f.IsExported() {
			return member{}, faultf("an unexported struct embedded by pointer cannot be made by the receiver; embed it by value").below("." + f.Name)
		}
		c.set.viaPointer = c.set.viaPointer || pointer
		inner, reason := c.members(t, optional || pointer)
		if reason != nil {
			return member{}, reason.below("." + f.Name)
		}
		return member{embedded: inner, pointer: pointer}, nil
	}
	if !f.IsExported() {
		return member{}, faultf("the field is unexported, so that its value would be lost; export it or give the type MarshalBinary and UnmarshalBinary").below("." + f.Name)
	}
	fd, reason := c.field(f, tag)
	if reason != nil {
		return member{}, reason.below("." + f.Name)
	}
	fd.optional = optional || fd.omitEmpty || fd.omitZero
	if !fd.optional {
		c.set.required++
	}
	return member{field: fd}, nil
}

// field makes an ordinary field and records it under its name on the wire.
func (c *collector) field(f reflect.StructField, tag fieldTag) (*field, *fault) {
	fd := &field{name: f.Name, path: c.path(), index: slices.Clone(c.index), wire: f.Name, omitEmpty: tag.omitEmpty, omitZero: tag.omitZero}
	if tag.name != "" {
		fd.wire = tag.name
	}
	if tag.keyAsInt {
		n, err := strconv.ParseInt(fd.wire, 10, 0)
		if err != nil {
			return nil, faultf("the name %q in the tag is not an integer, but has the option keyasint", fd.wire)
		}
		fd.wire, fd.key = strconv.FormatInt(n, 10), string(appendInt(nil, n))
	} else {
		if !utf8.ValidString(fd.wire) {
			return nil, faultf("the name %q in the tag is not UTF-8", fd.wire)
		}
		fd.key = string(appendHead(nil, majorText, uint64(len(fd.wire)))) + fd.wire
	}
	if other := c.set.byKey[fd.key]; other != nil {
		return nil, faultf("it is called %s on the wire, as another field %s is, and one would be lost; rename one", fd.wire, other.name)
	}
	fd.plan = c.planner.plan(f.Type)
	c.set.byKey[fd.key] = fd
	c.set.flat = append(c.set.flat, fd)
	return fd, nil
}

// path returns the path to the current field in Go.
func (c *collector) path() (path string) {
	t := c.within[0]
	for _, i := range c.index {
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		f := t.Field(i)
		path, t = path+"."+f.Name, f.Type
	}
	return path
}

// find returns the field whose name is the item at b[at:], in any form, and the end of the
// item.
func (s *fieldSet) find(b []byte, at int) (fd *field, end int, ok bool) {
	h, ok := readHead(b, at)
	if !ok {
		return nil, at, false
	}
	end = h.End
	if h.Major == majorText {
		if h.Arg > uint64(len(b)-end) {
			return nil, at, false
		}
		end += int(h.Arg)
	}
	if fd = s.byKey[string(b[at:end])]; fd == nil && (h.Major == majorText || h.Major <= majorNegative) {
		// The head may be longer than necessary.
		fd = s.byKey[string(append(appendHead(nil, h.Major, h.Arg), b[h.End:end]...))]
	}
	return fd, end, true
}

// fieldTag is the cbor tag of a field, or its json tag if it has none.
type fieldTag struct {
	name                          string
	skip                          bool
	omitEmpty, omitZero, keyAsInt bool
}

func readTag(f reflect.StructField) fieldTag {
	text := f.Tag.Get("cbor")
	if text == "" {
		text = f.Tag.Get("json")
	}
	if text == "-" {
		return fieldTag{skip: true}
	}
	name, options, _ := strings.Cut(text, ",")
	tag := fieldTag{name: name}
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "omitempty":
			tag.omitEmpty = true
		case "omitzero":
			tag.omitZero = true
		case "keyasint":
			tag.keyAsInt = true
		}
	}
	return tag
}
