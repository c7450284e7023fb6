package value

import (
	"encoding/binary"
	"math"
)

// appendFloat64 appends the shortest float that is exactly f. A NaN keeps its bits.
func appendFloat64(b []byte, f float64) []byte {
	bits := math.Float64bits(f)
	single := float32(f)
	if f != f {
		// A conversion would change the bits of some NaNs.
		if bits&(1<<29-1) != 0 {
			return binary.BigEndian.AppendUint64(append(b, majorOther<<5|27), bits)
		}
		return appendNaN32(b, uint32(bits>>32)&(1<<31)|0xff<<23|uint32(bits>>29)&0x7fffff)
	}
	if float64(single) != f {
		return binary.BigEndian.AppendUint64(append(b, majorOther<<5|27), bits)
	}
	if half, ok := halfBits(single); ok {
		return append(b, majorOther<<5|25, byte(half>>8), byte(half))
	}
	return binary.BigEndian.AppendUint32(append(b, majorOther<<5|26), math.Float32bits(single))
}

// appendFloat32 is appendFloat64 for the float with these bits.
func appendFloat32(b []byte, bits uint32) []byte {
	f := math.Float32frombits(bits)
	if f != f {
		return appendNaN32(b, bits)
	}
	return appendFloat64(b, float64(f))
}

// appendNaN32 appends the NaN of 4 bytes with these bits, in 2 bytes if they suffice.
func appendNaN32(b []byte, bits uint32) []byte {
	if bits&(1<<13-1) != 0 {
		return binary.BigEndian.AppendUint32(append(b, majorOther<<5|26), bits)
	}
	half := uint16(bits>>16)&0x8000 | 0x7c00 | uint16(bits>>13)&0x3ff
	return append(b, majorOther<<5|25, byte(half>>8), byte(half))
}

// halfBits returns the float of 2 bytes (1 bit of sign, 5 of exponent, 10 of fraction)
// that is exactly f, if there is one.
func halfBits(f float32) (half uint16, ok bool) {
	bits := math.Float32bits(f)
	sign := uint16(bits>>16) & 0x8000
	exponent := int(bits>>23&0xff) - 127
	fraction := bits & 0x7fffff
	switch {
	case exponent == -127 && fraction == 0: // zero
		return sign, true
	case exponent == 128 && fraction == 0: // infinity
		return sign | 0x7c00, true
	case exponent >= -14 && exponent <= 15 && fraction&0x1fff == 0:
		return sign | uint16(exponent+15)<<10 | uint16(fraction>>13), true
	case exponent >= -24 && exponent < -14: // subnormal: leading zeros in the fraction
		fraction |= 0x800000
		shift := -1 - exponent
		if fraction&(1<<shift-1) == 0 {
			return sign | uint16(fraction>>shift), true
		}
	}
	return 0, false
}

// isFloat reports whether h is the head of a float of at most size bytes.
func (h head) isFloat(size int) bool {
	return h.Major == majorOther && h.Info >= 25 && h.Info <= 27 && 1<<(h.Info-24) <= size
}

// float64 returns the float with head h. A NaN keeps its bits, which a conversion between
// floats of 4 and 8 bytes would change.
func (h head) float64() float64 {
	switch h.Info {
	case 25:
		return halfFloat(h.Arg)
	case 26:
		if f := math.Float32frombits(uint32(h.Arg)); f == f {
			return float64(f)
		}
		return math.Float64frombits(h.Arg&(1<<31)<<32 | 0x7ff<<52 | h.Arg&0x7fffff<<29)
	}
	return math.Float64frombits(h.Arg)
}

// float32 is float64 for a float of at most 4 bytes.
func (h head) float32() float32 {
	switch {
	case h.Info == 26:
		return math.Float32frombits(uint32(h.Arg))
	case h.Arg&0x7c00 == 0x7c00:
		return math.Float32frombits(uint32(h.Arg&0x8000<<16 | 0xff<<23 | h.Arg&0x3ff<<13))
	}
	return float32(halfFloat(h.Arg))
}

// halfFloat returns the value of a float of 2 bytes.
func halfFloat(half uint64) float64 {
	sign, exponent, fraction := half&0x8000<<48, half>>10&0x1f, half&0x3ff
	switch exponent {
	case 0:
		return math.Copysign(float64(fraction)*0x1p-24, math.Float64frombits(sign))
	case 0x1f: // infinity or NaN
		exponent = 0x7ff - 1023 + 15
	}
	return math.Float64frombits(sign | (exponent+1023-15)<<52 | fraction<<42)
}

// isEmptyFloat reports whether h is the head of a float that is 0.
func (h head) isEmptyFloat() bool { return h.isFloat(8) && h.float64() == 0 }
