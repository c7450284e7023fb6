package jsonvalue

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// bits are the sizes of numbers, by the name of the type.
var bits = map[string]int{
	"int": 64, "int8": 8, "int16": 16, "int32": 32, "int64": 64, "time.Duration": 64,
	"uint": 64, "uint8": 8, "uint16": 16, "uint32": 32, "uint64": 64, "uintptr": 64,
	"float32": 32, "float64": 64, "complex64": 32, "complex128": 64,
}

func isInteger(name string) bool {
	return bits[name] != 0 && !strings.HasPrefix(name, "float") && !strings.HasPrefix(name, "complex")
}

// word appends the value of a type that has no parts.
func (e *encoder) word(p place, n *node) error {
	name := p.t.Name
	wrong := func(hint string) error { return fmt.Errorf("%s is no %s: give %s", n.what(), name, hint) }
	switch {
	case name == "bool" && n == nil:
		e.head(wire.MajorOther, 20)
	case name == "bool" && n.kind == 't', name == "bool" && n.kind == 'f':
		e.head(wire.MajorOther, map[byte]uint64{'f': 20, 't': 21}[n.kind])
	case name == "bool":
		return wrong("true or false")
	case name == "string" && n == nil:
		return e.text("")
	case name == "string" && n.kind == '"':
		return e.text(n.text)
	case name == "string":
		return wrong("a string in quotes")
	case name == "time.Duration" && n != nil && n.kind == '"':
		d, err := time.ParseDuration(n.text)
		if err != nil {
			return wrong(`a duration as "1.5s", or nanoseconds`)
		}
		return e.integer(&node{text: strconv.FormatInt(int64(d), 10)}, 64, true)
	case isInteger(name):
		if n == nil {
			n = &node{text: "0"}
		}
		if n.kind != 0 || n.isFloat() {
			return wrong("a number without fraction")
		}
		return e.integer(n, bits[name], !strings.HasPrefix(name, "u"))
	case name == "time.Time":
		return e.time(n)
	case name == "math/big.Int":
		return e.bigInt(n)
	case name == "any", name == "interface":
		return e.held(p, n)
	case name == "error":
		return e.errorTree(p, n)
	case bits[name] != 0 && strings.HasPrefix(name, "complex"):
		return e.complex(n, bits[name])
	case bits[name] != 0:
		return e.float(n, bits[name])
	default:
		return e.opaque(p, n)
	}
	return nil
}

// integer appends an integer of that many bits.
func (e *encoder) integer(n *node, size int, signed bool) error {
	var err error
	if signed {
		var v int64
		if v, err = strconv.ParseInt(n.text, 10, size); err == nil && v < 0 {
			e.head(wire.MajorNegative, uint64(^v))
		} else if err == nil {
			e.head(wire.MajorUint, uint64(v))
		}
	} else {
		var v uint64
		text := n.text
		if text == "-0" {
			text = "0"
		}
		if v, err = strconv.ParseUint(text, 10, size); err == nil {
			e.head(wire.MajorUint, v)
		}
	}
	if errors.Is(err, strconv.ErrRange) || err != nil && strings.HasPrefix(n.text, "-") {
		kind := map[bool]string{true: "an integer", false: "an unsigned integer"}[signed]
		return fmt.Errorf("%.40s is out of the range of %s of %d bits", n.text, kind, size)
	}
	if err != nil {
		return fmt.Errorf("%.40q is no integer", n.text)
	}
	return nil
}

// float appends a float of that many bits.
func (e *encoder) float(n *node, size int) error {
	text := "0"
	switch {
	case n == nil:
	case n.kind == 0:
		text = n.text
	case n.kind == '"' && (n.text == "NaN" || strings.TrimLeft(n.text, "+-") == "Inf"):
		text = n.text
	case n.kind == '"' && strings.HasPrefix(n.text, "NaN:"):
		return e.nan(n, size)
	default:
		return fmt.Errorf(`%s is no float%d: give a number, "NaN", "Inf" or "-Inf"`, n.what(), size)
	}
	if text == "NaN" { // strconv's has other bits
		e.b = append(e.b, 0xf9, 0x7e, 0x00)
		return nil
	}
	f, err := strconv.ParseFloat(text, size)
	if err != nil {
		return fmt.Errorf("%.40s is out of the range of a float of %d bits", text, size)
	}
	item, err := wire.Marshal(f)
	e.b = append(e.b, item...)
	return err
}

// nan appends a NaN whose bits are known: 4, 8 or 16 digits.
func (e *encoder) nan(n *node, size int) error {
	digits := strings.TrimPrefix(n.text, "NaN:")
	v, err := strconv.ParseUint(digits, 16, 64)
	f, ok := floatOf(byte(len(digits)/8+25), v)
	if err != nil || !ok || 4*len(digits) > size || f == f {
		return fmt.Errorf("%s is no NaN of at most %d bits", n.what(), size)
	}
	e.b = append(e.b, wire.MajorOther<<5|byte(len(digits)/8+25))
	if len(digits) == 16 {
		e.b[len(e.b)-1] = wire.MajorOther<<5 | 27
	}
	for i := len(digits)/2 - 1; i >= 0; i-- {
		e.b = append(e.b, byte(v>>(8*i)))
	}
	return nil
}

// floatOf returns the float with these bits. info is that of the item's head: 25, 26 and 27
// for 2, 4 and 8 bytes.
func floatOf(info byte, arg uint64) (f float64, ok bool) {
	switch info {
	case 25:
		exponent, fraction := int(arg>>10&31), float64(arg&1023)
		switch {
		case exponent == 0:
			f = math.Ldexp(fraction, -24)
		case exponent < 31:
			f = math.Ldexp(fraction+1024, exponent-25)
		case fraction == 0:
			f = math.Inf(1)
		default:
			f = math.NaN()
		}
		if arg&0x8000 != 0 {
			f = -f
		}
		return f, true
	case 26:
		return float64(math.Float32frombits(uint32(arg))), true
	case 27:
		return math.Float64frombits(arg), true
	}
	return 0, false
}

func (e *encoder) complex(n *node, size int) error {
	parts := []*node{nil, nil}
	if n != nil {
		if parts = n.elems; n.kind != '[' || len(parts) != 2 {
			return fmt.Errorf("%s is no complex number: give an array of two numbers", n.what())
		}
	}
	e.head(wire.MajorArray, 2)
	if err := e.float(parts[0], size); err != nil {
		return err
	}
	return e.float(parts[1], size)
}

func (e *encoder) time(n *node) error {
	if n == nil || n.kind == 'n' {
		return e.null()
	}
	t, err := time.Parse(time.RFC3339, n.text)
	if n.kind != '"' || err != nil {
		return fmt.Errorf("%s is no time.Time: give a time as %q", n.what(), "2006-01-02T15:04:05Z")
	}
	if _, offset := t.Zone(); t.IsZero() && offset == 0 {
		return e.null()
	}
	e.head(wire.MajorTag, wire.TagTime)
	return e.text(t.Format(time.RFC3339Nano))
}

func (e *encoder) bigInt(n *node) error {
	if n == nil {
		n = &node{text: "0"}
	}
	v, ok := new(big.Int).SetString(n.text, 10)
	if n.kind != 0 || !ok {
		return fmt.Errorf("%s is no math/big.Int: give a number without fraction", n.what())
	}
	major, tag := byte(wire.MajorUint), uint64(wire.TagBignum)
	if v.Sign() < 0 {
		v.Not(v)
		major, tag = wire.MajorNegative, wire.TagNegativeBignum
	}
	if v.IsUint64() {
		e.head(major, v.Uint64())
		return nil
	}
	e.head(wire.MajorTag, tag)
	return e.bytes(v.Bytes())
}

// opaque appends the value of a registered type, or of a type that encodes itself.
func (e *encoder) opaque(p place, n *node) error {
	if strings.Contains(p.t.Name, "#") {
		t, known, err := e.registered(p.t.Name)
		switch {
		case err != nil:
			return err
		case known:
			return e.value(p.part(t, false), n)
		case n == nil:
			return fmt.Errorf("the zero value of %s is not known", p.t.Name)
		}
		return e.plain(n, p.depth)
	}
	if n == nil {
		return fmt.Errorf("the type %s makes its own encoding: give a value", p.t.Name)
	}
	text := n.only("$text")
	switch kind := e.Types[p.t.Name]; {
	case standard[p.t.Name] != nil && n.kind == '"':
		data, err := standardBytes(p.t.Name, n.text)
		if err != nil {
			return err
		}
		return e.bytes(data)
	case kind == encodedText && n.kind == '"':
		return e.text(n.text)
	case kind == encodedBytes, (kind == "" || standard[p.t.Name] != nil) && n.only("$bytes") != nil:
		data, err := bytesOf(innerBytes(n))
		if err != nil {
			return err
		}
		return e.bytes(data)
	case text != nil && text.kind == '"':
		return e.text(text.text)
	case kind == encodedText:
		return fmt.Errorf("%s is no %s: give its text in quotes", n.what(), p.t.Name)
	case !strings.Contains(p.t.Name, "."):
		return fmt.Errorf("%s is no type of a value", p.t.Name)
	}
	return fmt.Errorf(`the type %s makes its own encoding, and the daemon does not say which: give {"$text": "…"} or {"$bytes": "base64"}`, p.t.Name)
}
