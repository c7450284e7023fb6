package value

import (
	"fmt"
	"reflect"

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
	// Of values. Data is CBOR. In it a struct has all its fields by their names in Go, so a
	// type with an added field is another type. An error in Data is an index of Wraps.
	Pointer bool   `cbor:"pointer,omitempty"`
	Data    []byte `cbor:"data,omitempty"`
}

// errorTree is the state while an error is split into nodes.
type errorTree struct {
	writer *Writer
	nodes  []errorNode
	owed   int // nodes that are certain to be added
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
	case t.addErrors(&node, t.writer.wrapped(err)) && isJoined:
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

// addErrors adds errs below the node. It reports whether there are any, and all were added.
func (t *errorTree) addErrors(node *errorNode, errs []error) (whole bool) {
	for _, err := range errs {
		if len(t.nodes)+t.owed >= maxErrorNodes {
			return false
		}
		node.Wraps = append(node.Wraps, t.add(err))
	}
	return len(errs) > 0
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
	if name == "" || len(t.nodes)+t.owed >= maxErrorNodes {
		return false
	}
	value := errorNode{Kind: errorValue, Type: node.Type, Message: node.Message, Name: name, Pointer: pointer}
	if pointer && v.IsNil() {
		value.Data = []byte{itemNull}
		*node = value
		return true
	}
	ptr := reflect.New(typ) // a copy: a value in an interface has no address
	if pointer {
		ptr.Elem().Set(v.Elem())
	} else {
		ptr.Elem().Set(v)
	}
	data, children, ok := t.writer.errorData(errorPlanOf(typ), ptr.Elem(), t.room, t.depth)
	if !ok || len(t.nodes)+t.owed+len(children) > maxErrorNodes {
		return false
	}
	t.room -= len(data)
	t.owed += len(children)
	value.Data = data
	for _, child := range children { // when nothing can fail any more: added nodes cannot be removed
		t.owed--
		value.Wraps = append(value.Wraps, t.add(child))
	}
	*node = value
	return true
}
