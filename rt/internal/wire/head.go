package wire

import "encoding/binary"

// Major types of CBOR, the upper three bits of an item's first byte.
const (
	MajorUint = iota
	MajorNegative
	MajorBytes
	MajorText
	MajorArray
	MajorMap
	MajorTag
	MajorOther // floats, false, true, null
)

// The tags that are accepted: those of Go's time.Time and big.Int.
const (
	TagTime           = 0
	TagBignum         = 2
	TagNegativeBignum = 3
)

// Head is the first byte and the argument of an item.
type Head struct {
	Major byte
	Info  byte   // the lower five bits of the first byte
	Arg   uint64 // value, length, tag or the bits of a float
	End   int    // end of the head
}

// ReadHead reads the head of the item at b[at:]. It fails if b ends within the head, and
// for indefinite lengths. It may be called concurrently.
func ReadHead(b []byte, at int) (h Head, ok bool) {
	if at >= len(b) {
		return h, false
	}
	h = Head{Major: b[at] >> 5, Info: b[at] & 31, End: at + 1}
	if h.Info < 24 {
		h.Arg = uint64(h.Info)
		return h, true
	}
	if h.Info > 27 {
		return h, false
	}
	size := 1 << (h.Info - 24)
	if len(b)-h.End < size {
		return h, false
	}
	switch b := b[h.End : h.End+size]; size {
	case 1:
		h.Arg = uint64(b[0])
	case 2:
		h.Arg = uint64(binary.BigEndian.Uint16(b))
	case 4:
		h.Arg = uint64(binary.BigEndian.Uint32(b))
	case 8:
		h.Arg = binary.BigEndian.Uint64(b)
	}
	h.End += size
	return h, true
}
