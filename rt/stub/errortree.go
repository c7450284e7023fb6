package stub

import (
	"bytes"
	"fmt"
	"reflect"
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
	sender *sender
	nodes  []errorNode
	room   int // bytes left
	depth  int // nesting of the tree, and the nesting that its data is assumed to have
}

// errorNesting is the nesting of the arrays and maps of a tree. errorSize is the
// minimum size of a tree in bytes.
const errorNesting, errorSize = 3, 32

// encodeError returns err as a CBOR item. err is not nil and is nested in depth arrays
// and maps.
func (s *sender) encodeError(err error, room, depth int) ([]byte, error) {
	t := errorTree{sender: s, room: min(room, maxErrorSize), depth: depth}
	t.add(err)
	item, fail := wire.Marshal(t.nodes)
	if fail != nil {
		return nil, fmt.Errorf("error of type %s: %w", cut.Name(fmt.Sprintf("%T", err)), fail)
	}
	return item, nil
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
	name, isSentinel := t.sender.table.sentinel(err)
	isJoined := !isSentinel && reflect.TypeOf(err) == joinedType
	if !isJoined { // errors.Join makes the message again
		node.Message = t.cut(t.sender.message(err))
	}
	switch {
	case isSentinel:
		node.Kind, node.Name = errorSentinel, name
	case t.addValue(&node, err):
	case t.addWrapped(&node, err) && isJoined:
		node.Kind = errorJoined
	case isJoined:
		node.Message = t.cut(t.sender.message(err))
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
	children := t.sender.wrapped(err)
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
	name := t.sender.table.typeName(typ)
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
func (t *errorTree) data(p *plan, v reflect.Value) ([]byte, bool) {
	data, ok := t.sender.errorData(p, v, t.room, t.depth)
	t.room -= len(data)
	return data, ok
}

// item returns the CBOR of v, if v can be sent in room bytes.
func (s *sender) item(p *plan, v reflect.Value, room, depth int) ([]byte, bool) {
	var buf bytes.Buffer
	if s.encode(&buf, p, v.Addr(), room, depth) != nil || buf.Len() > room {
		return nil, false
	}
	return buf.Bytes(), true
}
