package stub_test

import (
	"encoding/hex"
	"errors"
	"math/big"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt/stub"
)

// lax is a message that a lenient decoder would take for a value of a type.
type lax struct {
	name, message string // in hex
	err           error
}

func laxly[T any](name, message string) lax {
	body, err := hex.DecodeString(strings.ReplaceAll(message, " ", ""))
	if err != nil {
		panic(err)
	}
	_, err = decode[T](body)
	return lax{name, message, err}
}

func TestStrictDecoding(t *testing.T) {
	for _, l := range []lax{
		laxly[int]("null for an integer", "81 f6"),
		laxly[bool]("null for a bool", "81 f6"),
		laxly[string]("null for text", "81 f6"),
		laxly[float64]("null for a float", "81 f6"),
		laxly[Inner]("null for a struct", "81 f6"),
		laxly[[2]int]("null for an array", "81 f6"),
		laxly[[2]byte]("null for bytes of an array", "81 f6"),
		laxly[netip.Addr]("null for a marshaller", "81 f6"),
		laxly[big.Int]("null for a big.Int", "81 f6"),
		laxly[[]int]("null in a list of integers", "81 82 01 f6"),
		laxly[map[string]int]("null in a map of integers", "81 a1 6161 f6"),
		laxly[*int]("undefined for a pointer", "81 f7"),
		laxly[int]("simple value for an integer", "81 e5"),
		laxly[uint8]("simple value for an integer", "81 f8ff"),
		laxly[bool]("integer for a bool", "81 01"),
		laxly[float64]("integer for a float", "81 01"),
		laxly[Celsius]("integer for a float", "81 01"),
		laxly[float32]("8 bytes for a float32", "81 fb3ff199999999999a"),
		laxly[struct{ F float32 }]("8 bytes for a float32", "81 a1 6146 fb3ff199999999999a"),
		laxly[int]("float for an integer", "81 f93c00"),
		laxly[int8]("128 for an int8", "81 1880"),
		laxly[int8]("-129 for an int8", "81 3880"),
		laxly[uint8]("256 for a uint8", "81 190100"),
		laxly[uint]("-1 for a uint", "81 20"),
		laxly[int64]("2^63 for an int64", "81 1b8000000000000000"),
		laxly[Level]("integer for what travels as text", "81 01"),
		laxly[int]("bignum for an integer", "81 c24101"),
		laxly[[]byte]("bignum for bytes", "81 c24101"),
		laxly[[]byte]("array for bytes", "81 83010203"),
		laxly[[3]byte]("array for bytes of an array", "81 83010203"),
		laxly[[3]byte]("too few bytes", "81 420102"),
		laxly[[3]byte]("too many bytes", "81 4401020304"),
		laxly[[2]int]("too few elements", "81 8101"),
		laxly[[2]int]("too many elements", "81 83010203"),
		laxly[[]int]("bytes for a list", "81 420102"),
		laxly[string]("bytes for text", "81 4161"),
		laxly[[]byte]("text for bytes", "81 6161"),
		laxly[string]("tagged text", "81 c06161"),
		laxly[string]("unknown tag", "81 d8206161"),
		laxly[time.Time]("time without a tag", "81 74 323032342d30312d30325430333a30343a30355a"),
		laxly[time.Time]("time as a number", "81 c1 01"),
		laxly[time.Time]("tag 0 around a number", "81 c0 01"),
		laxly[time.Time]("tag 0 around what is no time", "81 c0 6161"),
		laxly[map[time.Time]int]("time in a zone as a key", "81 a1 c07819 323032342d30312d30325430333a30343a30352b30313a3030 01"),
		laxly[map[time.Time]int]("one time twice as a key", "81 a2 c074 323032342d30312d30325430333a30343a30355a 01 c076 323032342d30312d30325430333a30343a30352e305a 02"),
		laxly[map[time.Time]int]("no text as a key", "81 a1 c060 01"),
		laxly[map[float64]int]("NaN as a key", "81 a1 f97e00 01"),
		laxly[Optional]("empty list, omitempty", "81 a2 65656d707479 a0 6474616773 80"),
		laxly[Optional]("false zero, omitempty", "81 a2 65656d707479 a0 6452617465 f98000"),
		laxly[Optional]("null pointer, omitempty", "81 a2 65656d707479 a0 646e657874 f6"),
		laxly[big.Int]("text for a big.Int", "81 6131"),
		laxly[Inner]("missing field", "81 a1 614101"),
		laxly[Inner]("unknown field", "81 a3 614101 614202 614303"),
		laxly[Inner]("field in another case", "81 a2 616101 614202"),
		laxly[Inner]("field name as bytes", "81 a2 414101 614202"),
		laxly[Inner]("field name as an integer", "81 a2 0101 614202"),
		laxly[Inner]("duplicate field", "81 a2 614101 614102"),
		laxly[Inner]("duplicate field beside all others", "81 a3 614101 614102 614203"),
		laxly[Inner]("array for a struct", "81 820102"),
		laxly[struct{}]("field of an empty struct", "81 a1 614101"),
		laxly[map[string]int]("duplicate key", "81 a2 616101 616102"),
		laxly[map[int]int]("duplicate key", "81 a2 0101 0102"),
		laxly[map[int]int]("duplicate key in a longer form", "81 a2 0101 180102"),
		laxly[map[string]int]("array for a map", "81 80"),
		laxly[map[string]int]("key of another type", "81 a1 0101"),
		laxly[string]("text that is not UTF-8", "81 61ff"),
		laxly[map[string]int]("key that is not UTF-8", "81 a1 61ff01"),
		laxly[string]("text of indefinite length", "81 7f6161ff"),
		laxly[[]int]("array of indefinite length", "81 9f01ff"),
		laxly[map[string]int]("map of indefinite length", "81 bf616101ff"),
		laxly[int]("message of indefinite length", "9f01ff"),
		laxly[int]("message that is a map", "a10102"),
		laxly[int]("message that is no array", "01"),
		laxly[int]("empty message", ""),
		laxly[int]("no value", "80"),
		laxly[int]("two values", "820102"),
		laxly[int]("trailing bytes", "810102"),
		laxly[int]("value cut short", "8119"),
		laxly[string]("text cut short", "816261"),
		laxly[string]("text of 2^63 bytes", "817b8000000000000000"),
		laxly[[]int]("array cut short", "818201"),
		laxly[[]int]("array of 2^32 elements", "819b0000000100000000"),
		laxly[[]int]("array of 131073 elements", "819a00020001"+strings.Repeat("00", 131073)),
		laxly[map[int]int]("map of 2^32 entries", "81bb0000000100000000"),
		laxly[int]("message of 2^32 values", "9b0000000100000000"),
		laxly[Nested]("33 levels", "81"+strings.Repeat("81", 32)+"80"),
		laxly[Nested]("10000 levels", "81"+strings.Repeat("81", 10000)+"80"),
		laxly[Tree]("33 levels of maps", "81"+strings.Repeat("a16161", 32)+"a0"),
		laxly[int]("reserved head", "811c"),
		laxly[chan int]("a type that cannot be sent", "8101"),
		laxly[*hasHidden]("nil for a type that cannot be sent", "81f6"),
	} {
		var at *stub.DecodeError
		if l.err == nil {
			t.Errorf("%s (%.60s): was decoded, want an error", l.name, l.message)
		} else if !errors.As(l.err, &at) {
			t.Errorf("%s: got %T, want a DecodeError", l.name, l.err)
		}
	}
}

func TestDecodeErrorsNameThePath(t *testing.T) {
	for _, c := range []struct{ got, want error }{
		{laxly[[]Box[int]]("", "81 81 a2 644d6f7265 8200f6 6556616c7565 01").err,
			errors.New("decode value 0: []stub_test.Box[int][0].More[1]: null is no value of type int")},
		{laxly[Inner]("", "81 a1 6178 00").err,
			errors.New(`decode value 0: Inner: stub_test.Inner has no field "x"`)},
		{laxly[int]("", "82 01 02").err,
			errors.New("decode values: the message has 2 values, want 1")},
	} {
		if c.got == nil || c.got.Error() != c.want.Error() {
			t.Errorf("got  %v\nwant %v", c.got, c.want)
		}
	}
}

func TestEndAfterTooManyValues(t *testing.T) {
	body, _ := encode(1)
	d, err := stub.NewDecoder(nil, body)
	if err != nil {
		t.Fatal(err)
	}
	a, b := 7, 7
	stub.Decode(d, &a)
	stub.Decode(d, &b)
	if err := d.End(); err == nil || a != 1 || b != 0 {
		t.Errorf("got %v and %d %d, want an error and 1 0", err, a, b)
	}
}
