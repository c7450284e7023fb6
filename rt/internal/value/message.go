package value

import (
	"errors"
	"fmt"
	"slices"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

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
