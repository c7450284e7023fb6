package value

import (
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/loopgen/loopgen/rt/internal/rt"
	"github.com/loopgen/loopgen/rt/internal/wire"
)

// ReadError decodes the first item of b, which [Writer.AppendError] has appended, as far as
// this process can rebuild the error, and returns the bytes after the item. It does not
// panic: an error whose methods panic or do not return becomes a *rt.RemoteError.
func (r *Reader) ReadError(b []byte) (err error, rest []byte, fail error) { return r.tree(b, 0) }

// error decodes the next item, nested in depth arrays and maps, into v, an interface that
// can hold an error.
func (r *Reader) error(v reflect.Value, depth int) *fault {
	if depth+errorNesting > wire.MaxNesting {
		return faultf("nested deeper than %d levels", wire.MaxNesting)
	}
	err, rest, fail := r.tree(r.b[r.at:], depth+1)
	switch {
	case fail != nil:
		return &fault{err: fail}
	case err == nil:
		return faultf("null is no error that an interface holds")
	case !reflect.TypeOf(err).Implements(v.Type()):
		return faultf("an error comes back as %s, which is no %s", reflect.TypeOf(err), v.Type())
	}
	v.Set(reflect.ValueOf(err))
	r.at = len(r.b) - len(rest)
	return nil
}

// tree decodes the first item of data, nested in depth arrays and maps. It returns the
// error and the bytes after the item. It fails if the item is neither null nor a tree.
func (r *Reader) tree(data []byte, depth int) (err error, rest []byte, fail error) {
	var nodes []errorNode
	if len(data) > 0 && data[0] == itemNull {
		return nil, data[1:], nil
	}
	rest, fail = wire.UnmarshalFirst(data, &nodes)
	if fail != nil {
		return nil, nil, fail
	}
	switch {
	case len(nodes) == 0:
		return nil, nil, errors.New("the tree is empty")
	case len(nodes) > 2*maxErrorNodes:
		return nil, nil, fmt.Errorf("the tree has %d errors, more than %d", len(nodes), 2*maxErrorNodes)
	}
	b := errorBuilder{reader: r, built: make([]error, len(nodes)), depth: depth}
	// From the last to the first: a node refers only to later nodes.
	taken := make([]bool, len(nodes))
	for i := len(nodes) - 1; i >= 0; i-- {
		for _, child := range nodes[i].Wraps {
			if child <= i || child >= len(nodes) || taken[child] {
				return nil, nil, fmt.Errorf("node %d refers to %d", i, child)
			}
			taken[child] = true
		}
		if b.built[i], fail = nodes[i].build(&b); fail != nil {
			return nil, nil, fmt.Errorf("node %d: %w", i, fail)
		}
	}
	return b.built[0], rest, nil
}

// errorBuilder has the nodes of a tree and the errors rebuilt from them.
type errorBuilder struct {
	reader *Reader   // of the message
	built  []error   // by position; complete after the current node
	depth  int       // nesting that the data is assumed to have
	until  time.Time // deadline for the methods of the errors; zero while none has been called
}

// errorType returns the type called name, or nil.
func (r *Reader) errorType(name string) reflect.Type {
	if typ := r.errors.types[name]; typ != nil {
		return typ
	}
	if k, f := knownBy(name, r.quota); f == nil {
		return k.typ
	}
	return nil
}

// build rebuilds the error of n. The errors below it are already built.
func (n *errorNode) build(b *errorBuilder) (error, error) {
	switch n.Kind {
	case errorOther:
	case errorSentinel:
		if err := b.reader.errors.sentinels[n.Name]; err != nil {
			return err, nil
		}
	case errorValue:
		if typ := b.reader.errorType(n.Name); typ != nil {
			if err := n.buildValue(b, typ); err != nil {
				return err, nil
			}
		}
	case errorJoined:
		if len(n.Wraps) > 0 {
			return errors.Join(n.pick(b.built)...), nil
		}
	default:
		return nil, fmt.Errorf("unknown kind %d", n.Kind)
	}
	return n.remote(b.built), nil
}

func (n *errorNode) pick(built []error) []error {
	var errs []error
	for _, place := range n.Wraps {
		errs = append(errs, built[place])
	}
	return errs
}

func (n *errorNode) remote(built []error) error {
	err := &rt.RemoteError{Type: n.Type, Message: string(n.Message)}
	switch errs := n.pick(built); len(errs) {
	case 0:
	case 1:
		err.Err = errs[0]
	default:
		err.Err = errors.Join(errs...)
	}
	return err
}

// buildValue returns an error of type typ, or nil if the data does not fit: the sender
// may be another build.
func (n *errorNode) buildValue(b *errorBuilder, typ reflect.Type) error {
	ptr := reflect.New(typ)
	if n.Pointer && len(n.Data) == 1 && n.Data[0] == itemNull {
		ptr = reflect.Zero(ptr.Type())
	} else if !b.decodeData(errorPlanOf(typ), n.Data, n.pick(b.built), ptr.Elem()) {
		return nil
	}
	v := ptr
	if !n.Pointer {
		v = ptr.Elem()
	}
	err, _ := v.Interface().(error)
	return err
}
