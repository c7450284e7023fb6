package stub_test

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/loopgen/loopgen/rt/stub"
)

// through sends args, calls method with what arrives, and copies the differences back as
// generated code does. It returns the error of the client's decoder.
func through[T any](t *testing.T, method func(T), arg T) error {
	t.Helper()
	reply := changesOf(t, method, arg)
	d, err := stub.NewDecoder(nil, reply)
	if err != nil {
		t.Fatal(err)
	}
	stub.FillChanges(d, arg)
	return d.End()
}

// changesOf is the daemon's side of through, and returns its reply.
func changesOf[T any](t *testing.T, method func(T), arg T) []byte {
	t.Helper()
	args := message(t, func(e *stub.Encoder) { stub.Encode(e, arg) })
	d, err := stub.NewDecoder(nil, args)
	if err != nil {
		t.Fatal(err)
	}
	run := stub.MakeRun(host(func() error { return nil }), &stub.Method{Compared: []int{0}}, d, stub.NewEncoder(nil, 1<<20))
	var p T
	stub.DecodeArg(&run, &p)
	if !run.Begin() {
		t.Fatal(run.Err())
	}
	method(p)
	stub.SendBack(&run)
	reply, err := run.Results.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(reply)
}

type (
	octet    byte
	octets   []octet
	label    [3]byte
	measured struct {
		N     int
		On    bool
		Label label
		Parts [2]struct {
			F float32
			C complex64
		}
		D complex128
		U uint16
	}
)

// Each kind of flat memory comes back as the method left it.
func TestChanges(t *testing.T) {
	large := func(f func(p []byte)) func(t *testing.T) {
		return func(t *testing.T) { // these bytes are those of the request, too
			p := bytes.Repeat([]byte{7}, 64<<10)
			want := bytes.Clone(p)
			f(want)
			if err := through(t, f, p); err != nil || !bytes.Equal(p, want) {
				t.Errorf("%v, equal %v", err, bytes.Equal(p, want))
			}
		}
	}
	t.Run("one byte of many", large(func(p []byte) { p[40000] = 1 }))
	t.Run("every other byte", large(func(p []byte) {
		for i := 0; i < len(p); i += 2 {
			p[i] = byte(i)
		}
	}))
	t.Run("all bytes", large(func(p []byte) { clear(p) }))
	t.Run("no byte", large(func(p []byte) {}))

	t.Run("resliced", func(t *testing.T) {
		p := []int{1, 2, 3}
		if err := through(t, func(p []int) { p = p[1:]; p[0] = 9; p = []int{4}; p[0] = 8 }, p); err != nil || !reflect.DeepEqual(p, []int{1, 9, 3}) {
			t.Errorf("%v, %v", p, err)
		}
	})
	t.Run("integers", func(t *testing.T) {
		p := []int{0, -1, math.MaxInt, 3}
		if err := through(t, func(p []int) { p[0], p[2] = math.MinInt, -p[2] }, p); err != nil || !reflect.DeepEqual(p, []int{math.MinInt, -1, -math.MaxInt, 3}) {
			t.Errorf("%v, %v", p, err)
		}
	})
	t.Run("named bytes", func(t *testing.T) {
		p := octets{1, 2, 3}
		if err := through(t, func(p octets) { p[1] = 9 }, p); err != nil || p[1] != 9 {
			t.Errorf("%v, %v", p, err)
		}
	})
	t.Run("structs", func(t *testing.T) {
		change := func(p []measured) {
			s := &p[1]
			s.N, s.On, s.Label[2], s.U = -5, true, 9, 65535
			s.Parts[1].F, s.Parts[1].C, s.D = 1.5, complex(1, -2), complex(-3, 4)
		}
		p, want := make([]measured, 3), make([]measured, 3)
		change(want)
		if err := through(t, change, p); err != nil || !reflect.DeepEqual(p, want) {
			t.Errorf("%v, %v", p, err)
		}
		if err := through(t, func(s *measured) { s.Parts[0].C += 1i }, &p[0]); err != nil || p[0].Parts[0].C != 1i {
			t.Errorf("%v, %v", p[0], err)
		}
	})
	t.Run("nil", func(t *testing.T) {
		if err := errors.Join(through(t, func([]int) {}, nil), through(t, func(*measured) {}, nil), through(t, func([]byte) {}, nil), through(t, func([]byte) {}, []byte{})); err != nil {
			t.Error(err)
		}
	})
	t.Run("one more than once", func(t *testing.T) {
		n := 1
		for range 3 {
			if err := through(t, func(p *int) { *p *= 2 }, &n); err != nil {
				t.Fatal(err)
			}
		}
		if n != 8 {
			t.Errorf("got %d, want 8", n)
		}
	})
}

// Bits are compared and written: 0 and -0 differ, and a NaN is equal to itself.
func TestChangesAreExact(t *testing.T) {
	signalling := math.Float32frombits(0x7fb29792)
	for name, test := range map[string]struct{ before, after float32 }{
		"the same NaN":     {float32(math.NaN()), float32(math.NaN())},
		"-0":               {0, float32(math.Copysign(0, -1))},
		"0":                {float32(math.Copysign(0, -1)), 0},
		"another NaN":      {float32(math.NaN()), math.Float32frombits(0x7fc00001)},
		"a signalling NaN": {1, signalling},
	} {
		p := []float32{test.before}
		reply := changesOf(t, func(p []float32) { p[0] = test.after }, p)
		if changed := !bytes.Equal(reply, []byte{0x81, 0xf6}); changed != (math.Float32bits(test.before) != math.Float32bits(test.after)) {
			t.Errorf("%s: changed %v", name, changed)
		}
		d, _ := stub.NewDecoder(nil, reply)
		stub.FillChanges(d, p)
		if err := d.End(); err != nil || math.Float32bits(p[0]) != math.Float32bits(test.after) {
			t.Errorf("%s: got %#x, %v", name, math.Float32bits(p[0]), err)
		}
	}
}

// Leaves that do not differ are not written.
func TestChangesLeaveTheRest(t *testing.T) {
	p := measured{N: 1}
	reply := changesOf(t, func(p *measured) { p.U = 3 }, &p)
	p.N, p.On, p.Parts[0].C = 2, true, 5i // by another goroutine of the caller, which waits for nobody
	d, _ := stub.NewDecoder(nil, reply)
	stub.FillChanges(d, &p)
	if err := d.End(); err != nil || p.N != 2 || !p.On || p.Parts[0].C != 5i || p.U != 3 {
		t.Errorf("%+v, %v", p, err)
	}
}

// The encoding is in PROTOCOL.md.
func TestChangesOnTheWire(t *testing.T) {
	for name, test := range map[string]struct{ got, want []byte }{
		"none":    {changesOf(t, func([]byte) {}, []byte{1, 2, 3}), []byte{0x81, 0xf6}},
		"bytes":   {changesOf(t, func(p []byte) { p[1], p[2], p[4] = 8, 9, 7 }, make([]byte, 5)), []byte{0x81, 0x47, 1, 2, 8, 9, 1, 1, 7}},
		"ints":    {changesOf(t, func(p []int) { p[1] = -2 }, []int{1, 2}), []byte{0x81, 0x4a, 1, 1, 255, 255, 255, 255, 255, 255, 255, 254}},
		"int16":   {changesOf(t, func(p *[2]int16) { p[0] = 258 }, new([2]int16)), []byte{0x81, 0x44, 0, 1, 1, 2}},
		"complex": {changesOf(t, func(p *complex64) { *p = 1i }, new(complex64)), []byte{0x81, 0x46, 1, 1, 0x3f, 0x80, 0, 0}},
	} {
		if !bytes.Equal(test.got, test.want) {
			t.Errorf("%s: got % x, want % x", name, test.got, test.want)
		}
	}
}

// Differences that the memory cannot have are refused as a whole.
func TestChangesRefused(t *testing.T) {
	run := func(same, count byte, leaves ...byte) []byte { return append([]byte{same, count}, leaves...) }
	for name, changes := range map[string][]byte{
		"beyond the end":  run(2, 2, 1, 1),
		"begins beyond":   run(4, 1, 1),
		"no leaves":       run(0, 0),
		"too few bytes":   run(0, 2, 1),
		"a number only":   {1},
		"a long number":   bytes.Repeat([]byte{0xff}, 12),
		"a large number":  {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1, 1},
		"no bool":         run(0, 1, 2),
		"good, then bad":  append(run(0, 1, 1), run(0, 9)...),
		"a trailing byte": append(run(0, 1, 1), 0),
	} {
		p := []bool{false, false, false}
		d, err := stub.NewDecoder(nil, message(t, func(e *stub.Encoder) { stub.Encode(e, changes) }))
		if err != nil {
			t.Fatal(err)
		}
		stub.FillChanges(d, p)
		if err := d.End(); err == nil || p[0] || p[1] || p[2] {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
	d, _ := stub.NewDecoder(nil, message(t, func(e *stub.Encoder) { stub.Encode(e, run(0, 1, 1)) }))
	stub.FillChanges[[]bool](d, nil)
	if err := d.End(); err == nil {
		t.Error("nil memory was changed")
	}
	// The type has changed since the code was generated.
	d, _ = stub.NewDecoder(nil, message(t, func(e *stub.Encoder) { stub.Encode(e, []string{"a"}) }))
	var texts []string
	call := stub.MakeRun(host(func() error { return nil }), &stub.Method{Compared: []int{0}}, d, stub.NewEncoder(nil, 1<<20))
	stub.DecodeArg(&call, &texts)
	if err := d.End(); err == nil || !strings.Contains(err.Error(), "run go generate again") {
		t.Errorf("got %v", err)
	}
}

// Two arguments that share memory are no problem until the method changes them. Then
// nothing is written, of the other arguments neither.
func TestOverlap(t *testing.T) {
	memory := make([]int, 10)
	m := map[string]int{"a": 1}
	for name, test := range map[string]struct {
		fill func(d *stub.Decoder)
		want error
	}{
		"apart":          {func(d *stub.Decoder) { stub.FillChanges(d, memory[:5]); stub.FillChanges(d, memory[5:]) }, nil},
		"the same":       {func(d *stub.Decoder) { stub.FillChanges(d, memory[:5]); stub.FillChanges(d, memory[:5]) }, stub.ErrOverlap},
		"by an element":  {func(d *stub.Decoder) { stub.FillChanges(d, memory[:6]); stub.FillChanges(d, memory[5:]) }, stub.ErrOverlap},
		"one inside":     {func(d *stub.Decoder) { stub.FillChanges(d, memory); stub.FillChanges(d, memory[4:4:4]) }, nil},
		"a variable":     {func(d *stub.Decoder) { stub.FillChanges(d, memory); stub.FillChanges(d, &memory[9]) }, stub.ErrOverlap},
		"with FillSlice": {func(d *stub.Decoder) { stub.Fill(d, memory[:1]); stub.FillChanges(d, memory[:3]) }, stub.ErrOverlap},
		"with FillPointer": {func(d *stub.Decoder) { stub.Fill(d, &memory[0]); stub.FillChanges(d, memory[:3]) },
			stub.ErrOverlap},
		"a map twice": {func(d *stub.Decoder) { stub.Fill(d, m); stub.Fill(d, m) }, stub.ErrOverlap},
	} {
		clear(memory)
		reply := message(t, func(e *stub.Encoder) {
			switch {
			case strings.HasSuffix(name, "FillSlice"):
				stub.Encode(e, []int{7})
			case strings.HasSuffix(name, "FillPointer"):
				stub.Encode(e, 7)
			case name == "a map twice":
				stub.Encode(e, map[string]int{"b": 1})
				stub.Encode(e, map[string]int{"c": 1})
				return
			default:
				stub.Encode(e, []byte{0, 1, 0, 0, 0, 0, 0, 0, 0, 7})
			}
			stub.Encode[[]byte](e, nil)
		})
		d, err := stub.NewDecoder(nil, reply)
		if err != nil {
			t.Fatal(err)
		}
		test.fill(d)
		if err := d.End(); err != test.want {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
		if written := memory[0] != 0; written != (test.want == nil) {
			t.Errorf("%s: written %v", name, written)
		}
	}
	if len(m) != 1 || m["a"] != 1 {
		t.Errorf("the map was changed: %v", m)
	}
	d, _ := stub.NewDecoder(nil, message(t, func(e *stub.Encoder) { stub.Encode[[]byte](e, nil); stub.Encode[[]byte](e, nil) }))
	stub.FillChanges(d, memory)
	stub.FillChanges(d, memory)
	if err := d.End(); err != nil {
		t.Errorf("without a change: %v", err)
	}
}

// An argument whose bytes are part of the request is not mistaken for unchanged by a
// call that follows, nor are two arguments for each other.
func TestTwoCompared(t *testing.T) {
	args := message(t, func(e *stub.Encoder) {
		stub.Encode(e, []byte{1, 2})
		stub.Encode[*int](e, nil)
		stub.Encode(e, []int{3, 4})
	})
	d, _ := stub.NewDecoder(nil, args)
	run := stub.MakeRun(host(func() error { return nil }), &stub.Method{Compared: []int{0, 1, 2}}, d, stub.NewEncoder(nil, 1<<20))
	var p []byte
	var q *int
	var r []int
	stub.DecodeArg(&run, &p)
	stub.DecodeArg(&run, &q)
	stub.DecodeArg(&run, &r)
	if !run.Begin() {
		t.Fatal(run.Err())
	}
	r[1] = 5
	stub.SendBack(&run)
	reply, err := run.Results.Finish()
	if want := []byte{0x83, 0xf6, 0xf6, 0x4a, 1, 1, 0, 0, 0, 0, 0, 0, 0, 5}; err != nil || !bytes.Equal(reply, want) {
		t.Errorf("got % x, %v, want % x", reply, err, want)
	}
}

// A slice of bytes that nothing changes costs no allocation, on both sides.
func TestUnchangedBytesAllocate(t *testing.T) {
	p := make([]byte, 1<<10)
	args := message(t, func(e *stub.Encoder) { stub.Encode(e, p) })
	reply := message(t, func(e *stub.Encoder) { stub.Encode[[]byte](e, nil) })
	var d stub.Decoder
	sent, method := stub.NewEncoder(nil, 1<<20), &stub.Method{Compared: []int{0}}
	if n := testing.AllocsPerRun(100, func() {
		sent.Reset(nil, 1<<20, 0)
		sent.For(method)
		stub.EncodeArg(sent, p)
		_ = d.Reset(nil, reply)
		stub.TakeBack(sent, &d)
		_ = d.End()
	}); n > 0 {
		t.Errorf("client: %v allocations", n)
	}
	results := stub.NewEncoder(nil, 1<<20)
	now := host(func() error { return nil })
	if n := testing.AllocsPerRun(100, func() {
		_ = d.Reset(nil, args)
		results.Reset(nil, 1<<20, 0)
		run := stub.MakeRun(now, method, &d, results)
		var arg []byte
		stub.DecodeArg(&run, &arg)
		if run.Begin() {
			stub.SendBack(&run)
		}
	}); n > 2 { // the argument, and the run, which is a part of the call in a daemon
		t.Errorf("daemon: %v allocations", n)
	}
}
