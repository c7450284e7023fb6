package jsonvalue

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// An error is an object with the keys of a node in PROTOCOL.md, "Errors as values". wraps is
// an array of errors. The data, which is CBOR, is as in plain.go. kind is absent if it is 0. A
// message that is not UTF-8 is {"$bytes": …}. A string is read as an error with that message.

// errorNode is an error on the wire.
type errorNode struct {
	Kind    int    `cbor:"kind"`
	Type    string `cbor:"type"`
	Message []byte `cbor:"message"`
	Wraps   []int  `cbor:"wraps,omitempty"`
	Name    string `cbor:"name,omitempty"`
	Pointer bool   `cbor:"pointer,omitempty"`
	Data    []byte `cbor:"data,omitempty"`
}

// maxErrors is the number of nodes that a receiver accepts.
const maxErrors = 2000

// kinds are the names of the kinds.
var kinds = []string{"other", "sentinel", "value", "joined"}

// errorTree appends an error, or null.
func (e *encoder) errorTree(p place, n *node) error {
	if n == nil || n.kind == 'n' {
		return e.null()
	}
	var nodes []errorNode
	if err := e.addError(&nodes, n, p.depth); err != nil {
		return err
	}
	item, err := wire.Marshal(nodes)
	e.b = append(e.b, item...)
	return err
}

// addError appends the nodes of an error.
func (e *encoder) addError(nodes *[]errorNode, n *node, depth int) error {
	if n.kind == '"' {
		n = &node{kind: '{', names: []string{"message"}, elems: []*node{n}}
	}
	switch {
	case n.kind != '{':
		return fmt.Errorf("%s is no error: give its message, or an object", n.what())
	case len(*nodes) >= maxErrors:
		return fmt.Errorf("more than %d errors are in each other", maxErrors)
	}
	at := len(*nodes)
	*nodes = append(*nodes, errorNode{})
	x := errorNode{Type: "error"}
	for i, name := range n.names {
		if err := e.errorKey(nodes, &x, name, n.elems[i], depth); err != nil {
			return below("."+name, err)
		}
	}
	(*nodes)[at] = x
	return nil
}

// errorKey sets a part of x.
func (e *encoder) errorKey(nodes *[]errorNode, x *errorNode, name string, n *node, depth int) error {
	var err error
	isText := n.kind == '"'
	switch {
	case name == "type" && isText:
		x.Type = n.text
	case name == "name" && isText:
		x.Name = n.text
	case name == "message" && isText:
		x.Message = []byte(n.text)
	case name == "message":
		x.Message, err = bytesOf(innerBytes(n))
	case name == "kind" && isText && slices.Contains(kinds, n.text):
		x.Kind = slices.Index(kinds, n.text)
	case name == "pointer" && (n.kind == 't' || n.kind == 'f'):
		x.Pointer = n.kind == 't'
	case name == "data":
		x.Data, err = e.apart(func(e *encoder) error { return e.plain(n, depth+1) })
	case name == "wraps" && n.kind == '[':
		for _, elem := range n.elems {
			x.Wraps = append(x.Wraps, len(*nodes))
			if err := e.addError(nodes, elem, depth); err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf("%s is no %s of an error", n.what(), name)
	}
	return err
}

// innerBytes returns the value of {"$bytes": …}, or n if it is none.
func innerBytes(n *node) *node {
	if inner := n.only("$bytes"); inner != nil {
		return inner
	}
	return n
}

// printedError is an error in JSON.
type printedError struct {
	Message json.RawMessage `json:"message,omitempty"`
	Type    string          `json:"type"`
	Kind    string          `json:"kind,omitempty"`
	Name    string          `json:"name,omitempty"`
	Pointer bool            `json:"pointer,omitempty"`
	Data    json.RawMessage `json:"data,omitempty"`
	Wraps   []*printedError `json:"wraps,omitempty"`
}

// errorTree prints an error.
func (d *decoder) errorTree(p place) error {
	if d.skipNull() {
		return nil
	}
	var nodes []errorNode
	rest, err := wire.UnmarshalFirst(d.b[d.at:], &nodes)
	switch {
	case err != nil:
		return err
	case len(nodes) == 0 || len(nodes) > maxErrors:
		return fmt.Errorf("a tree of %d errors is none", len(nodes))
	}
	// From the last to the first: a node refers to later ones only.
	printed := make([]*printedError, len(nodes))
	for i := len(nodes) - 1; i >= 0; i-- {
		if printed[i], err = d.printError(&nodes[i], i, printed, p.depth); err != nil {
			return err
		}
	}
	d.at = len(d.b) - len(rest)
	text, err := json.Marshal(printed[0])
	if err != nil {
		return err
	}
	// json.Marshal escapes < and >, which is the same JSON.
	d.out = append(d.out, text...)
	return nil
}

// errorData prints the data of an error.
func (d *decoder) errorData(data []byte, depth int) (json.RawMessage, error) {
	part := decoder{Codec: d.Codec, b: data}
	err := part.plain(depth + 1)
	if err == nil && part.at != len(data) {
		err = errors.New("the data of an error is longer than its value")
	}
	return part.out, err
}

// printError returns node x, which has place i. The errors to which it refers are taken
// from printed, each once.
func (d *decoder) printError(x *errorNode, i int, printed []*printedError, depth int) (*printedError, error) {
	e := &printedError{Type: x.Type, Name: x.Name, Pointer: x.Pointer}
	if x.Kind < 0 || x.Kind >= len(kinds) {
		return nil, fmt.Errorf("an error has the unknown kind %d", x.Kind)
	}
	if x.Kind != 0 {
		e.Kind = kinds[x.Kind]
	}
	switch {
	case x.Message == nil:
	case utf8.Valid(x.Message):
		e.Message = appendString(nil, string(x.Message))
	default:
		e.Message = json.RawMessage(`{"$bytes":"` + base64.StdEncoding.EncodeToString(x.Message) + `"}`)
	}
	var err error
	if x.Data != nil {
		if e.Data, err = d.errorData(x.Data, depth); err != nil {
			return nil, err
		}
	}
	for _, at := range x.Wraps {
		if at <= i || at >= len(printed) || printed[at] == nil {
			return nil, errors.New("an error refers to no later one")
		}
		e.Wraps = append(e.Wraps, printed[at])
		printed[at] = nil
	}
	return e, nil
}
