package stub_test

import (
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt/stub"
)

// The codec below was generated when Pair2 had one field and no tags.

type Pair2 struct {
	First  int
	Second string `json:"second"`
}

func writeStale(w *stub.Writer, v Pair2) {
	w.Struct(1)
	stub.WriteInt(w.Key("First"), v.First)
}

func readStale(r *stub.Reader) (v Pair2) {
	r.Struct(1)
	v.First = stub.ReadInt[int](r.Key("First"))
	return v
}

func TestStaleCodecTakesTheLongWay(t *testing.T) {
	codec := stub.NewCodec("{First int}", writeStale, readStale)
	if codec.Current() {
		t.Error("a codec for {First int} is current for a type with another field")
	}
	want := Pair2{1, "two"}
	e := stub.NewEncoder(nil, limit)
	codec.Encode(e, want)
	body, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	d, err := stub.NewDecoder(nil, body)
	if err != nil {
		t.Fatal(err)
	}
	var got Pair2
	codec.Decode(d, &got)
	if err := d.End(); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestLayouts(t *testing.T) {
	type withText struct{ A Level }
	type self struct{ Next *self }
	type inner struct{ X, Y int }
	type outer struct {
		inner
		Z map[Label][]*Point `json:",omitempty"`
	}
	deep := "int"
	for range 40 {
		deep = "[]" + deep
	}
	is := func(name string, current, want bool) {
		t.Helper()
		if current != want {
			t.Errorf("%s: got %v, want %v", name, current, want)
		}
	}
	is("as declared", current[Pair2](`{First int, Second "second" string}`), true)
	is("another order", current[Pair2](`{Second "second" string, First int}`), false)
	is("another name", current[Pair2](`{First int, Second string}`), false)
	is("another kind", current[Pair2](`{First int64, Second "second" string}`), false)
	is("omitempty", current[Pair2](`{First int, Second "second" omitempty string}`), false)
	is("embedded", current[outer](`{embedded inner {X int, Y int}, Z omitempty map[string][]*{X float64, Y float64}}`), true)
	is("not embedded", current[outer](`{inner {X int, Y int}, Z omitempty map[string][]*{X float64, Y float64}}`), false)
	is("bytes", current[Blob](`[]byte`), true)
	is("other bytes", current[[]Octet](`[]byte`), false)
	is("own encoding", current[Level](`int`), false)
	is("own encoding inside", current[withText](`{A int}`), false)
	is("time", current[time.Time](`{}`), false)
	is("duration", current[time.Duration](`int64`), true)
	is("recursive", current[self](`{Next *{Next *{}}}`), false)
	is("pointer to what may be nil", current[*[]int](`*[]int`), false)
	is("interface", current[[]any](`[]any`), false)
	is("omitzero", current[Optional](`{}`), false)
	is("keyasint", current[Keyed](`{One "1" int, Two "-2" string, Txt "1" string}`), false)
	is("struct as key", current[map[Point]int](`map[{X float64, Y float64}]int`), false)
	is("empty text", current[int](``), false)
	is("deep", current[[][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][]int](deep), false)
}

func current[T any](layout string) bool {
	return stub.NewCodec[T](layout, nil, nil).Current()
}
