package jsonvalue

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// A value of a type whose structure is not known is translated by its CBOR alone: null,
// bool, text, array, and a map with texts as keys, are as in JSON. A number with a fraction
// or an exponent is a float, any other one an integer. The rest are objects with one name:
// {"$bytes": base64}, {"$time": text}, {"$float": "NaN" or "Inf"}, {"$map": pairs}.

// plain appends the item that n describes.
func (e *encoder) plain(n *node, depth int) error {
	switch {
	case depth > wire.MaxNesting:
		return errNesting
	case len(e.b) > wire.MaxFrame:
		return errTooLarge
	}
	switch n.kind {
	case 'n':
		return e.null()
	case 't':
		e.head(wire.MajorOther, 21)
		return nil
	case 'f':
		e.head(wire.MajorOther, 20)
		return nil
	case '"':
		return e.text(n.text)
	case 0:
		if n.isFloat() {
			return e.float(n, 64)
		}
		return e.bigInt(n)
	case '[':
		if len(n.elems) > wire.MaxElements {
			return fmt.Errorf("%d elements are more than %d", len(n.elems), wire.MaxElements)
		}
		e.head(wire.MajorArray, uint64(len(n.elems)))
		for i, elem := range n.elems {
			if err := e.plain(elem, depth+1); err != nil {
				return below(fmt.Sprintf("[%d]", i), err)
			}
		}
		return nil
	}
	if !slices.ContainsFunc(n.names, func(name string) bool { return strings.HasPrefix(name, "$") }) {
		return e.plainMap(n, depth)
	}
	if len(n.names) != 1 {
		return errors.New("a name that begins with $ is alone in its object")
	}
	inner := n.elems[0]
	switch name := n.names[0]; {
	case name == "$bytes":
		data, err := bytesOf(inner)
		return cmp.Or(err, e.bytes(data))
	case name == "$time" && inner.kind == '"':
		e.head(wire.MajorTag, wire.TagTime)
		return e.text(inner.text)
	case name == "$float":
		return e.float(inner, 64)
	case name == "$map" && inner.kind == '[':
		return e.plainMap(inner, depth)
	}
	return fmt.Errorf("%q with %s is no value", n.names[0], inner.what())
}

// plainMap appends a map: an object, or an array of keys and values.
func (e *encoder) plainMap(n *node, depth int) error {
	list := make([]pair, len(n.elems))
	for i, elem := range n.elems {
		var key *node
		if n.kind == '{' {
			key = &node{kind: '"', text: n.names[i]}
		} else {
			if elem.kind != '[' || len(elem.elems) != 2 {
				return fmt.Errorf("%s is no array of a key and a value", elem.what())
			}
			key, elem = elem.elems[0], elem.elems[1]
		}
		var err error
		if list[i].key, err = e.apart(func(e *encoder) error { return e.plain(key, depth+1) }); err != nil {
			return err
		}
		if list[i].value, err = e.apart(func(e *encoder) error { return e.plain(elem, depth+1) }); err != nil {
			return err
		}
	}
	return e.pairs(list)
}

// plainInt prints an integer of any size.
func (d *decoder) plainInt() error {
	h, err := d.head()
	if err != nil {
		return err
	}
	v := new(big.Int)
	switch {
	case h.Major <= wire.MajorNegative:
		v.SetUint64(h.Arg)
	case h.Major == wire.MajorTag && (h.Arg == wire.TagBignum || h.Arg == wire.TagNegativeBignum):
		inner, err := d.head()
		if err != nil || inner.Major != wire.MajorBytes {
			return cmp.Or(err, d.mismatch(inner, "math/big.Int"))
		}
		data, err := d.take(inner)
		if err != nil {
			return err
		}
		if len(data) > 1<<16 {
			return errors.New("an integer has more than 65536 bytes") // its decimal digits take too long
		}
		v.SetBytes(data)
	default:
		return d.mismatch(h, "math/big.Int")
	}
	if h.Major == wire.MajorNegative || h.Major == wire.MajorTag && h.Arg == wire.TagNegativeBignum {
		v.Not(v)
	}
	d.write(v.String())
	return nil
}

// plain prints the next item.
func (d *decoder) plain(depth int) error {
	if depth > wire.MaxNesting {
		return errNesting
	}
	if d.skipNull() {
		return nil
	}
	start := d.at
	h, err := d.head()
	if err != nil {
		return err
	}
	inObject := func(name string, print func() error) error {
		d.write(`{"` + name + `":`)
		err := print()
		d.write("}")
		return err
	}
	switch h.Major {
	case wire.MajorText:
		return d.text(h)
	case wire.MajorBytes:
		return inObject("$bytes", func() error { return d.bytes(h) })
	case wire.MajorArray:
		n, err := d.count(h)
		d.write("[")
		for i := 0; i < n && err == nil; i++ {
			if i > 0 {
				d.write(",")
			}
			err = d.plain(depth + 1)
		}
		d.write("]")
		return err
	case wire.MajorMap:
		return d.plainEntries(h, depth)
	case wire.MajorOther:
		switch f, ok := floatOf(h.Info, h.Arg); {
		case h.Info == 20 || h.Info == 21:
			d.write(map[byte]string{20: "false", 21: "true"}[h.Info])
			return nil
		case !ok:
			return d.mismatch(h, "value")
		case f != f || math.IsInf(f, 0):
			return inObject("$float", func() error { return d.float(h, 64) })
		}
		return d.float(h, 64)
	}
	if h.Major == wire.MajorTag && h.Arg == wire.TagTime {
		if h, err = d.head(); err != nil || h.Major != wire.MajorText {
			return cmp.Or(err, d.mismatch(h, "time"))
		}
		return inObject("$time", func() error { return d.text(h) })
	}
	d.at = start
	return d.plainInt()
}

// plainEntries prints a map: as an object if all keys are texts that do not begin with $.
func (d *decoder) plainEntries(h wire.Head, depth int) error {
	n, err := d.count(h)
	if err != nil {
		return err
	}
	var keys, values []string
	object := true
	seen := make(map[string]bool)
	for range n {
		for _, list := range []*[]string{&keys, &values} {
			part := decoder{Codec: d.Codec, b: d.b, at: d.at}
			if err := part.plain(depth + 1); err != nil {
				return err
			}
			d.at = part.at
			*list = append(*list, string(part.out))
		}
		key := keys[len(keys)-1]
		object = object && key[0] == '"' && !strings.HasPrefix(key, `"$`) && !seen[key]
		seen[key] = true
	}
	if object {
		d.write("{")
	} else {
		d.write(`{"$map":[`)
	}
	for i, key := range keys {
		if i > 0 {
			d.write(",")
		}
		if object {
			d.write(key + ":" + values[i])
		} else {
			d.write("[" + key + "," + values[i] + "]")
		}
	}
	if !object {
		d.write("]")
	}
	d.write("}")
	return nil
}
