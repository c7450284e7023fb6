package wire

import (
	"fmt"
	"unicode/utf8"
)

// Limits of every CBOR item, on sending and on receiving.
const (
	// MaxNesting is how deep arrays and maps may be nested.
	MaxNesting = 32
	// MaxElements is how many elements an array, or pairs a map, may have.
	MaxElements = 131072
)

// refusal says why an item is not accepted, and where it is in the data.
type refusal struct {
	reason string
	at     int
}

func (r *refusal) Error() string { return fmt.Sprintf("cbor: %s at byte %d", r.reason, r.at) }

// Reasons of refusals. The vectors name them as verdicts.
const (
	reasonTruncated  = "item is cut short"
	reasonMalformed  = "reserved encoding"
	reasonIndefinite = "indefinite length"
	reasonNesting    = "nested too deep"
	reasonElements   = "too many elements"
	reasonUTF8       = "text is not UTF-8"
	reasonTag        = "unexpected tag"
	reasonSimple     = "unexpected simple value"
	reasonTrailing   = "trailing bytes"
)

// readToken reads the head of the item at off.
func readToken(data []byte, off int) (Head, error) {
	h, ok := ReadHead(data, off)
	switch {
	case ok:
		return h, nil
	case off < len(data) && h.Info == 31:
		return h, &refusal{reasonIndefinite, off}
	case off < len(data) && h.Info > 27:
		return h, &refusal{reasonMalformed, off}
	}
	return h, &refusal{reasonTruncated, off}
}

// check returns the end of the item that starts at off, or a refusal if no type accepts the
// item. The library would accept tags, undefined and other simple values where a type has no
// use for them.
func check(data []byte, off, depth int) (end int, err error) {
	t, err := readToken(data, off)
	if err != nil {
		return 0, err
	}
	switch t.Major {
	case MajorUint, MajorNegative:
		return t.End, nil
	case MajorBytes, MajorText:
		if t.Arg > uint64(len(data)-t.End) {
			return 0, &refusal{reasonTruncated, off}
		}
		end := t.End + int(t.Arg)
		if t.Major == MajorText && !utf8.Valid(data[t.End:end]) {
			return 0, &refusal{reasonUTF8, off}
		}
		return end, nil
	case MajorArray, MajorMap:
		return checkElements(data, off, t, depth+1)
	case MajorTag:
		inner, err := readToken(data, t.End)
		if err != nil {
			return 0, err
		}
		isTime := t.Arg == TagTime && inner.Major == MajorText
		isBig := (t.Arg == TagBignum || t.Arg == TagNegativeBignum) && inner.Major == MajorBytes
		if !isTime && !isBig {
			return 0, &refusal{reasonTag, off}
		}
		return check(data, t.End, depth)
	}
	switch t.Info {
	case 20, 21, 22, 25, 26, 27: // false, true, null, floats of 2, 4 and 8 bytes
		return t.End, nil
	}
	return 0, &refusal{reasonSimple, off}
}

// checkElements checks the elements of the array or map with head t.
func checkElements(data []byte, off int, t Head, depth int) (end int, err error) {
	if depth > MaxNesting {
		return 0, &refusal{reasonNesting, off}
	}
	if t.Arg > MaxElements {
		return 0, &refusal{reasonElements, off}
	}
	n := int(t.Arg)
	if t.Major == MajorMap {
		n *= 2
	}
	end = t.End
	for range n {
		if end, err = check(data, end, depth); err != nil {
			return 0, err
		}
	}
	return end, nil
}

// checkOne checks that data is one item and nothing else.
func checkOne(data []byte) error {
	end, err := check(data, 0, 0)
	if err != nil {
		return err
	}
	if end != len(data) {
		return &refusal{reasonTrailing, end}
	}
	return nil
}
