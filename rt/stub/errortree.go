package stub

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"syscall"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// Bounds of what is sent of an error. What is beyond is left out; the messages
// of what wraps it mostly tell.
const (
	maxErrorMessage = 64 << 10 // bytes of one message
	maxErrorSize    = 1 << 20  // bytes of messages and data together, roughly
	maxErrorDepth   = 32       // errors wrapping each other
	maxErrorNodes   = 1000     // errors in the tree, roughly
)

// How an error is rebuilt.
const (
	errorOther    = iota // as a RemoteError
	errorSentinel        // as the value called name
	errorValue           // as a value of the type called name
	errorJoined          // by errors.Join
)

// errorNode is one error of a tree. The tree is sent as the array of its
// nodes, each before those that it refers to by their places, so that its
// depth is not that of the CBOR. Type and message are always there, for a
// receiver that does not know the name.
type errorNode struct {
	Kind    int    `cbor:"kind"`
	Type    string `cbor:"type"`
	Message []byte `cbor:"message"` // need not be UTF-8
	Wraps   []int  `cbor:"wraps,omitempty"`

	// Of sentinels and values.
	Name string `cbor:"name,omitempty"`
	// Of values. A struct has its fields by their names in Go, as CBOR in a
	// byte string, those of type error in Errors unless nil. Other types, and
	// a nil pointer, have Data.
	Pointer bool              `cbor:"pointer,omitempty"`
	Data    []byte            `cbor:"data,omitempty"`
	Fields  map[string][]byte `cbor:"fields,omitempty"`
	Errors  map[string]int    `cbor:"errors,omitempty"`
}

// errorTree is an error while it is taken apart.
type errorTree struct {
	table *errorTable
	nodes []errorNode
	room  int // bytes left
}

// encodeError returns err, which is not nil, as a CBOR item.
func encodeError(s *Service, err error, room int) ([]byte, error) {
	t := errorTree{table: s.errorTable(), room: min(room, maxErrorSize)}
	t.add(err, 1)
	item, fail := wire.Marshal(t.nodes)
	if fail != nil {
		return nil, fmt.Errorf("error of type %T: %w", err, fail)
	}
	return item, nil
}

// add appends err and what it wraps, and returns its place.
func (t *errorTree) add(err error, depth int) int {
	place := len(t.nodes)
	t.nodes = append(t.nodes, errorNode{})
	node := errorNode{Type: reflect.TypeOf(err).String()}
	remote, isRemote := err.(*RemoteError)
	if isRemote && remote != nil { // passing through: no second coat
		node.Type = remote.Type
	}
	node.Message = t.cut(message(err))
	if name, ok := t.table.sentinel(err); ok {
		node.Kind, node.Name = errorSentinel, name
	} else if !t.addValue(&node, err, depth) {
		t.addWrapped(&node, err, depth)
	}
	t.nodes[place] = node
	return place
}

// cut takes the room for a message, or for as much of it as may be sent.
func (t *errorTree) cut(message string) []byte {
	const mark = "… (cut)"
	if most := max(0, min(maxErrorMessage, t.room)); len(message) > most {
		message = message[:max(0, most-len(mark))] + mark
	}
	t.room -= len(message)
	return []byte(message)
}

// addWrapped completes the node of an error that is not rebuilt by name.
func (t *errorTree) addWrapped(node *errorNode, err error, depth int) {
	children := wrapped(err)
	whole := depth < maxErrorDepth
	for _, child := range children {
		if !whole || len(t.nodes) >= maxErrorNodes {
			whole = false
			break
		}
		node.Wraps = append(node.Wraps, t.add(child, depth+1))
	}
	if whole && len(children) > 0 && reflect.TypeOf(err) == joinedType {
		t.room += len(node.Message) // errors.Join makes it again
		node.Kind, node.Message = errorJoined, nil
	}
}

// addValue completes the node of an error of a known type, if all of it can be
// sent. If not it leaves the node as it was.
func (t *errorTree) addValue(node *errorNode, err error, depth int) bool {
	v := reflect.ValueOf(err)
	pointer := v.Kind() == reflect.Pointer
	typ := v.Type()
	if pointer {
		typ = typ.Elem()
	}
	name, ok := t.table.typeNames[typ]
	if !ok || depth >= maxErrorDepth || len(t.nodes) >= maxErrorNodes {
		return false
	}
	value := errorNode{Kind: errorValue, Type: node.Type, Message: node.Message, Name: name, Pointer: pointer}
	if pointer && v.IsNil() {
		value.Data = []byte{itemNull}
		*node = value
		return true
	}
	layout := layoutOf(typ)
	ptr := reflect.New(typ) // a copy: what is in an interface has no address
	if pointer {
		ptr.Elem().Set(v.Elem())
	} else {
		ptr.Elem().Set(v)
	}
	room := t.room
	if !layout.ok || !t.addData(&value, layout, ptr.Elem()) {
		t.room = room
		return false
	}
	// Only now, when nothing can fail any more: what was added stays.
	for _, i := range layout.errors {
		if child := ptr.Elem().Field(i); !child.IsNil() {
			if value.Errors == nil {
				value.Errors = make(map[string]int)
			}
			value.Errors[typ.Field(i).Name] = t.add(child.Interface().(error), depth+1)
		}
	}
	*node = value
	return true
}

// addData sets the node's Data or Fields from v.
func (t *errorTree) addData(node *errorNode, layout *errorLayout, v reflect.Value) bool {
	if layout.whole != nil {
		if errno, ok := v.Interface().(syscall.Errno); ok {
			number := uint64(errno)
			v = reflect.ValueOf(&number).Elem()
		}
		var ok bool
		node.Data, ok = t.data(layout.whole, v)
		return ok
	}
	for i, p := range layout.data {
		data, ok := t.data(p, v.Field(i))
		if !ok {
			return false
		}
		if node.Fields == nil {
			node.Fields = make(map[string][]byte)
		}
		node.Fields[v.Type().Field(i).Name] = data
	}
	return true
}

// data returns the CBOR of v, if v can be sent and there is room.
func (t *errorTree) data(p *plan, v reflect.Value) ([]byte, bool) {
	var buf bytes.Buffer
	if p.encode(&buf, v.Addr(), t.room) != nil || buf.Len() > t.room {
		return nil, false
	}
	t.room -= buf.Len()
	return buf.Bytes(), true
}

// errorLayout is how the data of an error type is sent.
type errorLayout struct {
	ok     bool          // it can be
	whole  *plan         // not by fields
	data   map[int]*plan // the struct's fields by index, those of type error excepted
	errors []int         // the struct's fields of type error
}

// layouts caches layoutOf by reflect.Type.
var layouts sync.Map

func layoutOf(t reflect.Type) *errorLayout {
	if l, ok := layouts.Load(t); ok {
		return l.(*errorLayout)
	}
	l, _ := layouts.LoadOrStore(t, newErrorLayout(t))
	return l.(*errorLayout)
}

func newErrorLayout(t reflect.Type) *errorLayout {
	l := &errorLayout{ok: true}
	s, reason := marshalled(t)
	switch {
	case reason != nil:
		return &errorLayout{}
	case t == errnoType:
		l.whole = planOf(reflect.TypeFor[uint64]())
	case t.Kind() != reflect.Struct || s != shapeRefused:
		l.whole = planOf(t)
		l.ok = l.whole.root == nil
	default:
		l.data = make(map[int]*plan)
		for i := range t.NumField() {
			f := t.Field(i)
			switch {
			case f.Name == "_":
			case !f.IsExported():
				l.ok = false
			case f.Type == errorType:
				l.errors = append(l.errors, i)
			default:
				l.data[i] = planOf(f.Type)
				l.ok = l.ok && l.data[i].root == nil
			}
		}
	}
	return l
}

// decodeError decodes the first item of data and returns the error and what
// follows the item. It fails if the item is neither null nor a tree.
func decodeError(s *Service, data []byte) (err error, rest []byte, fail error) {
	var nodes []errorNode
	if len(data) > 0 && data[0] == itemNull {
		return nil, data[1:], nil
	}
	rest, fail = wire.UnmarshalFirst(data, &nodes)
	if fail != nil {
		return nil, nil, fail
	}
	if len(nodes) == 0 {
		return nil, nil, errors.New("the tree is empty")
	}
	// From the last to the first: what a node refers to comes after it.
	built := make([]error, len(nodes))
	taken := make([]bool, len(nodes))
	for i := len(nodes) - 1; i >= 0; i-- {
		for _, child := range nodes[i].children() {
			if child <= i || child >= len(nodes) || taken[child] {
				return nil, nil, fmt.Errorf("node %d refers to %d", i, child)
			}
			taken[child] = true
		}
		if built[i], fail = nodes[i].build(s.errorTable(), built); fail != nil {
			return nil, nil, fmt.Errorf("node %d: %w", i, fail)
		}
	}
	return built[0], rest, nil
}

// children returns the places of the nodes below n, in a fixed order.
func (n *errorNode) children() []int {
	places := slices.Clone(n.Wraps)
	for _, place := range n.Errors {
		places = append(places, place)
	}
	slices.Sort(places)
	return places
}

// build rebuilds the error of n. The errors below it are built.
func (n *errorNode) build(t *errorTable, built []error) (error, error) {
	switch n.Kind {
	case errorOther:
	case errorSentinel:
		if err := t.sentinels[n.Name]; err != nil {
			return err, nil
		}
	case errorValue:
		if typ := t.types[n.Name]; typ != nil {
			if err := n.buildValue(typ, built); err != nil {
				return err, nil
			}
		}
	case errorJoined:
		if len(n.Wraps) > 0 {
			return errors.Join(n.pick(built)...), nil
		}
	default:
		return nil, fmt.Errorf("unknown kind %d", n.Kind)
	}
	return n.remote(built), nil
}

func (n *errorNode) pick(built []error) []error {
	var errs []error
	for _, place := range n.children() {
		errs = append(errs, built[place])
	}
	return errs
}

func (n *errorNode) remote(built []error) error {
	err := &RemoteError{Type: n.Type, Message: string(n.Message)}
	switch errs := n.pick(built); len(errs) {
	case 0:
	case 1:
		err.Err = errs[0]
	default:
		err.Err = errors.Join(errs...)
	}
	return err
}

// buildValue returns an error of type typ, or nil if the data does not fit:
// the other side may be of another build.
func (n *errorNode) buildValue(typ reflect.Type, built []error) error {
	ptr := reflect.New(typ)
	layout := layoutOf(typ)
	switch {
	case n.Pointer && len(n.Data) == 1 && n.Data[0] == itemNull:
		ptr = reflect.Zero(ptr.Type())
	case !layout.ok:
		return nil
	case typ == errnoType:
		var number uint64
		if !decodeWhole(layout.whole, n.Data, &number) {
			return nil
		}
		ptr.Elem().SetUint(number)
	case layout.whole != nil:
		if !decodeWhole(layout.whole, n.Data, ptr.Interface()) {
			return nil
		}
	default:
		if !n.buildFields(layout, ptr.Elem(), built) {
			return nil
		}
	}
	v := ptr
	if !n.Pointer {
		v = ptr.Elem()
	}
	err, _ := v.Interface().(error)
	return err
}

func (n *errorNode) buildFields(layout *errorLayout, v reflect.Value, built []error) bool {
	if len(n.Fields) != len(layout.data) {
		return false
	}
	for i, p := range layout.data {
		data, ok := n.Fields[v.Type().Field(i).Name]
		if !ok || !decodeWhole(p, data, v.Field(i).Addr().Interface()) {
			return false
		}
	}
	errs := 0
	for _, i := range layout.errors {
		if place, ok := n.Errors[v.Type().Field(i).Name]; ok {
			v.Field(i).Set(reflect.ValueOf(built[place]))
			errs++
		}
	}
	return errs == len(n.Errors)
}

// decodeWhole decodes data, one item, into what v points to.
func decodeWhole(p *plan, data []byte, v any) bool {
	rest, err := p.decode(data, v)
	return err == nil && len(rest) == 0
}
