package wire_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

type cborVector struct {
	Name, Comment string
	Type          string
	Input         hexBytes
	Verdict       string
	Value         string
}

// nested is a list of lists.
type nested []nested

func (n nested) depth() int {
	if len(n) == 0 {
		return 1
	}
	return 1 + n[0].depth()
}

type record struct {
	N int
	S string
}

// decodeAs decodes into the type that a vector names and prints the value.
func decodeAs(typ string, data []byte) (string, error) {
	switch typ {
	case "int":
		return decoded(data, func(v int64) string { return strconv.FormatInt(v, 10) })
	case "uint":
		return decoded(data, func(v uint64) string { return strconv.FormatUint(v, 10) })
	case "text":
		return decoded(data, func(v string) string { return v })
	case "bytes":
		return decoded(data, func(v []byte) string { return hex.EncodeToString(v) })
	case "bool":
		return decoded(data, func(v bool) string { return strconv.FormatBool(v) })
	case "float":
		return decoded(data, func(v float64) string { return strconv.FormatFloat(v, 'x', -1, 64) })
	case "ints":
		return decoded(data, func(v []int) string {
			if v == nil {
				return "nil"
			}
			return fmt.Sprint(v)
		})
	case "lists":
		return decoded(data, func(v nested) string { return strconv.Itoa(v.depth()) })
	case "map":
		return decoded(data, func(v map[string]int) string { return fmt.Sprint(v) })
	case "intmap":
		return decoded(data, func(v map[int]int) string { return fmt.Sprint(v) })
	case "struct":
		return decoded(data, func(v record) string { return fmt.Sprint(v) })
	case "open struct":
		var v record
		err := wire.UnmarshalOpen(data, &v)
		return fmt.Sprint(v), err
	case "time":
		return decoded(data, func(v time.Time) string { return v.Format(time.RFC3339Nano) })
	case "bigint":
		return decoded(data, func(v big.Int) string { return v.String() })
	}
	panic("no such type: " + typ)
}

func decoded[T any](data []byte, print func(T) string) (string, error) {
	var v T
	err := wire.Unmarshal(data, &v)
	return print(v), err
}

func TestCBORVectors(t *testing.T) {
	for _, v := range vectors[[]cborVector](t, "cbor.json") {
		t.Run(v.Name, func(t *testing.T) {
			value, err := decodeAs(v.Type, v.Input)
			if got := reason(err); got != v.Verdict {
				t.Fatalf("got %q (%v), want %q", got, err, v.Verdict)
			}
			if err == nil && value != v.Value {
				t.Errorf("got %s, want %s", value, v.Value)
			}
		})
	}
}

func TestUnmarshalFirst(t *testing.T) {
	data := []byte{0x01, 0x61, 'a', 0xff}
	var n int
	rest, err := wire.UnmarshalFirst(data, &n)
	if err != nil || n != 1 || !bytes.Equal(rest, data[1:]) {
		t.Fatalf("got %d, % x, %v", n, rest, err)
	}
	var s string
	if rest, err = wire.UnmarshalFirst(rest, &s); err != nil || s != "a" || !bytes.Equal(rest, data[3:]) {
		t.Fatalf("got %q, % x, %v", s, rest, err)
	}
	for _, bad := range []string{"", "ff", "9fff", "820102", "f7", "c101"} {
		data, _ := hex.DecodeString(bad)
		if rest, err := wire.UnmarshalFirst(data, &n); err == nil || !bytes.Equal(rest, data) {
			t.Errorf("%s: got % x, %v, want the data and an error", bad, rest, err)
		}
	}
}

// trip encodes v and decodes it into a fresh value of its type.
func trip[T any](t *testing.T, v T) T {
	t.Helper()
	data, err := wire.Marshal(v)
	if err != nil {
		t.Fatalf("%#v: %v", v, err)
	}
	var got T
	if err := wire.Unmarshal(data, &got); err != nil {
		t.Fatalf("%#v as %x: %v", v, data, err)
	}
	return got
}

func same[T any](t *testing.T, values ...T) {
	t.Helper()
	for _, v := range values {
		if got := trip(t, v); !reflect.DeepEqual(got, v) {
			t.Errorf("got %#v, want %#v", got, v)
		}
	}
}

type level int // text on the wire

func (l level) MarshalText() ([]byte, error)  { return []byte(strings.Repeat("!", int(max(l, 0)))), nil }
func (l *level) UnmarshalText(b []byte) error { *l = level(len(b)); return nil }

type loud string // a string that is not its text

func (l loud) MarshalText() ([]byte, error)  { return []byte(strings.ToUpper(string(l))), nil }
func (l *loud) UnmarshalText(b []byte) error { *l = loud(strings.ToLower(string(b))); return nil }

type optional struct {
	List  []int          `cbor:",omitempty"`
	Map   map[string]int `cbor:",omitempty"`
	Empty []int
	Inner struct{ A int } `cbor:",omitempty"` // omitempty does not apply to structs
	Ptr   *int            `cbor:",omitempty"` // nor to the target of a pointer
}

func TestValuesSurvive(t *testing.T) {
	same(t, int64(0), 1, -1, math.MaxInt64, math.MinInt64)
	same(t, uint64(0), math.MaxUint64)
	same(t, int8(-128), 127)
	same(t, "", "a", "\x00", "\u2028\U0010ffff")
	same(t, []byte(nil), []byte{}, []byte{0, 255})
	same(t, [3]byte{1, 0, 255}, [3]byte{})
	same(t, [3]int{1, 2, 3})
	same(t, []int(nil), []int{}, []int{1})
	same(t, [][]byte{nil, {}, {1}})
	same(t, map[string][]int(nil), map[string][]int{}, map[string][]int{"a": nil, "b": {}})
	same(t, map[record]int{{1, "a"}: 1, {2, "b"}: 2})
	same(t, map[[2]int]string{{1, 2}: "x"})
	same(t, map[netip.Addr]int{netip.MustParseAddr("::1"): 1, netip.MustParseAddr("10.0.0.1"): 2})
	same(t, map[level]int{1: 1, 3: 3})
	same(t, map[loud]loud{"a": "b"})
	same(t, optional{Empty: []int{}}, optional{List: []int{0}})
	number := 0
	same(t, (*int)(nil), &number)
	same(t, optional{Ptr: &number})
	same(t, level(3))
	same(t, loud("quiet"))
	same(t, netip.MustParseAddrPort("[fe80::1%eth0]:80"))
	same(t, *mustURL("https://u:p@example.org/a%2fb?c#d"))
	for _, digits := range []string{"0", "-1", "18446744073709551615", "18446744073709551616", "-18446744073709551616", "-18446744073709551617", strings.Repeat("9", 300)} {
		n, _ := new(big.Int).SetString(digits, 10)
		if got := trip(t, n); got.Cmp(n) != 0 {
			t.Errorf("got %v, want %v", got, n)
		}
	}
	if got := trip(t, big.NewRat(-1, 3)); got.RatString() != "-1/3" {
		t.Errorf("got %v, want -1/3", got)
	}
	if got := trip(t, regexp.MustCompile("^a+$")); got.String() != "^a+$" {
		t.Errorf("got %v, want ^a+$", got)
	}
}

func mustURL(s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil {
		panic(err)
	}
	return u
}

func TestFloatsSurvive(t *testing.T) {
	for _, v := range []float64{0, math.Copysign(0, -1), 1, -1.5, 65504, 65505, 5.960464477539063e-8, 6e-8, math.MaxFloat32, math.SmallestNonzeroFloat32,
		math.MaxFloat64, math.SmallestNonzeroFloat64, math.Pi, float64(float32(math.Pi)), math.Inf(1), math.Inf(-1), math.NaN(),
		math.Float64frombits(0x7ff8000000000000), math.Float64frombits(0xfff8000000000000), math.Float64frombits(0xfff8000020000000)} {
		if got := trip(t, v); math.Float64bits(got) != math.Float64bits(v) {
			t.Errorf("float64: got %x, want %x", math.Float64bits(got), math.Float64bits(v))
		}
	}
	for bits := uint32(0); bits < 1<<32-1<<18; bits += 1<<18 - 1 { // 16,384 of them, NaNs included
		v := math.Float32frombits(bits | 1<<22*b2u(math.IsNaN(float64(math.Float32frombits(bits)))))
		if got := trip(t, v); math.Float32bits(got) != math.Float32bits(v) {
			t.Fatalf("float32: got %x, want %x", math.Float32bits(got), math.Float32bits(v))
		}
	}
}

func b2u(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

func TestTimesSurvive(t *testing.T) {
	east := time.FixedZone("", 5*3600+30*60)
	west := time.FixedZone("", -(11*3600 + 1*60))
	for _, v := range []time.Time{
		{},
		time.Unix(0, 0).UTC(),
		time.Date(2024, 2, 29, 12, 30, 0, 123456789, time.UTC),
		time.Date(2024, 2, 29, 12, 30, 0, 1, east),
		time.Date(2024, 2, 29, 12, 30, 0, 100000000, west),
		time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC),
	} {
		got := trip(t, v)
		_, gotOffset := got.Zone()
		_, offset := v.Zone()
		if !got.Equal(v) || gotOffset != offset {
			t.Errorf("got %v, want %v", got, v)
		}
		if v.Location() == time.UTC && got.Location() != time.UTC {
			t.Errorf("%v: got location %v, want UTC", v, got.Location())
		}
	}
	for _, v := range []time.Time{time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)} {
		if data, err := wire.Marshal(v); err == nil {
			t.Errorf("%v became %x, want an error", v, data)
		}
	}
}

// Encoding refuses every value that decoding would refuse, so that the sender fails and not
// the receiver.
func TestMarshalRefuses(t *testing.T) {
	deep := nested{}
	for range 32 {
		deep = nested{deep}
	}
	for name, v := range map[string]any{
		"text is not UTF-8":  "\xff",
		"key is not UTF-8":   map[string]int{"\xff": 1},
		"nested too deep":    deep,
		"too many elements":  make([]int, wire.MaxElements+1),
		"function":           func() {},
		"channel":            make(chan int),
		"struct with a func": struct{ F func() }{func() {}},
		"complex":            1i,
	} {
		data, err := wire.Marshal(v)
		if err == nil {
			t.Errorf("%s: became %d bytes, want an error", name, len(data))
		}
		buf := bytes.NewBufferString("before")
		if err := wire.MarshalTo(buf, v); err == nil || buf.String() != "before" {
			t.Errorf("%s: got %v and a buffer of %d bytes, want an error and the buffer as it was", name, err, buf.Len())
		}
	}
	if _, err := wire.Marshal(make([]int, wire.MaxElements)); err != nil {
		t.Errorf("as many elements as allowed: %v", err)
	}
}

func TestMarshalTo(t *testing.T) {
	buf := bytes.NewBufferString("before")
	for _, v := range []any{1, "a", nil} {
		if err := wire.MarshalTo(buf, v); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := buf.String(), "before\x01\x61a\xf6"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestMarshalIsDeterministic(t *testing.T) {
	m := map[any]int{10: 1, 100: 2, -1: 3, "z": 4, "aa": 5, false: 6} // the example of RFC 8949, 4.2.1
	want := "a6" + "0a01" + "186402" + "2003" + "617a04" + "62616105" + "f406"
	for range 10 {
		data, err := wire.Marshal(m)
		if got := hex.EncodeToString(data); err != nil || got != want {
			t.Fatalf("got %s, %v, want %s", got, err, want)
		}
	}
}

// omitempty means the same as in encoding/json: it does not apply to structs, even if they
// encode as something empty.
func TestOmitEmpty(t *testing.T) {
	data, err := wire.Marshal(struct {
		A []int    `cbor:",omitempty"`
		E struct{} `cbor:",omitempty"`
	}{A: []int{}})
	if got, want := hex.EncodeToString(data), "a16145a0"; err != nil || got != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

// The library cannot refuse these items, which the doc comment of Unmarshal lists. The test
// shows when that changes.
func TestNotNoticed(t *testing.T) {
	for _, c := range []struct {
		name, data string
		v          any
		want       string
	}{
		{"null for a number", "f6", new(int), "0"},
		{"null for text", "f6", new(string), ""},
		{"null for an array", "f6", new([2]int), "[0 0]"},
		{"surplus elements", "83010203", new([2]int), "[1 2]"},
		{"missing elements", "8101", new([2]int), "[1 0]"},
		{"surplus bytes", "43010203", new([2]byte), "[1 2]"},
		{"integer for a float", "05", new(float64), "5"},
		{"time for text", "c06161", new(string), "a"},
		{"bignum for a number", "c24105", new(int), "5"},
	} {
		data, _ := hex.DecodeString(c.data)
		if err := wire.Unmarshal(data, c.v); err != nil {
			t.Errorf("%s: now refused: %v; say so in the doc comment and PROTOCOL.md", c.name, err)
		} else if got := fmt.Sprint(reflect.ValueOf(c.v).Elem()); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}
