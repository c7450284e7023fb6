package stub

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

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
