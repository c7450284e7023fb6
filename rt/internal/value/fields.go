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
	flat     []*field          // in the order of declaration, those of embedded structs in their place
	byKey    map[string]*field // by the CBOR of their names
	sorted   []*field          // in the order of sending
	required int               // number of fields that are always sent
	omitZero bool              // a field has omitzero
	pointers []embedded        // inner ones first
	size     uint64            // bytes of the structs of pointers
}

// embedded is a struct that is embedded by pointer.
type embedded struct {
	path   string // such as ".Base"
	index  []int  // path to the pointer through embedded structs
	fields []*field
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
	path    string         // the same in Go
	byName  bool           // tags do not count
}

// composeStruct completes the plan of a struct type. It rejects a struct as a whole if
// any part of it would not be sent.
func (b *planner) composeStruct(p *Plan) {
	c := collector{planner: b, set: &fieldSet{byKey: make(map[string]*field)}, byName: p.byName}
	if f, ok := p.typ.FieldByName("_"); ok && !p.byName {
		if tag := f.Tag.Get("cbor"); tag != "" && tag != "-" {
			p.refuse(faultf("the struct option %q in a cbor tag is not supported; remove it", tag))
			return
		}
	}
	if reason := c.fields(p.typ, false); reason != nil {
		p.refuse(reason)
		return
	}
	c.set.sorted = slices.SortedFunc(slices.Values(c.set.flat), func(a, b *field) int { return strings.Compare(a.key, b.key) })
	for i, fd := range c.set.sorted {
		fd.place = i
		c.set.omitZero = c.set.omitZero || fd.omitZero
	}
	p.shape, p.fields = shapeStruct, c.set
}

// fields collects the fields of t. Fields below an embedded pointer may be absent.
func (c *collector) fields(t reflect.Type, optional bool) *fault {
	if slices.Contains(c.within, t) {
		return faultf("%s embeds itself, and the inner fields would be lost; name the field", t)
	}
	c.within = append(c.within, t)
	defer func() { c.within = c.within[:len(c.within)-1] }()

	for i := range t.NumField() {
		f := t.Field(i)
		if f.Name == "_" {
			continue // padding: it has no content
		}
		outer := c.path
		c.index, c.path = append(c.index, i), outer+"."+f.Name
		reason := c.field(f, optional)
		c.index, c.path = c.index[:len(c.index)-1], outer
		if reason != nil {
			return reason.below("." + f.Name)
		}
	}
	return nil
}

// field collects a field, or the fields of an embedded struct.
func (c *collector) field(f reflect.StructField, optional bool) *fault {
	tag := fieldTag{name: f.Name}
	if !c.byName {
		tag = readTag(f)
	}
	if tag.skip {
		return faultf("the tag leaves the field out, so that its value would be lost; remove the tag or the field")
	}
	t := f.Type
	pointer := t.Kind() == reflect.Pointer
	if pointer {
		t = t.Elem()
	}
	if f.Anonymous && t.Kind() == reflect.Struct && tag.name == "" {
		if pointer && !f.IsExported() {
			return faultf("an unexported struct embedded by pointer cannot be made by the receiver; embed it by value")
		}
		first := len(c.set.flat)
		reason := c.fields(t, optional || pointer)
		if pointer {
			c.set.pointers = append(c.set.pointers, embedded{c.path, slices.Clone(c.index), c.set.flat[first:]})
			c.set.size += uint64(t.Size())
		}
		return reason
	}
	if !f.IsExported() {
		return faultf("the field is unexported, so that its value would be lost; export it or give the type MarshalBinary and UnmarshalBinary")
	}
	return c.ordinary(f, tag, optional)
}

// ordinary makes an ordinary field and records it under its name on the wire.
func (c *collector) ordinary(f reflect.StructField, tag fieldTag, optional bool) *fault {
	fd := &field{name: f.Name, path: c.path, index: slices.Clone(c.index), wire: f.Name, omitEmpty: tag.omitEmpty, omitZero: tag.omitZero}
	if tag.name != "" {
		fd.wire = tag.name
	}
	if tag.keyAsInt {
		n, err := strconv.ParseInt(fd.wire, 10, 0)
		if err != nil {
			return faultf("the name %q in the tag is not an integer, but has the option keyasint", fd.wire)
		}
		fd.wire, fd.key = strconv.FormatInt(n, 10), string(appendInt(nil, n))
	} else {
		if !utf8.ValidString(fd.wire) {
			return faultf("the name %q in the tag is not UTF-8", fd.wire)
		}
		fd.key = string(appendHead(nil, majorText, uint64(len(fd.wire)))) + fd.wire
	}
	if other := c.set.byKey[fd.key]; other != nil {
		return faultf("it is called %s on the wire, as another field %s is, and one would be lost; rename one", fd.wire, other.name)
	}
	fd.plan = c.planner.plan(f.Type)
	fd.optional = optional || fd.omitEmpty || fd.omitZero
	if !fd.optional {
		c.set.required++
	}
	c.set.byKey[fd.key] = fd
	c.set.flat = append(c.set.flat, fd)
	return nil
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
