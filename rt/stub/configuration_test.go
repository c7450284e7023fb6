package stub_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"math/big"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt/internal/value"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

// configuration returns that of arguments, each of them encoded by one function.
func configuration(t *testing.T, args ...func(*stub.Encoder)) string {
	t.Helper()
	message, config, err := stub.EncodeArguments(&stub.Service{}, 1<<20, func(e *stub.Encoder) {
		for _, encode := range args {
			encode(e)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	e := stub.NewEncoder(&stub.Service{}, 1<<20)
	for _, encode := range args {
		encode(e)
	}
	if plain, err := e.Finish(); err != nil || !bytes.Equal(plain, message) {
		t.Errorf("the message is %x, want %x, %v", message, plain, err)
	}
	return string(config.Bytes)
}

func argument[T any](v T) func(*stub.Encoder) { return func(e *stub.Encoder) { stub.Encode(e, v) } }

// unlike fails for two of the arguments that have the same configuration.
func unlike[T any](t *testing.T, values ...T) {
	t.Helper()
	seen := make(map[string]int)
	for i, v := range values {
		for _, args := range [][]func(*stub.Encoder){{argument(v), argument(1)}, {argument(struct{ F T }{v}), argument(2)}, {argument([]T{v}), argument(3)}} {
			config := configuration(t, args...)
			if other, taken := seen[config]; taken {
				t.Errorf("%#v and %#v have the configuration %x", values[other], v, config)
			}
			seen[config] = i
		}
	}
}

type (
	TLS struct {
		Verify bool
		Name   string
	}
	Deep struct {
		*TLS
		Depth int
	}
	outer struct {
		*Deep
		Last int
	}
	keyed struct{ A, B int }
	// unready cannot encode its zero value.
	unready struct{ text string }
	option  struct{ N int }
)

func (u unready) MarshalText() ([]byte, error) {
	if u.text == "" {
		panic("not ready")
	}
	return []byte(u.text), nil
}
func (u *unready) UnmarshalText(data []byte) error { u.text = string(data); return nil }

func init() { value.RegisterType(reflect.TypeFor[option]()) }

// What Go tells apart makes different configurations.
func TestConfigurationTellsValuesApart(t *testing.T) {
	unlike(t, nil, ptr(false), ptr(true))
	unlike(t, nil, ptr(0), ptr(1))
	unlike(t, nil, ptr(ptr(0)))
	unlike(t, nil, ptr(TLS{}), ptr(TLS{Verify: true}))
	unlike(t, nil, ptr([0]int{}))
	unlike(t, nil, ptr(netip.Addr{}), ptr(netip.IPv4Unspecified()))
	unlike(t, nil, new(big.Int), big.NewInt(1))
	unlike(t, nil, []int{}, []int{0}, []int{0, 0}, []int{0, 1}, []int{1, 0})
	unlike(t, nil, []byte{}, []byte{0}, []byte{0, 0})
	unlike(t, nil, []TLS{}, []TLS{{}}, []TLS{{}, {}}, []TLS{{}, {Verify: true}})
	unlike(t, nil, []*int{}, []*int{nil}, []*int{ptr(0)})
	unlike(t, nil, map[string]int{}, map[string]int{"a": 0}, map[string]int{"a": 0, "b": 0}, map[string]int{"b": 0}, map[string]int{"": 0})
	unlike(t, nil, map[string]TLS{}, map[string]TLS{"Verify": {}}, map[string]TLS{"Name": {}})
	unlike(t, nil, map[string]*TLS{}, map[string]*TLS{"a": nil}, map[string]*TLS{"a": {}})
	unlike(t, nil, map[keyed]int{{}: 1}, map[keyed]int{{A: 1}: 1}, map[keyed]int{{B: 1}: 1}, map[keyed]int{{1, 1}: 1})
	unlike(t, [2]int{}, [2]int{1}, [2]int{0, 1})
	unlike(t, [2]*int{}, [2]*int{ptr(0)}, [2]*int{nil, ptr(0)})
	unlike(t, Deep{}, Deep{TLS: &TLS{}}, Deep{TLS: &TLS{Verify: true}}, Deep{TLS: &TLS{Name: "n"}}, Deep{Depth: 1})
	unlike(t, outer{}, outer{Deep: &Deep{}}, outer{Deep: &Deep{TLS: &TLS{}}}, outer{Deep: &Deep{Depth: 1}}, outer{Last: 1})
	unlike[any](t, nil, 0, uint(0), "", false, 0.0, (*int)(nil), ptr(0), []any{}, []any(nil), []any{nil}, option{}, &option{}, struct{}{}, map[string]int{}, [0]int{}, [1]int{})
	unlike[error](t, nil, io.EOF, errors.New("EOF"))
	unlike(t, 0.0, math.Copysign(0, -1), math.NaN(), math.Inf(1))
	unlike(t, 0i, complex(math.Copysign(0, -1), 0), complex(0, math.Copysign(0, -1)))
	unlike(t, time.Time{}, time.Unix(0, 0).UTC(), time.Unix(0, 0).In(time.FixedZone("", 3600)))
	unlike(t, netip.Addr{}, netip.IPv4Unspecified(), netip.IPv6Unspecified())

	first, second := configuration(t, argument(1), argument(0), argument(2)), configuration(t, argument(1), argument(2))
	if first == second {
		t.Error("a zero argument before another one does not count")
	}
}

// alike fails unless the arguments have one configuration.
func alike(t *testing.T, name string, args ...[]func(*stub.Encoder)) {
	t.Helper()
	want := configuration(t, args[0]...)
	for _, a := range args[1:] {
		if got := configuration(t, a...); got != want {
			t.Errorf("%s: got %x, want %x", name, got, want)
		}
	}
}

// Arguments at the end and fields that were added change nothing while they are zero,
// whatever their type, and wherever the struct is.
func TestConfigurationWithAddedZeros(t *testing.T) {
	type old struct{ Size int }
	type added struct {
		First   *old
		Size    int
		Name    string
		Rate    float64
		Float   float32
		On      bool
		Inner   TLS
		Ptr     *TLS
		List    []old
		Array   [3]old
		Map     map[string]int
		Raw     []byte
		Digest  [4]byte
		At      time.Time
		For     time.Duration
		Number  big.Int
		Pointer *big.Int
		Addr    netip.Addr
		Complex complex64
		Handle  uintptr
		Any     any
		Err     error
		Omitted string `json:",omitempty"`
		Int     int    `cbor:"7,keyasint"`
		Inner3
		*Inner4
	}
	type list = []func(*stub.Encoder)
	alike(t, "fields", list{argument(old{5})}, list{argument(added{Size: 5})})
	alike(t, "fields of elements", list{argument([]old{{0}, {5}})}, list{argument([]added{{}, {Size: 5}})})
	alike(t, "fields behind pointers", list{argument(&old{0})}, list{argument(&added{})})
	alike(t, "fields of entries and keys",
		list{argument(map[keyed]old{{1, 0}: {0}, {2, 0}: {5}})},
		list{argument(map[struct{ C, A, B int }]added{{A: 1}: {}, {A: 2}: {Size: 5}})})
	alike(t, "fields of embedded structs", list{argument(struct{ old }{old{5}})}, list{argument(struct{ added }{added{Size: 5}})})
	alike(t, "fields at the end of structs embedded by pointer",
		list{argument(struct{ *Inner1 }{&Inner1{}})}, list{argument(struct{ *Inner2 }{&Inner2{}})})
	alike(t, "arguments", list{argument("x")}, list{argument("x"), argument(0)},
		list{argument("x"), argument(added{}), argument(""), argument([]int(nil)), argument([2]int{}), argument[any](nil), argument(netip.Addr{})})
	alike(t, "all arguments", list{}, list{argument(0)}, list{argument(added{}), argument(false)})
	alike(t, "omitempty", list{argument(struct{ A, B int }{0, 1})}, list{argument(struct {
		A int `json:",omitempty"`
		B int
	}{0, 1})})

	// What cannot encode its zero value is never zero.
	if config := configuration(t, argument(unready{"x"})); config != "\x81\x61x" {
		t.Errorf("got %x", config)
	}
}

type (
	Inner1 struct{ A int }
	Inner2 struct{ A, B int }
	Inner3 struct{ C int }
	Inner4 struct{ D int }
)

// A struct type that an interface holds may get fields, too: its hash does not count.
func TestConfigurationOfRegisteredType(t *testing.T) {
	config := configuration(t, argument[any](map[string]option{"k": {N: 1}}))
	name := "map[string]github.com/loopgen/loopgen/rt/stub_test.option"
	if want := "\x81\x82\x78" + string(rune(len(name))) + name + "\xa1\x61k\xa1\x61N\x01"; config != want {
		t.Errorf("got %q, want %q", config, want)
	}
}

// The parts of a configuration are the arguments that are not zero, by field where the
// argument is a struct.
func TestConfigurationParts(t *testing.T) {
	_, config, err := stub.EncodeArguments(&stub.Service{}, 1<<20, func(e *stub.Encoder) {
		stub.Encode(e, 0)
		stub.Encode(e, TLS{Verify: true, Name: "a"})
		stub.Encode(e, TLS{})
		stub.Encode(e, &TLS{Name: "b"})
		stub.Encode(e, []int{})
		stub.Encode(e, "")
	})
	if err != nil {
		t.Fatal(err)
	}
	text := func(s string) string { return wire.ArgumentHash(append([]byte{0x60 + byte(len(s))}, s...)) }
	want := []value.ConfigPart{
		{Number: 2, Type: "stub_test.TLS", Field: "Name", Hash: text("a")},
		{Number: 2, Type: "stub_test.TLS", Field: "Verify", Hash: wire.ArgumentHash([]byte{0xf5})},
		{Number: 4, Type: "*stub_test.TLS", Hash: wire.ArgumentHash([]byte("\xa1\x64Name\x61b"))},
		{Number: 5, Type: "[]int", Hash: wire.ArgumentHash([]byte{0x80})},
	}
	if !reflect.DeepEqual(config.Parts, want) {
		t.Errorf("got %+v, want %+v", config.Parts, want)
	}
}
