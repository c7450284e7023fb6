package value

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/wire"
)

// Major types of CBOR.
const (
	majorUint     = wire.MajorUint
	majorNegative = wire.MajorNegative
	majorBytes    = wire.MajorBytes
	majorText     = wire.MajorText
	majorArray    = wire.MajorArray
	majorMap      = wire.MajorMap
	majorTag      = wire.MajorTag
	majorOther    = wire.MajorOther
)

// The tags that values have.
const (
	tagTime           = wire.TagTime
	tagBignum         = wire.TagBignum
	tagNegativeBignum = wire.TagNegativeBignum
)

// The items of one byte.
const (
	itemFalse = 0xf4
	itemTrue  = 0xf5
	itemNull  = 0xf6
)

// maxShort is the largest argument that fits into the first byte of an item.
const maxShort = 23

// appendHead appends the shortest head of an item.
func appendHead(b []byte, major byte, arg uint64) []byte {
	if arg <= maxShort {
		return append(b, major<<5|byte(arg))
	}
	return appendLongHead(b, major, arg)
}

// appendLongHead is apart and not inlined, so that appendHead, which is, stays small.
//
//go:noinline
func appendLongHead(b []byte, major byte, arg uint64) []byte {
	major <<= 5
	switch {
	case arg < 1<<8:
		return append(b, major|24, byte(arg))
	case arg < 1<<16:
		return append(b, major|25, byte(arg>>8), byte(arg))
	case arg < 1<<32:
		return append(b, major|26, byte(arg>>24), byte(arg>>16), byte(arg>>8), byte(arg))
	}
	return binary.BigEndian.AppendUint64(append(b, major|27), arg)
}

// appendInt appends an integer.
func appendInt(b []byte, n int64) []byte {
	if n < 0 {
		return appendHead(b, majorNegative, uint64(^n))
	}
	return appendHead(b, majorUint, uint64(n))
}

// head is the first byte and the argument of an item.
type head wire.Head

// readHead reads the head of the item at b[at:]. It fails if b ends within the head, and
// for indefinite lengths.
func readHead(b []byte, at int) (head, bool) {
	h, ok := wire.ReadHead(b, at)
	return head(h), ok
}

func (h head) isNull() bool { return h.Major == majorOther && h.Info == itemNull&31 }

// mismatch returns the fault for an item with head h that is not a value of p's type.
func (p *Plan) mismatch(h head) *fault {
	names := [...]string{"an integer", "a negative integer", "a byte string", "text", "an array", "a map", "a tagged item", "a float or simple value"}
	name := names[h.Major]
	if h.isNull() {
		name = "null"
	}
	return faultf("%s is no value of type %s", name, p.typ)
}

func cutShort() *fault { return faultf("the item is cut short") }

func malformed() *fault { return faultf("the item is cut short or malformed") }

func skipString(b []byte, h head) (end int, f *fault) {
	if h.Arg > uint64(len(b)-h.End) {
		return 0, cutShort()
	}
	return h.End + int(h.Arg), nil
}

// skip returns the end of the item at b[at:]. It accepts all items that are decoded, and
// others.
func skip(b []byte, at int) (end int, ok bool) {
	for left := uint64(1); left > 0; left-- {
		if at >= len(b) {
			return at, false
		}
		h := head{Major: b[at] >> 5, Arg: uint64(b[at] & 31), End: at + 1}
		if h.Arg > maxShort {
			if h, ok = readHead(b, at); !ok {
				return at, false
			}
		}
		at = h.End
		switch h.Major {
		case majorBytes, majorText:
			if h.Arg > uint64(len(b)-at) {
				return at, false
			}
			at += int(h.Arg)
		case majorArray, majorMap:
			if h.Arg > wire.MaxElements {
				return at, false
			}
			left += h.Arg
			if h.Major == majorMap {
				left += h.Arg
			}
		case majorTag:
			left++
		}
	}
	return at, true
}

// keyText returns a key as text for a message.
func keyText(key []byte, h head) string {
	switch h.Major {
	case majorUint:
		return strconv.FormatUint(h.Arg, 10)
	case majorNegative:
		return "-1-" + strconv.FormatUint(h.Arg, 10)
	}
	const most = 40
	return strconv.Quote(cut.Text(string(key[len(key)-int(h.Arg):]), most))
}

// A message is an array of values. One byte is reserved for its head, which is most often
// enough.

// SetCount sets the head of the message that begins at b[start:]: n values follow the byte
// that was reserved. It returns b, longer if one byte is not enough.
func SetCount(b []byte, start, n int) []byte {
	if n <= maxShort {
		b[start] = majorArray<<5 | byte(n)
		return b
	}
	return slices.Replace(b, start, start+1, appendHead(nil, majorArray, uint64(n))...)
}

// Count returns the number of values of a message, and the bytes of the values. It returns
// an error if b does not begin like a message. It may be called concurrently.
func Count(b []byte) (n int, rest []byte, err error) {
	h, ok := readHead(b, 0)
	switch {
	case !ok || h.Major != majorArray:
		return 0, nil, errors.New("the message is not an array of definite length")
	case h.Arg > wire.MaxElements:
		return 0, nil, fmt.Errorf("%d values are more than %d", h.Arg, wire.MaxElements)
	}
	return int(h.Arg), b[h.End:], nil
}

// MaxBuffer is the length in bytes of the largest buffer that is allocated for a method to
// fill. No message holds more bytes.
const MaxBuffer = 16 << 20
