package value_test

import (
	"encoding/binary"
	"slices"
)

// item is an item of CBOR that can be changed.
type item struct {
	major, info byte
	arg         uint64
	content     []byte // of a string
	items       []item // of an array or a map
	long        bool   // its head is longer than it need be
}

// parse reads an item of a message that was encoded.
func parse(b []byte) (it item, rest []byte) {
	it.major, it.info = b[0]>>5, b[0]&31
	b = b[1:]
	switch {
	case it.info < 24:
		it.arg = uint64(it.info)
	default:
		size := 1 << (it.info - 24)
		var arg [8]byte
		copy(arg[8-size:], b)
		it.arg, b = binary.BigEndian.Uint64(arg[:]), b[size:]
	}
	switch it.major {
	case 2, 3:
		it.content, b = slices.Clone(b[:it.arg]), b[it.arg:]
	case 4, 5:
		for range it.arg * uint64(it.major-3) {
			var inner item
			inner, b = parse(b)
			it.items = append(it.items, inner)
		}
	}
	return it, b
}

func (it *item) append(b []byte) []byte {
	arg := it.arg
	switch it.major {
	case 2, 3:
		arg = uint64(len(it.content))
	case 4, 5:
		arg = uint64(len(it.items)) / uint64(it.major-3)
	}
	first := it.major << 5
	switch {
	case it.major == 7: // the size of a float is part of it
		b = append(b, first|it.info)
		if it.info >= 24 {
			size := 1 << (it.info - 24)
			b = append(b, binary.BigEndian.AppendUint64(nil, arg)[8-size:]...)
		}
	case it.long:
		b = binary.BigEndian.AppendUint32(append(b, first|26), uint32(arg))
	case arg < 24:
		b = append(b, first|byte(arg))
	case arg < 1<<8:
		b = append(b, first|24, byte(arg))
	case arg < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, first|25), uint16(arg))
	case arg < 1<<32:
		b = binary.BigEndian.AppendUint32(append(b, first|26), uint32(arg))
	default:
		b = binary.BigEndian.AppendUint64(append(b, first|27), arg)
	}
	b = append(b, it.content...)
	for i := range it.items {
		b = it.items[i].append(b)
	}
	return b
}

// mutate changes the item, or something in it.
func (it *item) mutate(c *choices) {
	if n := len(it.items); n > 0 && c.of(5) > 0 {
		it.items[c.of(n)].mutate(c)
		return
	}
	step := max(1, int(it.major)-3) // an entry of a map is two items
	entries := len(it.items) / step
	switch what := c.of(10); {
	case what == 0:
		*it = item{major: 7, info: 22} // null
	case what == 1:
		it.long = true
	case what == 2:
		it.major, it.arg = byte(c.of(2)), c.bits()
		it.content, it.items = nil, nil
	case what == 3:
		*it = item{major: byte(2 + c.of(4))} // something empty
	case what == 4:
		*it = item{major: 7, info: byte(20 + c.of(8)), arg: c.bits()}
	case what == 5 && it.major < 4:
		it.content = append(it.content, c.byte())
	case entries == 0:
		it.arg = c.bits()
	case what <= 6:
		at := c.of(entries) * step
		it.items = append(it.items, it.items[at:at+step]...) // twice
	case what == 7:
		at := c.of(entries) * step
		it.items = slices.Delete(it.items, at, at+step)
	default:
		a, b := c.of(entries)*step, c.of(entries)*step
		for i := range step {
			it.items[a+i], it.items[b+i] = it.items[b+i], it.items[a+i]
		}
	}
}

// quiet makes the NaNs in the item quiet.
func (it *item) quiet() {
	for i := range it.items {
		it.items[i].quiet()
	}
	if it.major != 7 {
		return
	}
	for info, fraction := range map[byte]int{25: 10, 26: 23, 27: 52} {
		infinity := (uint64(1)<<(8<<(info-24)-1-fraction) - 1) << fraction
		if it.info == info && it.arg&^(1<<(8<<(info-24)-1)) > infinity {
			it.arg |= 1 << (fraction - 1)
		}
	}
}
