package value

import (
	"strconv"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/wire"
)

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

// readTypeName reads the name of a type.
func readTypeName(b []byte, at int) (name string, end int, f *fault) {
	h, ok := readHead(b, at)
	if !ok || h.Major != majorText || h.Arg > maxTypeName {
		return "", 0, faultf("what should name a type is no text of at most %d bytes", maxTypeName)
	}
	end, f = skipString(b, h)
	if f != nil {
		return "", 0, f
	}
	return string(b[h.End:end]), end, nil
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
