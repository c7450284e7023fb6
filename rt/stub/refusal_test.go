package stub_test

import (
	"errors"
	"math"
	"math/big"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
	"unsafe"

	"github.com/fxamacker/cbor/v2"

	"github.com/loopgen/loopgen/rt/stub"
)

type refusal struct {
	name string
	got  error
	want string // part of the error
}

func refused[T any](name string, v T, want string) refusal {
	_, err := encode(v)
	return refusal{name, err, want}
}

func (r refusal) check(t *testing.T) {
	t.Helper()
	var place *stub.EncodeError
	switch {
	case r.got == nil:
		t.Errorf("%s: was encoded, want an error with %q", r.name, r.want)
	case !errors.As(r.got, &place):
		t.Errorf("%s: got %T, want an EncodeError", r.name, r.got)
	case !strings.Contains(r.got.Error(), r.want):
		t.Errorf("%s: got %q, want it to contain %q", r.name, r.got, r.want)
	}
}

func ptr[T any](v T) *T { return &v }

// The path to what is wrong is no longer than a reader can use.
func TestLongPathsAreCut(t *testing.T) {
	type chain struct{ Next *chain }
	cycle := &chain{}
	cycle.Next = cycle
	const want = "encode value 0: *stub_test.chain.Next.Next.Next.Next.Next.Next.Next.Next.Next" +
		"….Next.Next.Next.Next.Next.Next.Next.Next.Next.Next: the value is cyclic, or nested deeper than the 32 levels that can be sent"
	if _, err := encode(cycle); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	type tree map[string]tree
	deep := tree{}
	deep[strings.Repeat("é", 30)] = deep
	_, err := encode(deep)
	if err == nil || len(err.Error()) > 250 || !utf8.ValidString(err.Error()) || !strings.Contains(err.Error(), "…") {
		t.Errorf("got %v, want a short path", err)
	}
}

func TestRefusedValues(t *testing.T) {
	cycle := &Node{}
	cycle.Next = &Node{Kids: []*Node{cycle}}
	inMap := Tree{}
	inMap["self"] = inMap
	inSlice := Nested{nil}
	inSlice[0] = inSlice
	deep := Nested{}
	for range 32 {
		deep = Nested{deep}
	}
	far := time.FixedZone("", 24*3600)
	parsed, _ := new(big.Float).SetPrec(200).SetString("1.00000000000000000000000000000000001")

	for _, r := range []refusal{
		refused("cycle through pointers", cycle, "cyclic"),
		refused("cycle through a map", inMap, "cyclic"),
		refused("cycle through a slice", inSlice, "cyclic"),
		refused("33 levels", deep, "deeper than the 32 levels"),
		refused("text", "\xff", "not UTF-8; use []byte"),
		refused("text in a key", map[string]int{"\xff": 1}, `map[string]int["\xff"]: the text is not UTF-8`),
		refused("text of a named type", struct{ L Label }{"\xff"}, ".L: the text"),
		refused("text from MarshalText", badText{}, "not UTF-8"),
		refused("pointer to nil pointer", ptr[*int](nil), "would come back as a nil pointer"),
		refused("pointer to nil slice", ptr[[]int](nil), "would come back as a nil pointer"),
		refused("pointer to nil bytes", ptr[[]byte](nil), "would come back as a nil pointer"),
		refused("pointer to nil map", struct{ P *map[string]int }{ptr[map[string]int](nil)}, ".P: a pointer"),
		refused("pointer to the zero time", []*time.Time{{}}, "[0]: a pointer to a time.Time that is the zero time"),
		refused("zone with seconds", time.Date(1890, 1, 1, 0, 0, 0, 0, time.FixedZone("LMT", 3208)), "53m28s has seconds"),
		refused("zone of a day", time.Date(1990, 1, 1, 0, 0, 0, 0, far), "a day or more"),
		refused("year 10000", map[string]time.Time{"k": time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}, `["k"]: the time's year 10000`),
		refused("year -1", []time.Time{{}, time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)}, "[1]: the time's year -1"),
		refused("zero time in a zone", time.Time{}.In(time.FixedZone("", 3600)), "would lose its zone"),
		refused("time as a key, in a zone", map[time.Time]int{time.Now(): 1}, "must be in UTC"),
		refused("empty slice, omitempty", Optional{Tags: []string{}}, "Optional.Tags: the value is left out"),
		refused("empty map, omitempty", Optional{Index: map[string]int{}}, "Optional.Index: the value is left out"),
		refused("empty bytes, omitempty", Optional{Raw: []byte{}}, "Optional.Raw: the value is left out"),
		refused("-0, omitempty", Optional{Rate: float32(math.Copysign(0, -1))}, "Optional.Rate: the value is left out"),
		refused("-0, omitzero", Optional{Pair: [2]float64{0, math.Copysign(0, -1)}}, "Optional.Pair: the value is left out"),
		refused("own IsZero, omitzero", struct {
			T tolerant `json:",omitzero"`
		}{tolerant{1}}, ".T: the value is left out"),
		refused("embedded pointer to nothing", struct{ *Sparse }{&Sparse{}}, "Sparse: the embedded pointer"),
		refused("NaN as a key", map[float64]int{math.NaN(): 1}, "NaN as a map key"),
		refused("NaN in a key", map[Point]int{{X: math.NaN()}: 1}, "NaN as a map key"),
		refused("slice too long", make([]int, 131073), "131073 elements are more than the 131072"),
		refused("slice of structs too long", make([]struct{}, 131073), "131073 elements"),
		refused("precision that MarshalText keeps and UnmarshalText does not", parsed, "another one after its own"),
		refused("precision that the text does not tell", []*big.Float{big.NewFloat(0.1)}, "[0]: big.Float cannot be sent: the value is another one after its own"),
		refused("MarshalBinary fails", failing{}, "failing cannot be sent: no luck"),
		refused("URL that does not parse", url.URL{Host: "a b", Path: "%zz", RawPath: "x"}, "cannot be sent"),
		refused("key that does not come back equal", map[url.URL]int{{Host: "h", User: url.User("me")}: 1}, "does not come back equal"),
	} {
		r.check(t)
	}
}

// What can be sent although it looks like one of the above.
func TestAcceptedValues(t *testing.T) {
	deep := Nested{}
	for range 31 {
		deep = Nested{deep}
	}
	accepted(t, deep)
	accepted(t, make([]int, 131072))
	accepted(t, make([]byte, 1<<20))
	accepted(t, map[string]*netip.Addr{"nil": nil, "zero": {}})
	accepted(t, []*url.URL{nil, {Host: "h"}})
	accepted(t, map[time.Time]int{time.Unix(1, 5).UTC(): 1, {}: 2})
	accepted(t, map[netip.Addr]int{netip.MustParseAddr("fe80::1%eth0"): 1})
	accepted(t, struct{ *Optional }{})
	accepted(t, []Stamp{{time.Unix(5, 0).UTC()}})
	accepted(t, overriding{Base: Base{1}, X: 2})
	accepted(t, overridingPointer{Base: Base{1}, X: 2})
	accepted(t, onlyUnmarshals{5})
	type blank struct {
		A int
		_ [7]byte
	}
	accepted(t, blank{A: 1})
}

func accepted[T any](t *testing.T, v T) {
	t.Helper()
	body, err := encode(v)
	if err != nil {
		t.Errorf("encode %T: %v", v, err)
		return
	}
	got, err := decode[T](body)
	if err != nil || !reflect.DeepEqual(got, v) {
		t.Errorf("%T: got %v, %v, want %v", v, got, err, v)
	}
}

func TestRefusedTypes(t *testing.T) {
	for _, r := range []refusal{
		refused("chan", make(chan int), "chan int"),
		refused("func", func() {}, "func()"),
		refused("unsafe pointer", unsafe.Pointer(nil), "unsafe.Pointer"),
		refused("error in a key", map[error]int{}, "an error in a map's key cannot be sent"),
		refused("error in a key of a struct", map[struct{ Err error }]int{}, "[key].Err: an error in a map's key"),
		refused("unexported field", []struct{ A hasHidden }{}, "[].A.zip: the field is unexported"),
		refused("unexported field of a map's element", map[string]hasHidden{}, "[].zip"),
		refused("unexported field of a key", map[hasHidden]int{}, "[key].zip"),
		refused("unexported field behind recursion", (*ring)(nil), "ring.Data.zip"),
		refused("unexported embedded pointer", struct{ *hidden }{}, "embedded by pointer"),
		refused("json:\"-\"", struct {
			A int `json:"-"`
		}{}, ".A: the tag leaves the field out"),
		refused("one name twice", struct {
			A int `json:"x"`
			B int `cbor:"x"`
		}{}, ".B: it is called x on the wire, as another field A is"),
		refused("a promoted name taken", struct {
			Inner
			A int
		}{}, ".A: it is called A"),
		refused("struct option", struct {
			_ struct{} `cbor:",toarray"`
			A int
		}{}, "toarray"),
		refused("embeds itself", Selfish{}, "embeds itself"),
		refused("embedded time and more", struct {
			time.Time
			Note string
		}{}, "the embedded time.Time encodes"),
		refused("embedded time and more, one level down", struct{ Note }{}, "the embedded time.Time encodes"),
		refused("embedded big.Int and more", struct {
			big.Int
			Unit string
		}{}, "the embedded big.Int encodes"),
		refused("embedded pointer to a marshaller", struct{ *url.URL }{}, "is nil in the receiver"),
		refused("two embedded marshallers", struct {
			time.Time
			netip.Addr
		}{}, "unexported"),
		refused("MarshalBinary alone", onlyBinary{}, "no UnmarshalBinary"),
		refused("MarshalText alone", onlyText{}, "no UnmarshalText"),
		refused("UnmarshalText alone on a string", loose(""), "no MarshalText"),
		refused("own CBOR", cbor.RawMessage{}, "makes its own CBOR"),
		refused("pointer as a key", map[*int]int{}, "holds a pointer"),
		refused("pointer in a key", map[struct{ P [1]*int }]int{}, "holds a pointer"),
		refused("embedded pointer in a key", map[struct{ *Inner }]int{}, "holds a pointer"),
		refused("pointer to itself", endless(nil), "nothing but itself"),
		refused("array too long", (*[131073]int)(nil), "more than 131072"),
		refused("name that is not UTF-8", struct {
			A int `cbor:"\xff"`
		}{}, "not UTF-8"),
		refused("keyasint without an integer", struct {
			A int `cbor:"a,keyasint"`
		}{}, "not an integer"),
	} {
		r.check(t)
	}
}

type (
	endless   *endless
	hasHidden struct {
		zip int //lint:ignore U1000 hidden is what it has to be
	}
	ring struct {
		Next *link
		Data hasHidden
	}
	link    struct{ Back *ring }
	Selfish struct {
		*Selfish
		A int
	}
	Sparse struct {
		A int `json:",omitempty"`
	}
	Note struct {
		time.Time
		Text string
	}
	onlyBinary struct{}
	onlyText   struct{}
	loose      string
	badText    struct{}
	failing    struct{}
	tolerant   struct{ N int }
	// Base encodes itself, and what embeds it encodes itself otherwise.
	Base       struct{ N byte }
	overriding struct {
		Base
		X byte
	}
	overridingPointer struct {
		Base
		X byte
	}
	onlyUnmarshals struct{ A int }
)

func (t tolerant) IsZero() bool { return t.N < 5 }

func (onlyBinary) MarshalBinary() ([]byte, error)  { return nil, nil }
func (onlyText) MarshalText() ([]byte, error)      { return nil, nil }
func (*loose) UnmarshalText([]byte) error          { return nil }
func (*onlyUnmarshals) UnmarshalText([]byte) error { return errors.New("not for this") }

func (badText) MarshalText() ([]byte, error) { return []byte{0xff}, nil }
func (*badText) UnmarshalText([]byte) error  { return nil }

func (failing) MarshalBinary() ([]byte, error) { return nil, errors.New("no luck") }
func (*failing) UnmarshalBinary([]byte) error  { return nil }

func (b Base) MarshalBinary() ([]byte, error)     { return []byte{b.N}, nil }
func (b *Base) UnmarshalBinary(data []byte) error { b.N = data[0]; return nil }

func (o overriding) MarshalBinary() ([]byte, error)     { return []byte{o.N, o.X}, nil }
func (o *overriding) UnmarshalBinary(data []byte) error { o.N, o.X = data[0], data[1]; return nil }

func (o *overridingPointer) MarshalBinary() ([]byte, error) { return []byte{o.N, o.X}, nil }
func (o *overridingPointer) UnmarshalBinary(data []byte) error {
	o.N, o.X = data[0], data[1]
	return nil
}
