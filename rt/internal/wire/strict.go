package wire

import (
	"encoding/binary"
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

// Major types of CBOR, the upper three bits of an item's first byte.
const (
	majorUint = iota
	majorNegative
	majorBytes
	majorText
	majorArray
	majorMap
	majorTag
	majorOther // floats, false, true, null
)

// The tags that are accepted: those of Go's time.Time and big.Int.
const (
	tagTime        = 0
	tagBignum      = 2
	tagNegativeBig = 3
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

// token is the head of an item: its first byte and argument.
type token struct {
	major byte
	info  byte   // the lower five bits of the first byte
	arg   uint64 // value, length, tag number or bits of a float
	end   int    // offset of the byte after the head
}

// readToken reads the head of the item at off.
func readToken(data []byte, off int) (token, error) {
	if off >= len(data) {
		return token{}, &refusal{reasonTruncated, off}
	}
	t := token{major: data[off] >> 5, info: data[off] & 31, end: off + 1}
	if t.info < 24 {
		t.arg = uint64(t.info)
		return t, nil
	}
	if t.info == 31 {
		return token{}, &refusal{reasonIndefinite, off}
	}
	if t.info > 27 {
		return token{}, &refusal{reasonMalformed, off}
	}
	size := 1 << (t.info - 24)
	if len(data)-t.end < size {
		return token{}, &refusal{reasonTruncated, off}
	}
	switch b := data[t.end:]; size {
	case 1:
		t.arg = uint64(b[0])
	case 2:
		t.arg = uint64(binary.BigEndian.Uint16(b))
	case 4:
		t.arg = uint64(binary.BigEndian.Uint32(b))
	case 8:
		t.arg = binary.BigEndian.Uint64(b)
	}
	t.end += size
	return t, nil
}

// check returns the end of the item that starts at off, or a refusal if no type accepts the
// item. The library would accept tags, undefined and other simple values where a type has no
// use for them.
func check(data []byte, off, depth int) (end int, err error) {
	t, err := readToken(data, off)
	if err != nil {
		return 0, err
	}
	switch t.major {
	case majorUint, majorNegative:
		return t.end, nil
	case majorBytes, majorText:
		if t.arg > uint64(len(data)-t.end) {
			return 0, &refusal{reasonTruncated, off}
		}
		end := t.end + int(t.arg)
		if t.major == majorText && !utf8.Valid(data[t.end:end]) {
			return 0, &refusal{reasonUTF8, off}
		}
		return end, nil
	case majorArray, majorMap:
		return checkElements(data, off, t, depth+1)
	case majorTag:
		inner, err := readToken(data, t.end)
		if err != nil {
			return 0, err
		}
		isTime := t.arg == tagTime && inner.major == majorText
		isBig := (t.arg == tagBignum || t.arg == tagNegativeBig) && inner.major == majorBytes
		if !isTime && !isBig {
			return 0, &refusal{reasonTag, off}
		}
		return check(data, t.end, depth)
	}
	switch t.info {
	case 20, 21, 22, 25, 26, 27: // false, true, null, floats of 2, 4 and 8 bytes
		return t.end, nil
	}
	return 0, &refusal{reasonSimple, off}
}

// checkElements checks the elements of the array or map with head t.
func checkElements(data []byte, off int, t token, depth int) (end int, err error) {
	if depth > MaxNesting {
		return 0, &refusal{reasonNesting, off}
	}
	if t.arg > MaxElements {
		return 0, &refusal{reasonElements, off}
	}
	n := int(t.arg)
	if t.major == majorMap {
		n *= 2
	}
	end = t.end
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
