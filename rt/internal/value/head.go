package value

import (
	"encoding/binary"

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
