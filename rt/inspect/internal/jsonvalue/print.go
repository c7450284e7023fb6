package jsonvalue

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// float prints a float of at most that many bits, with the head h.
func (d *decoder) float(h wire.Head, size int) error {
	f, ok := floatOf(h.Info, h.Arg)
	switch {
	case h.Major != wire.MajorOther || !ok || size < 8<<(h.Info-24):
		return d.mismatch(h, fmt.Sprintf("float%d", size))
	case f != f && h.Info == 25 && h.Arg == 0x7e00:
		d.write(`"NaN"`)
	case f != f:
		d.write(fmt.Sprintf(`"NaN:%0*x"`, 2<<(h.Info-24), h.Arg))
	case math.IsInf(f, 0):
		d.write(`"` + strings.TrimPrefix(strconv.FormatFloat(f, 'g', -1, 64), "+") + `"`)
	default:
		format := byte('f')
		if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
			format = 'e'
		}
		text := strconv.FormatFloat(f, format, -1, size)
		if !strings.ContainsAny(text, ".e") {
			text += ".0" // or it would be an int in an interface
		}
		d.write(text)
	}
	return nil
}

// word prints the value of a type that has no parts.
func (d *decoder) word(p place) error {
	name := p.t.Name
	switch name {
	case "any", "interface":
		return d.held(p)
	case "error":
		return d.errorTree(p)
	case "math/big.Int":
		return d.plainInt()
	}
	if bits[name] == 0 && name != "bool" && name != "string" && name != "time.Time" {
		return d.opaque(p)
	}
	h, err := d.head()
	if err != nil {
		return err
	}
	switch {
	case name == "bool" && h.Major == wire.MajorOther && (h.Info == 20 || h.Info == 21):
		d.write(strconv.FormatBool(h.Info == 21))
	case name == "string" && h.Major == wire.MajorText:
		return d.text(h)
	case name == "time.Time" && h.Major == wire.MajorOther && h.Info == 22:
		d.write(`"0001-01-01T00:00:00Z"`)
	case name == "time.Time" && h.Major == wire.MajorTag && h.Arg == wire.TagTime:
		if h, err = d.head(); err != nil || h.Major != wire.MajorText {
			return d.mismatch(h, name)
		}
		return d.text(h)
	case isInteger(name) && (h.Major == wire.MajorUint || h.Major == wire.MajorNegative):
		return d.integer(h, name)
	case strings.HasPrefix(name, "complex") && h.Major == wire.MajorArray && h.Arg == 2:
		d.write("[")
		for i := range 2 {
			if h, err = d.head(); err != nil {
				return err
			}
			if err := d.float(h, bits[name]); err != nil {
				return err
			}
			d.write([]string{",", "]"}[i])
		}
	case strings.HasPrefix(name, "float"):
		return d.float(h, bits[name])
	default:
		return d.mismatch(h, name)
	}
	return nil
}

// integer prints an integer, and a duration as its text.
func (d *decoder) integer(h wire.Head, name string) error {
	size, signed := bits[name], !strings.HasPrefix(name, "u")
	limit := uint64(math.MaxUint64)
	switch {
	case signed:
		limit = 1<<(size-1) - 1
	case h.Major == wire.MajorNegative:
		return d.mismatch(h, name)
	default:
		limit >>= 64 - size
	}
	if h.Arg > limit {
		return fmt.Errorf("an integer is out of the range of %s", name)
	}
	v := int64(h.Arg)
	if h.Major == wire.MajorNegative {
		v = ^v
	}
	switch {
	case name == "time.Duration":
		d.write(`"` + time.Duration(v).String() + `"`)
	case signed:
		d.write(strconv.FormatInt(v, 10))
	default:
		d.write(strconv.FormatUint(h.Arg, 10))
	}
	return nil
}

// opaque prints the value of a registered type, or of a type that encodes itself.
func (d *decoder) opaque(p place) error {
	name := p.t.Name
	if strings.Contains(name, "#") {
		t, known, err := d.registered(name)
		switch {
		case err != nil:
			return err
		case known:
			return d.value(p.part(t, false))
		}
		return d.plain(p.depth)
	}
	start := d.at
	h, err := d.head()
	switch kind := d.Types[name]; {
	case err != nil:
		return err
	case h.Major == wire.MajorBytes && standard[name] != nil:
		data, err := d.take(h)
		if text, ok := standardText(name, data); ok {
			d.out = appendString(d.out, text)
			return err
		}
		d.at = h.End
		d.write(`{"$bytes":`)
		err = cmp.Or(err, d.bytes(h))
		d.write("}")
		return err
	case h.Major == wire.MajorText && kind == encodedText:
		return d.text(h)
	case h.Major == wire.MajorText && kind == "":
		d.write(`{"$text":`)
		err = d.text(h)
		d.write("}")
		return err
	case h.Major == wire.MajorBytes && kind == encodedBytes:
		return d.bytes(h)
	case h.Major == wire.MajorBytes && kind == "":
		d.write(`{"$bytes":`)
		err = d.bytes(h)
		d.write("}")
		return err
	case kind == "" && strings.Contains(name, "."): // such as log/slog.Value
		d.at = start
		return d.plain(p.depth)
	}
	return d.mismatch(h, name)
}

// bytes prints a byte string in base64.
func (d *decoder) bytes(h wire.Head) error {
	data, err := d.take(h)
	d.out = append(base64.StdEncoding.AppendEncode(append(d.out, '"'), data), '"')
	return err
}
