package value

import "encoding/binary"

// Major types of CBOR, the upper three bits of an item's first byte.
const (
	majorUint = iota
	majorNegative
	majorBytes
	majorText
	majorArray
	majorMap
	majorTag
	majorOther
)

// The tags that values have.
const (
	tagTime           = 0
	tagBignum         = 2
	tagNegativeBignum = 3
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
	major <<= 5
	switch {
	case arg <= maxShort:
		return append(b, major|byte(arg))
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
type head struct {
	major byte
	info  byte   // the lower five bits of the first byte
	arg   uint64 // value, length, tag or the bits of a float
	end   int    // end of the head
}

// readHead reads the head of the item at b[at:]. It fails if b ends within the head,
// and for indefinite lengths.
func readHead(b []byte, at int) (h head, ok bool) {
	if at >= len(b) {
		return h, false
	}
	h = head{major: b[at] >> 5, info: b[at] & 31, end: at + 1}
	if h.info < 24 {
		h.arg = uint64(h.info)
		return h, true
	}
	if h.info > 27 {
		return h, false
	}
	size := 1 << (h.info - 24)
	if len(b)-h.end < size {
		return h, false
	}
	switch b := b[h.end : h.end+size]; size {
	case 1:
		h.arg = uint64(b[0])
	case 2:
		h.arg = uint64(binary.BigEndian.Uint16(b))
	case 4:
		h.arg = uint64(binary.BigEndian.Uint32(b))
	case 8:
		h.arg = binary.BigEndian.Uint64(b)
	}
	h.end += size
	return h, true
}
