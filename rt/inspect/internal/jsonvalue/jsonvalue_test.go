package jsonvalue

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/loopgen/loopgen/rt/internal/value"
	"github.com/loopgen/loopgen/rt/schema"
)

// mustParse returns the type with that text.
func mustParse(t testing.TB, text string) *schema.Type {
	t.Helper()
	typ, err := schema.ParseType(text)
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

// vectors are the values of values.json.
func vectors(t testing.TB) (list []struct{ Name, Type, Input, Verdict string }) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "testdata", "wire", "values.json"))
	if err == nil {
		err = json.Unmarshal(data, &list)
	}
	if err != nil {
		t.Fatal(err)
	}
	for i := range list {
		if list[i].Type == "Shape" {
			list[i].Type = "interface"
		}
	}
	return list
}

// JSON of the value of each vector is read as the same bytes. A vector that is refused is
// refused here, too, or by the daemon: it is printed as what it is.
func TestVectors(t *testing.T) {
	same := 0
	for _, types := range []map[string]string{nil, {"github.com/loopgen/loopgen/rt/stub_test.Circle#172ad935": "Circle{Radius float64}"}} {
		c := &Codec{Types: types}
		for _, v := range vectors(t) {
			input, err := hex.DecodeString(v.Input)
			if err != nil {
				t.Fatal(err)
			}
			text, rest, err := c.Decode(mustParse(t, v.Type), input)
			if err != nil || len(rest) > 0 {
				if v.Verdict == "ok" {
					t.Errorf("%s: got %v, %x left", v.Name, err, rest)
				}
				continue
			}
			again, err := c.Encode(mustParse(t, v.Type), text)
			if err != nil && v.Verdict == "refused" {
				continue
			}
			if err != nil || !bytes.Equal(again, input) {
				t.Errorf("%s: %s became %x, %v, want %x", v.Name, text, again, err, input)
			}
			same++
		}
	}
	if same < 60 {
		t.Errorf("%d vectors came back", same)
	}
}

type level int

func (l level) MarshalText() ([]byte, error) { return []byte(strings.Repeat("+", int(l))), nil }
func (l *level) UnmarshalText(text []byte) error {
	*l = level(len(text))
	return nil
}

type list struct {
	Head int
	Tail *list
}

type address struct {
	Street string `json:"street"`
	Zip    uint64 `json:"zip,omitempty"`
	Tags   []string
	Levels []level        `json:",omitempty"`
	Extra  map[string]any `json:",omitzero"`
}

type everything struct {
	A address
	P *address
	D time.Duration
	T time.Time
	B []byte
	H [3]byte
	M map[int8][]float32
	K map[address2]bool
	I any
	N *big.Int
	F float32
	C complex64
	L level
	X netip.Addr
	S []*list
	E struct{}
	W map[time.Duration]map[string]level
}

type address2 struct{ X, Y int }

// samples are values of many types.
func samples() []any {
	huge, _ := new(big.Int).SetString("-123456789012345678901234567890", 10)
	return []any{
		true, int64(math.MinInt64), uint64(math.MaxUint64), int8(-128), 'x', uintptr(7), "ä\x00\"<&\u2028", "", time.Duration(math.MinInt64), 1500 * time.Millisecond,
		0.1, math.Copysign(0, -1), math.Inf(-1), math.MaxFloat64, math.SmallestNonzeroFloat64, 1e21, 1e20, 65504.0, float32(0.1), float32(16777216),
		math.Float64frombits(0x7ff8000000000001), math.Float64frombits(0xfff0000000000001), math.Float32frombits(0x7fc00001), math.Float32frombits(0x7f800001),
		1 - 2i, complex64(complex(float32(math.Inf(1)), 0.5)),
		[]byte(nil), []byte{}, []byte{0, 255}, [4]byte{1, 2, 3}, [2][]int{nil, {}}, []string(nil), []any{nil, 1, 2.0, "x", true, uint8(3), []any(nil), []any{}, map[string]any{"$a": 1}},
		map[string]int(nil), map[string]int{}, map[string]int{"a": 1, "bb": 2, "": 3}, map[int]string{-1: "x", 300: "y"}, map[bool]int{true: 1, false: 0},
		map[float64]string{1: "a", 0.5: "b"}, map[any]int{1: 1, "1": 2}, map[[2]int8]bool{{1, 2}: true}, map[level]int{2: 1}, map[time.Duration]int{time.Second: 1},
		time.Time{}, time.Date(2026, 12, 1, 1, 2, 3, 4000, time.UTC), time.Date(1999, 1, 1, 0, 0, 0, 0, time.FixedZone("", -5400)),
		huge, big.NewInt(-1), *big.NewInt(7), (*big.Int)(nil), level(3), netip.MustParseAddr("10.0.0.1"),
		address{}, address{Street: "x", Zip: math.MaxUint64, Tags: []string{}, Levels: []level{1, 0}, Extra: map[string]any{"a": time.Second}},
		list{1, &list{2, nil}}, struct{ X struct{ Y *int } }{},
		everything{}, everything{P: &address{}, M: map[int8][]float32{-3: {1.5, float32(math.NaN())}}, K: map[address2]bool{{1, 2}: true}, N: huge,
			I: map[string]any{"t": time.Unix(1, 0).UTC(), "d": time.Second, "b": []byte{1}, "m": map[int]any{1: int8(2)}, "n": math.NaN(), "p": (*int)(nil)},
			S: []*list{nil, {1, nil}}, X: netip.MustParseAddr("::1"), W: map[time.Duration]map[string]level{1: {"x": 2}}},
	}
}

// encodeValue returns the CBOR of a value, as daemons and clients send it.
func encodeValue(t testing.TB, v reflect.Value) []byte {
	t.Helper()
	at := reflect.New(v.Type()).Elem()
	at.Set(v)
	var w value.Writer
	w.Reset(value.NewErrors(nil, nil), 0, 1<<20)
	data, err := w.Append(nil, value.PlanOf(v.Type()), at)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestSamples encodes values by package value, prints and reads them: the bytes are the same.
func TestSamples(t *testing.T) {
	for _, v := range samples() {
		typ := reflect.TypeOf(v)
		c := &Codec{Types: value.Facts([]reflect.Type{typ})}
		tree := mustParse(t, value.Spell(typ).String())
		data := encodeValue(t, reflect.ValueOf(v))
		text, rest, err := c.Decode(tree, data)
		if err != nil || len(rest) > 0 || !json.Valid(text) {
			t.Errorf("%T %+v: got %s, %x left, %v", v, v, text, rest, err)
			continue
		}
		again, err := c.Encode(tree, text)
		if err != nil || !bytes.Equal(again, data) {
			t.Errorf("%T: %s became %x, %v, want %x", v, text, again, err, data)
		}
	}
}

// TestInput reads JSON that people write. want is what is printed for it, or begins with
// "error" and has a part of the text.
func TestInput(t *testing.T) {
	c := &Codec{Types: map[string]string{"net/netip.Addr": "bytes", "x/y.Text": "text", "x/y.Blob": "bytes", "x/shapes.Circle#12345678": "Circle{R float64}", "User.zip": "omitempty"}}
	for _, test := range []struct{ typ, in, want string }{
		{"int8", "128", "error 128 is out of the range of an integer of 8 bits"},
		{"uint", "-1", "error out of the range of an unsigned integer"},
		{"int", "1.0", "error number without fraction"},
		{"int", `"1"`, `error the string "1" is no int`},
		{"uint64", "18446744073709551615", "18446744073709551615"},
		{"float32", "16777217", "16777216.0"},
		{"float64", "1e400", "error out of the range"},
		{"bool", "1", "error true or false"},
		{"string", "1", "error a string in quotes"},
		{"string", `"a" "b"`, "error no JSON"},
		{"string", `"a`, "error no JSON"},
		{"string", `"\\\ud83d\ude00\\ud800"`, `"\\😀\\ud800"`},
		{"string", `"\ud83d"`, `error \ud83d is no character: it is half of a surrogate pair`},
		{"string", `"\ud83d\u0041"`, "error half of a surrogate pair"},
		{"map[string]int", `{"\uDE00\ud83d":1}`, `error \uDE00 is no character`},
		{"[]uint8", `{"$hex":"00ff"}`, `"AP8="`},
		{"[]uint8", `{"$text":"hi"}`, `"aGk="`},
		{"[]uint8", `"hi!"`, "error no base64"},
		{"[2]uint8", `"AA=="`, "error 1 bytes do not fit [2]uint8"},
		{"[2]int", "[1]", "error 1 elements do not fit [2]int"},
		{"[]int", "null", "null"},
		{"time.Duration", "1500000000", `"1.5s"`},
		{"time.Duration", `"1.5"`, "error a duration as"},
		{"time.Time", `"2026-12-01T01:02:03+01:00"`, `"2026-12-01T01:02:03+01:00"`},
		{"time.Time", `"now"`, "error give a time as"},
		{"User{Name string, zip uint64}", `{"Name":"x"}`, `{"Name":"x"}`},
		{"User{Name string, zip uint64}", `{"zip":0}`, `{"Name":""}`},
		{"User{Name string, zip uint64}", `{"Zip":1}`, `error User has no field "Zip"; it has Name, zip`},
		{"User{Name string, zip uint64}", `{"zip":1,"zip":2}`, `error the name "zip" is there twice`},
		{"[]User{Name string, In Inner{A []int}}", `[{"In":{"A":[1,"x"]}}]`, `error [0].In.A[1]: the string "x" is no int`},
		{"Node{V int, Next *#1}", `{"V":1,"Next":{"V":2}}`, `{"V":1,"Next":{"V":2,"Next":null}}`},
		{"Endless{A #1}", "{}", "error more than 32 arrays and maps"},
		{"Endless{#1}", "{}", "error contains itself without end"},
		{"#3", "1", "error the type #3 is not known here"},
		{"map[int]bool", `{"7":true}`, `{"7":true}`},
		{"map[int]bool", `{"x":true}`, `error "x" is no integer`},
		{"map[bool]int", `[[true,1]]`, `[[true,1]]`},
		{"map[bool]int", `[[true,1],[true,2]]`, "error a key is there twice"},
		{"any", "1", "1"},
		{"any", "1.0", "1.0"},
		{"any", `{"$type":"uint8","$value":1}`, `{"$type":"uint8","$value":1}`},
		{"any", `{"$type":"shapes.Circle","$value":{"R":2}}`, `{"$type":"x/shapes.Circle#12345678","$value":{"R":2.0}}`},
		{"any", `{"$type":"shapes.Square","$value":{"R":2}}`, "error the daemon knows no type shapes.Square"},
		{"any", `{"$type":"x/other.T#00000000","$value":{"R":2,"B":{"$bytes":"AA=="}}}`, `{"$type":"x/other.T#00000000","$value":{"B":{"$bytes":"AA=="},"R":2}}`},
		{"any", "9223372036854775808", `error give {"$type": "uint64"`},
		{"any", `{"$typ":1}`, "error an object with names that begin with $"},
		{"net/netip.Addr", `"10.0.0.1"`, `"10.0.0.1"`},
		{"net/netip.Addr", `{"$bytes":"AA=="}`, `{"$bytes":"AA=="}`},
		{"net/netip.Addr", `"10.0.0"`, "error"},
		{"*net/url.URL", `"https://x/?a=b&c"`, `"https://x/?a=b&c"`},
		{"x/y.Text", `"a"`, `"a"`},
		{"x/y.Text", `{"$bytes":"AA=="}`, "error an object is no x/y.Text: give its text"},
		{"x/y.Blob", `"AA=="`, `"AA=="`},
		{"x/y.Other", `"AA=="`, "error x/y.Other makes its own encoding, and the daemon does not say which"},
		{"x/y.Other", `{"$bytes":"AA=="}`, `{"$bytes":"AA=="}`},
		{"x/y.Other", `{"$text":"a"}`, `{"$text":"a"}`},
		{"S{A x/y.Other}", `{}`, "error A: the type x/y.Other makes its own encoding"},
		{"error", `"boom"`, `{"message":"boom","type":"error"}`},
		{"error", `{"message":"a: EOF","wraps":[{"message":"EOF","kind":"sentinel","name":"io.EOF"}]}`, `{"message":"a: EOF","type":"error","wraps":[{"message":"EOF","type":"error","kind":"sentinel","name":"io.EOF"}]}`},
		{"chan int", "1", "error no type of a value"},
	} {
		typ := mustParse(t, test.typ)
		data, err := c.Encode(typ, []byte(test.in))
		if want, fails := strings.CutPrefix(test.want, "error"); fails {
			if err == nil || !strings.Contains(err.Error(), strings.TrimSpace(want)) {
				t.Errorf("%s %s: got %x, %v, want an error with %q", test.typ, test.in, data, err, want)
			}
			continue
		}
		text, rest, derr := c.Decode(typ, data)
		if err != nil || derr != nil || len(rest) > 0 || string(text) != test.want {
			t.Errorf("%s %s: got %x, %s, %v, %v, want %s", test.typ, test.in, data, text, err, derr, test.want)
		}
	}
}

func TestApply(t *testing.T) {
	c := &Codec{Types: map[string]string{"P.N": "omitempty"}}
	for _, test := range []struct{ typ, arg, changes, want string }{
		{"[]uint8", `"BQYH"`, "43010109", `"BQkH"`},
		{"[]int", "[1,2,3]", "f6", "[1,2,3]"},
		{"[]int", "[1,-2,3]", "4a0101fffffffffffffffb", "[1,-5,3]"},
		{"*float32", "1", "4600013fc00000", "1.5"},
		{"[]complex64", "[[1,2]]", "4601013fc00000", "[[1.0,1.5]]"},
		{"[]P{Z bool, N uint8, A [2]int8}", `[{"Z":true,"N":0,"A":[1,2]}]`, "44010207ff", `[{"Z":true,"N":7,"A":[-1,2]}]`},
		{"[]P{Z bool, N uint8}", `[{"Z":true,"N":3}]`, "43010100", `[{"Z":true}]`},
		{"[]int", "[1]", "43010109", "error"},
		{"[]bool", "[true]", "43000102", "error"},
		{"[]string", `["a"]`, "43000102", "error"},
	} {
		typ := mustParse(t, test.typ)
		arg, err := c.Encode(typ, []byte(test.arg))
		if err != nil {
			t.Fatal(err)
		}
		changes, err := hex.DecodeString(test.changes)
		if err != nil {
			t.Fatal(err)
		}
		changed, rest, err := c.Apply(typ, arg, changes)
		got := "error"
		if err == nil && len(rest) == 0 {
			var text []byte
			if text, _, err = c.Decode(typ, changed); err == nil {
				got = string(text)
			}
		}
		if got != test.want {
			t.Errorf("%s %s: got %s, %v, want %s", test.typ, test.arg, got, err, test.want)
		}
	}
}

// Values that a hostile daemon or an absurd type makes large are refused soon.
func TestBounds(t *testing.T) {
	c := new(Codec)
	for _, typ := range []string{"[131072][131072]struct{}", "[131072][131072]int", "[9999999999]uint8", "W{A #1, B #1}", strings.Repeat("[]", 40) + "int"} {
		for _, in := range []string{"{}", strings.Repeat("[", 40) + strings.Repeat("]", 40)} {
			if data, err := c.Encode(mustParse(t, "S{X "+typ+"}"), []byte(`{"X":`+in+"}")); err == nil {
				t.Errorf("%s: got %d bytes", typ, len(data))
			}
		}
		if data, err := c.Encode(mustParse(t, "S{X "+typ+"}"), []byte("{}")); err == nil && len(data) > 10 {
			t.Errorf("%s: got %d bytes", typ, len(data))
		}
	}
	if _, err := c.Encode(mustParse(t, "any"), []byte(strings.Repeat("[", 4000)+strings.Repeat("]", 4000))); err == nil {
		t.Error("deep JSON was encoded")
	}
}

func seeds(f *testing.F) (types []string) {
	for _, v := range samples() {
		types = append(types, value.Spell(reflect.TypeOf(v)).String())
	}
	return types
}

// FuzzDecode prints items. What is printed is JSON, is not much larger, and is read as a
// value that is printed in the same way.
func FuzzDecode(f *testing.F) {
	types := seeds(f)
	for i, v := range samples() {
		f.Add(types[i], encodeValue(f, reflect.ValueOf(v)))
	}
	for _, v := range vectors(f) {
		input, _ := hex.DecodeString(v.Input)
		f.Add(v.Type, input)
	}
	f.Fuzz(func(t *testing.T, text string, data []byte) {
		typ, err := schema.ParseType(text)
		if err != nil || len(text) > 300 || !utf8.ValidString(text) { // a status is UTF-8
			return
		}
		c := &Codec{Types: map[string]string{"x/y.S": "text", "x/y.T": "bytes", "x.T#00000000": "T{A *#1, B any}", "address.zip": "omitempty"}}
		out, rest, err := c.Decode(typ, data)
		if err != nil {
			return
		}
		if !json.Valid(out) {
			t.Fatalf("%s %x: %s is no JSON", text, data, out)
		}
		if used := len(data) - len(rest); len(out) > 500+200*used+len(text)*used {
			t.Fatalf("%s: %d bytes became %d", text, used, len(out))
		}
		again, err := c.Encode(typ, out)
		if err != nil {
			return // refused
		}
		second, _, err := c.Decode(typ, again)
		if err != nil {
			t.Fatalf("%s %x: %s became %x, which is not read: %v", text, data, out, again, err)
		}
		// Fields that data lacks are zero in again.
		if third, err := c.Encode(typ, second); err != nil || !bytes.Equal(third, again) {
			t.Fatalf("%s %x: %s became %x, %s and %x, %v", text, data, out, again, second, third, err)
		}
	})
}

// FuzzEncode reads JSON. What was read is printed and read again as the same bytes.
func FuzzEncode(f *testing.F) {
	for _, typ := range append(seeds(f), "any", "error", "Node{V int, Next *#1}", "x/y.T", "x.T#00000000", "x.U#00000000") {
		for _, in := range []string{"null", "1", "1.5", `"a"`, "[]", "[1]", "{}", `{"A":1}`, `{"$type":"[]uint8","$value":"AA=="}`, `{"$bytes":"AA=="}`, `{"message":"a"}`} {
			f.Add(typ, []byte(in))
		}
	}
	f.Fuzz(func(t *testing.T, text string, in []byte) {
		typ, err := schema.ParseType(text)
		if err != nil || len(text) > 300 || !utf8.ValidString(text) { // a status is UTF-8
			return
		}
		c := &Codec{Types: map[string]string{"x/y.S": "text", "x/y.T": "bytes", "x.T#00000000": "T{A *#1, B any}", "address.zip": "omitempty"}}
		data, err := c.Encode(typ, in)
		if err != nil {
			return
		}
		out, rest, err := c.Decode(typ, data)
		if err != nil || len(rest) > 0 {
			t.Fatalf("%s %s: %x is not read: %v", text, in, data, err)
		}
		if again, err := c.Encode(typ, out); err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%s %s: %x became %s and %x, %v", text, in, data, out, again, err)
		}
	})
}
