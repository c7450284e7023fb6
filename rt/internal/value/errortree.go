package value

import (
	"fmt"
	"reflect"
	"sync"
	"syscall"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/rt"
	"github.com/loopgen/loopgen/rt/internal/wire"
)

// Limits of a sent error. The sender omits the rest, which the messages of the wrapping
// errors usually repeat.
const (
	maxErrorMessage = 64 << 10 // bytes of one message
	maxErrorSize    = 1 << 20  // bytes of messages and data together, roughly
	maxErrorNodes   = 1000     // errors in the tree, roughly, and so also the depth of wrapping
)

// How the receiver rebuilds an error.
const (
	errorOther    = iota // as an rt.RemoteError
	errorSentinel        // as the value called name
	errorValue           // as a value of the type called name
	errorJoined          // by errors.Join
)

// errorNode is one error of a tree. The tree is sent as the array of its nodes. A node
// refers to later nodes by position, so the CBOR is not as deep as the tree. Type and
// message are always present, for a receiver that does not know the name.
type errorNode struct {
	Kind    int    `cbor:"kind"`
	Type    string `cbor:"type"`
	Message []byte `cbor:"message"` // may be other than UTF-8
	Wraps   []int  `cbor:"wraps,omitempty"`

	// Of sentinels and values.
	Name string `cbor:"name,omitempty"`
	// Of values. A struct has all its fields by their names in Go, as CBOR in a byte
	// string; fields of type error are in Errors unless nil. A type with an added
	// field is therefore another type. Other types, and a nil pointer, have Data.
	Pointer bool              `cbor:"pointer,omitempty"`
	Data    []byte            `cbor:"data,omitempty"`
	Fields  map[string][]byte `cbor:"fields,omitempty"`
	Errors  map[string]int    `cbor:"errors,omitempty"`
}

// errorTree is the state while an error is split into nodes.
type errorTree struct {
	writer *Writer
	nodes  []errorNode
	room   int // bytes left
	depth  int // nesting of the tree, and the nesting that its data is assumed to have
}

// errorNesting is the nesting of the arrays and maps of a tree. errorSize is the
// minimum size of a tree in bytes.
const errorNesting, errorSize = 3, 32

// AppendError appends the error err, which may be nil, to b, the message so far: see
// [Reader.ReadError]. It fails only for want of room. It does not panic, and waits for the
// methods of err at most a second: see errorcode.go.
func (w *Writer) AppendError(b []byte, err error) ([]byte, error) {
	if err == nil {
		return append(b, itemNull), nil
	}
	item, fail := w.tree(err, w.limit-len(b), 0)
	return append(b, item...), fail
}

// tree returns err, which is nested in depth arrays and maps, as a CBOR item.
func (w *Writer) tree(err error, room, depth int) ([]byte, error) {
	t := errorTree{writer: w, room: min(room, maxErrorSize), depth: depth}
	t.add(err)
	item, fail := wire.Marshal(t.nodes)
	if fail != nil {
		return nil, fmt.Errorf("error of type %s: %w", cut.Name(fmt.Sprintf("%T", err)), fail)
	}
	return item, nil
}

// error appends an error that a value holds, nested in depth arrays and maps. Every error
// can be sent if there is room.
func (w *Writer) error(err error, depth int) *fault {
	if depth+errorNesting > wire.MaxNesting {
		return tooDeep()
	}
	if w.work -= errorSize; w.work < 0 {
		return faultf("%w: errors that hold each other's values again and again", ErrTooLarge)
	}
	if f := w.fits(errorSize); f != nil {
		return f
	}
	// The contents of the error count as nested deeper, so an error that contains itself
	// terminates.
	item, fail := w.tree(err, w.limit-len(w.b), depth+1)
	if fail != nil {
		return &fault{err: fail}
	}
	w.b = append(w.b, item...)
	return nil
}

// add appends err and the errors that it wraps. It returns the position of err.
func (t *errorTree) add(err error) int {
	place := len(t.nodes)
	t.nodes = append(t.nodes, errorNode{})
	node := errorNode{Type: reflect.TypeOf(err).String()}
	remote, isRemote := err.(*rt.RemoteError)
	if isRemote && remote != nil { // forwarded: do not wrap a RemoteError in another
		node.Type = remote.Type
	}
	name, isSentinel := t.writer.errors.sentinel(err)
	isJoined := !isSentinel && reflect.TypeOf(err) == joinedType
	if !isJoined { // errors.Join makes the message again
		node.Message = t.cut(t.writer.message(err))
	}
	switch {
	case isSentinel:
		node.Kind, node.Name = errorSentinel, name
	case t.addValue(&node, err):
	case t.addWrapped(&node, err) && isJoined:
		node.Kind = errorJoined
	case isJoined:
		node.Message = t.cut(t.writer.message(err))
	}
	t.nodes[place] = node
	return place
}

// cut takes the room for message, and shortens a message that is too long.
func (t *errorTree) cut(message string) []byte {
	const mark = "… (cut)"
	if most := max(0, min(maxErrorMessage, t.room)); len(message) > most {
		message = message[:max(0, most-len(mark))] + mark
	}
	t.room -= len(message)
	return []byte(message)
}

// addWrapped adds the errors that err wraps to its node. It reports whether there are
// any, and all were added.
func (t *errorTree) addWrapped(node *errorNode, err error) (whole bool) {
	children := t.writer.wrapped(err)
	for _, child := range children {
		if len(t.nodes) >= maxErrorNodes {
			return false
		}
		node.Wraps = append(node.Wraps, t.add(child))
	}
	return len(children) > 0
}

// addValue completes the node of an error of a known type, if all of the error can be
// sent. Otherwise it leaves the node unchanged and returns false.
func (t *errorTree) addValue(node *errorNode, err error) bool {
	v := reflect.ValueOf(err)
	pointer := v.Kind() == reflect.Pointer
	typ := v.Type()
	if pointer {
		typ = typ.Elem()
	}
	name := t.writer.errors.typeName(typ)
	if name == "" || len(t.nodes) >= maxErrorNodes {
		return false
	}
	value := errorNode{Kind: errorValue, Type: node.Type, Message: node.Message, Name: name, Pointer: pointer}
	if pointer && v.IsNil() {
		value.Data = []byte{itemNull}
		*node = value
		return true
	}
	layout := layoutOf(typ)
	ptr := reflect.New(typ) // a copy: a value in an interface has no address
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
	// Added last, when nothing can fail any more: added nodes cannot be removed.
	for _, i := range layout.errors {
		child, ok := ptr.Elem().Field(i).Interface().(error)
		if !ok {
			value.setField(typ.Field(i).Name, []byte{itemNull})
			continue
		}
		if value.Errors == nil {
			value.Errors = make(map[string]int)
		}
		value.Errors[typ.Field(i).Name] = t.add(child)
	}
	*node = value
	return true
}

// addData sets Data or Fields of the node from v.
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
		node.setField(v.Type().Field(i).Name, data)
	}
	return true
}

func (n *errorNode) setField(name string, data []byte) {
	if n.Fields == nil {
		n.Fields = make(map[string][]byte)
	}
	n.Fields[name] = data
}

// data returns the CBOR of v, if v can be sent and fits.
func (t *errorTree) data(p *Plan, v reflect.Value) ([]byte, bool) {
	data, ok := t.writer.errorData(p, v, t.room, t.depth)
	t.room -= len(data)
	return data, ok
}

// errorLayout says how the data of an error type is sent.
type errorLayout struct {
	ok     bool          // the data can be sent
	whole  *Plan         // set if the data is sent as one value, not by fields
	data   map[int]*Plan // the struct's fields by index, except those of type error
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
		l.whole = PlanOf(reflect.TypeFor[uint64]())
	case t.Kind() != reflect.Struct || s != shapeRefused:
		l.whole = PlanOf(t)
		l.ok = l.whole.root == nil
	default:
		l.data = make(map[int]*Plan)
		for i := range t.NumField() {
			f := t.Field(i)
			switch {
			case f.Name == "_":
			case !f.IsExported():
				l.ok = false
			case f.Type == errorType:
				l.errors = append(l.errors, i)
			default:
				l.data[i] = PlanOf(f.Type)
				l.ok = l.ok && l.data[i].root == nil
			}
		}
	}
	return l
}
