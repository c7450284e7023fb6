package stub_test

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt/internal/rt"
	"github.com/loopgen/loopgen/rt/internal/value"
	"github.com/loopgen/loopgen/rt/stub"
)

func TestRegisterType(t *testing.T) {
	if err := value.RegisterType(reflect.TypeFor[map[string][]*Circle]()); err != nil {
		t.Error(err)
	}
	local := func() reflect.Type {
		type Circle struct{ A int }
		return reflect.TypeFor[Circle]()
	}
	for typ, want := range map[reflect.Type]string{
		reflect.TypeFor[chan int]():               "registering type chan int: a value of type chan int (chan) cannot be sent",
		reflect.TypeFor[hasHidden]():              "registering type hasHidden.zip: the field is unexported",
		reflect.TypeFor[[]struct{ A int }]():      "has no name",
		reflect.TypeFor[interface{ M() }]():       "has no name",
		local():                                   "another type of that name and package is registered",
		reflect.TypeFor[map[string]func() bool](): "cannot be sent",
	} {
		if err := value.RegisterType(typ); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want it to contain %q", typ, err, want)
		}
	}
}

// Registration, use and reception may go on at the same time.
func TestRegisterConcurrently(t *testing.T) {
	type late struct{ A any }
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := value.RegisterType(reflect.TypeFor[late]()); err != nil {
				t.Error(err)
			}
			for i := range 50 {
				v := any(map[string]late{"k": {[]any{i, late{"x"}}}})
				body, err := encode(v)
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := decode[any](body); err != nil || !reflect.DeepEqual(got, v) {
					t.Errorf("got %v, %v, want %v", got, err, v)
				}
			}
		})
	}
	all.Wait()
}

// selfish errors hold themselves; nothing of them ends by itself.
type selfish struct{ Again, More any }

func (*selfish) Error() string { return "selfish" }

var selfishService = &stub.Service{ErrorTypes: []stub.ErrorType{stub.ErrorTypeOf[*selfish]("selfish")}}

func TestRefusedOpenValues(t *testing.T) {
	var inPointer any
	inPointer = &inPointer
	inSlice := []any{nil}
	inSlice[0] = inSlice
	inMap := map[string]any{}
	inMap["self"] = inMap
	inStruct := &Open{}
	inStruct.Any = inStruct
	deep := any(1)
	for range 32 {
		deep = &[]any{deep}[0]
	}
	var nilPointer *int
	for _, r := range []refusal{
		refused("cycle through a pointer", inPointer, "cyclic"),
		refused("cycle through a slice", inSlice, "cyclic"),
		refused("cycle through a map", inMap, "cyclic"),
		refused("cycle through a field", inStruct, "cyclic"),
		refused("33 levels", deep, "deeper than the 32 levels"),
		refused("unregistered", any(unregistered{}), "type stub_test.unregistered is not registered, so that an interface that holds it cannot be sent; call rt.RegisterType[stub_test.unregistered]()"),
		refused("unregistered in a slice", []any{1, []*unregistered{}}, "[]any[1]: type stub_test.unregistered is not registered"),
		refused("unregistered, nil", any((*unregistered)(nil)), "is not registered"),
		refused("struct without a name", any(struct{ A int }{}), "has no name"),
		refused("channel", any(make(chan int)), "chan int"),
		refused("hidden field", any([]hasHidden{}), "hasHidden[].zip: the field is unexported"),
		refused("text", any([]string{"\xff"}), "any.([]string)[0]: the text is not UTF-8"),
		refused("year 10000", map[string]any{"k": time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}, `["k"].(time.Time): the time's year 10000`),
		refused("pointer to nil interface", new(any), "would come back as a nil pointer"),
		refused("pointer to nil error", new(error), "would come back as a nil pointer"),
		refused("pointer to nil pointer", any(&nilPointer), ".(**int): a pointer"),
		refused("NaN in a key", map[any]int{math.NaN(): 1}, "NaN as a map key"),
		refused("complex NaN in a key", map[complex64]int{complex64(complex(0, math.NaN())): 1}, "NaN as a map key"),
		refused("pointer in a key", map[any]int{&Square{}: 1}, "holds a pointer"),
		refused("error in a key", map[any]int{io.EOF: 1}, "an error of type *errors.errorString in a map's key"),
		refused("time in a key", map[any]int{time.Now(): 1}, "must be in UTC"),
		refused("elements", make([]any, 131073), "131073 elements"),
		refused("-0, omitempty", Labelled{OptZ: complex(math.Copysign(0, -1), 0)}, "OptZ: the value is left out"),
		refused("long name", any(longName(40)), "more than 16 types in each other"),
		refused("large array", any((*[1 << 24]uint64)(nil)), "more than 131072"),
	} {
		r.check(t)
	}
}

// longName returns a nil pointer to a pointer … to an int.
func longName(n int) any {
	t := reflect.TypeFor[int]()
	for range n {
		t = reflect.PointerTo(t)
	}
	return reflect.Zero(t).Interface()
}

// Errors that hold themselves many times over are taken apart to some depth.
func TestSelfishErrors(t *testing.T) {
	err := &selfish{}
	err.Again, err.More = err, []any{err, err, err, err}
	e := stub.NewEncoder(selfishService, 1<<20)
	e.Error(err)
	stub.Encode(e, any(err))
	stub.Encode(e, []error{err, err})
	if body, fail := e.Finish(); fail == nil {
		d, fail := stub.NewDecoder(selfishService, body)
		if fail != nil {
			t.Fatal(fail)
		}
		if got := d.Error(); got == nil || got.Error() != "selfish" {
			t.Errorf("got %v, want selfish", got)
		}
	} else if !errors.Is(fail, stub.ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", fail)
	}
}

// registeredError is an error type that only RegisterType makes known.
type registeredError struct {
	Code int
	Why  any
	Err  error
}

func (r registeredError) Error() string { return fmt.Sprint("code ", r.Code) }
func (r registeredError) Unwrap() error { return r.Err }

func TestErrorsAsValues(t *testing.T) {
	if err := value.RegisterType(reflect.TypeFor[registeredError]()); err != nil {
		t.Fatal(err)
	}
	wrapped := fmt.Errorf("get: %w", errFull)
	var nobody *ParseError
	values := []error{nil, errFull, ParseError{1, errTwin}, &ParseError{2, io.EOF}, nobody, errors.Join(errFull, io.EOF),
		registeredError{3, []any{"why", errFull}, errTwin}, &registeredError{Code: 4}}
	e := stub.NewEncoder(service, limit)
	stub.Encode(e, values)
	stub.Encode(e, map[string]any{"full": errFull, "parse": ParseError{5, nil}, "data": registeredError{6, uint8(1), nil}})
	stub.Encode(e, wrapped)
	stub.Encode(e, any(wrapped))
	body, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	d, err := stub.NewDecoder(service, body)
	if err != nil {
		t.Fatal(err)
	}
	var list []error
	var table map[string]any
	var back error
	var held any
	stub.Decode(d, &list)
	stub.Decode(d, &table)
	stub.Decode(d, &back)
	stub.Decode(d, &held)
	if err := d.End(); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(list, values) || list[1] != errFull {
		t.Errorf("got %#v, want %#v", list, values)
	}
	want := map[string]any{"full": errFull, "parse": ParseError{5, nil}, "data": registeredError{6, uint8(1), nil}}
	if !reflect.DeepEqual(table, want) || table["full"] != errFull {
		t.Errorf("got %#v, want %#v", table, want)
	}
	for _, err := range []error{back, held.(error)} {
		var remote *rt.RemoteError
		if !errors.Is(err, errFull) || err.Error() != wrapped.Error() || !errors.As(err, &remote) || remote.Type != "*fmt.wrapError" {
			t.Errorf("got %#v, want what was wrapped", err)
		}
	}
}

func TestStrictOpenDecoding(t *testing.T) {
	name := func(s string) string {
		if len(s) > 23 {
			return fmt.Sprintf("78%02x%x", len(s), s)
		}
		return fmt.Sprintf("%02x%x", 0x60+len(s), s)
	}
	circle, err := encode(any(Circle{}))
	if err != nil {
		t.Fatal(err)
	}
	known := string(circle[4 : 4+int(circle[3])]) // after the heads of message, pair and text
	differs := known[:len(known)-8] + "00000000"
	for _, c := range []struct {
		lax
		want string
	}{
		{laxly[any]("a bare integer", "81 01"), "an integer is no value of type interface {}"},
		{laxly[any]("three elements", "81 83 63696e74 01 02"), "an array is no value"},
		{laxly[any]("a name that is no text", "81 82 01 01"), "no text"},
		{laxly[any]("unknown name", "81 82"+name("nothing")+"01"), `"nothing" is no name of a type`},
		{laxly[any]("unregistered", "81 82"+name("example.com/x.T#01234567")+"01"), "type example.com/x.T is not registered in the receiving program"},
		{laxly[any]("another structure", "81 82"+name(differs)+"a0"), "differs between the two programs"},
		{laxly[any]("value of another type", "81 82"+name("int")+"6161"), "any.(int): text is no value of type int"},
		{laxly[any]("out of range", "81 82"+name("int8")+"1880"), "128"},
		{laxly[any]("null for an int", "81 82"+name("int")+"f6"), "null is no value of type int"},
		{laxly[any]("an interface as a type", "81 82"+name("any")+"f6"), "is no type that a value"},
		{laxly[any]("an error that is none", "81 82"+name("error")+"f6"), "null is no error"},
		{laxly[any]("an error without nodes", "81 82"+name("error")+"80"), "the tree is empty"},
		{laxly[any]("trailing name", "81 82"+name("int]")+"01"), "is no name of a type"},
		{laxly[any]("length not in shortest form", "81 82"+name("[01]int")+"8101"), `"[1]int" is`},
		{laxly[any]("negative length", "81 82"+name("[-1]int")+"8101"), "is no name of a type"},
		{laxly[any]("huge array", "81 82"+name("[2000000000]uint8")+"40"), "larger than an interface may hold"},
		{laxly[any]("huge array of arrays", "81 82"+name("[131072][131072]int")+"80"), "larger than an interface may hold"},
		{laxly[any]("null pointer to a huge array", "81 82"+name("*[2000000000]string")+"f6"), "larger than an interface may hold"},
		{laxly[any]("slices as keys", "81 82"+name("map[[]int]int")+"a0"), "a map with keys of type []int"},
		{laxly[any]("pointers as keys", "81 82"+name("map[*int]int")+"a0"), "holds a pointer"},
		{laxly[any]("deep name", "81 82"+name("[][][][][][][][][][][][][][][][][][]int")+"f6"), "more than 16"},
		{laxly[any]("long name", "81 82 790401"+strings.Repeat("2a", 1025)+"f6"), "no text of at most 1024 bytes"},
		{laxly[Shape]("a type that is no Shape", "81 82"+name("int")+"01"), "int is no type that a value of stub_test.Shape can have"},
		{laxly[Shape]("an error for a Shape", "81 82"+name("error")+"81 a3 646b696e64 00 6474797065 6178 676d657373616765 40"), "RemoteError"},
		{laxly[map[any]int]("one key twice", "81 a2 82"+name("int")+"01 01 82"+name("int")+"01 02"), "there already"},
		{laxly[map[any]int]("slice as a key", "81 a1 82"+name("[]int")+"80 01"), "cannot be a map's key"},
		{laxly[map[any]int]("slice in a key", "81 a1 82"+name("[1]any")+"81 82"+name("[]int")+"80 01"), "cannot be a map's key"},
		{laxly[map[any]int]("error as a key", "81 a1 82"+name("error")+"80 01"), "an error in a map's key"},
		{laxly[map[complex64]int]("NaN as a key", "81 a1 82f97e00f90000 01"), "no float"},
		{laxly[complex64]("8 bytes for a complex64", "81 82 f90000 fb3ff199999999999a"), "a part is no float of 4 bytes"},
		{laxly[complex128]("integers for floats", "81 82 01 02"), "a part is no float of 8 bytes"},
		{laxly[complex128]("one part", "81 81 f90000"), "an array is no value"},
		{laxly[uintptr]("negative", "81 20"), "negative integer"},
		{laxly[error]("text", "81 6161"), "text is no value of type error"},
		{laxly[struct{ A any }]("a field twice", "81 a2 6141f6 6141f6"), "given twice"},
		{laxly[struct {
			A any `cbor:",omitempty"`
		}]("an optional field twice", "81 a2 6141 82"+name("int")+"01 6141 82"+name("int")+"01"), "given twice"},
		{laxly[[]any]("a list that is too long", "81 9a00020001"), "131073 elements"},
		{laxly[[]any]("33 levels", "81"+strings.Repeat("81 82"+name("[]any"), 17)+"80"), "deeper than 32 levels"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%s: got %v, want it to contain %q", c.name, c.err, c.want)
		}
	}
}

// A message is decoded in memory that is bounded by its size, whatever types
// it names.
func FuzzOpen(f *testing.F) {
	for seed := range uint64(40) {
		r := &random{Rand: rand.New(rand.NewPCG(seed, 11))}
		var v struct {
			Any      any
			Labelled Labelled
			Open     Open
		}
		r.fill(reflect.ValueOf(&v).Elem(), 3)
		for _, body := range [][]byte{mustEncode(f, v.Any), mustEncode(f, v.Labelled), mustEncode(f, v.Open)} {
			f.Add(body)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		d, err := stub.NewDecoder(nil, data)
		if err != nil {
			return
		}
		var v any
		stub.Decode(d, &v)
		runtime.ReadMemStats(&after)
		// The most is what an array of an open struct takes, and plans of types
		// met for the first time.
		if most := uint64(4<<20 + 4096*len(data)); after.TotalAlloc-before.TotalAlloc > most {
			t.Fatalf("%d bytes took %d bytes of memory, more than %d", len(data), after.TotalAlloc-before.TotalAlloc, most)
		}
		fuzzed[any](t, data)
		fuzzed[Labelled](t, data)
		fuzzed[Open](t, data)
		fuzzed[map[any]Shape](t, data)
		fuzzed[[]error](t, data)
		fuzzed[complex64](t, data)
		fuzzed[Handle](t, data)
	})
}

func mustEncode[T any](f *testing.F, v T) []byte {
	f.Helper()
	body, err := encode(v)
	if err != nil {
		f.Fatal(err)
	}
	return body
}
