package stub_test

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt/stub"
)

// message encodes and must not fail.
func message(t *testing.T, encode func(e *stub.Encoder)) []byte {
	t.Helper()
	e := stub.NewEncoder(nil, 1<<20)
	encode(e)
	body, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// What does not fit the caller's argument is an error, and so is what comes
// behind it; either way nothing is filled, not even what was good.
func TestFillNothingAfterFailure(t *testing.T) {
	type arguments struct {
		slice  []int
		bytes  []byte
		m      map[string]int
		p, nil *int
		noMap  map[string]int
	}
	for name, test := range map[string]struct {
		send func(e *stub.Encoder)
		fill func(d *stub.Decoder, a *arguments)
		want string
	}{
		"longer slice":   {func(e *stub.Encoder) { stub.Encode(e, make([]int, 4)) }, func(d *stub.Decoder, a *arguments) { stub.Fill(d, a.slice) }, "another number of elements"},
		"shorter slice":  {func(e *stub.Encoder) { stub.Encode(e, make([]int, 2)) }, func(d *stub.Decoder, a *arguments) { stub.Fill(d, a.slice) }, "another number of elements"},
		"nil slice":      {func(e *stub.Encoder) { stub.Encode[[]int](e, nil) }, func(d *stub.Decoder, a *arguments) { stub.Fill(d, a.slice) }, "another number of elements"},
		"other elements": {func(e *stub.Encoder) { stub.Encode(e, []string{"", "", ""}) }, func(d *stub.Decoder, a *arguments) { stub.Fill(d, a.slice) }, "no value of type int"},
		"more bytes":     {func(e *stub.Encoder) { stub.Encode(e, make([]byte, 4)) }, func(d *stub.Decoder, a *arguments) { stub.FillBuffer(d, a.bytes) }, "more bytes"},
		"map for none":   {func(e *stub.Encoder) { stub.Encode(e, map[string]int{"a": 1}) }, func(d *stub.Decoder, a *arguments) { stub.Fill(d, a.noMap) }, "a map that is nil"},
		"null for value": {func(e *stub.Encoder) { stub.Encode[*int](e, nil) }, func(d *stub.Decoder, a *arguments) { stub.Fill(d, a.p) }, "nil instead of a value"},
		"value for nil":  {func(e *stub.Encoder) { stub.Encode(e, new(int)) }, func(d *stub.Decoder, a *arguments) { stub.Fill(d, a.nil) }, "a value instead of nil"},
		"one too many":   {func(e *stub.Encoder) { stub.Encode(e, 1); stub.Encode(e, 2) }, func(d *stub.Decoder, a *arguments) { stub.Fill(d, a.p) }, "the message has 8 values"},
		"one too few":    {func(e *stub.Encoder) {}, func(d *stub.Decoder, a *arguments) { stub.Fill(d, a.p) }, "the message has 6 values"},
	} {
		t.Run(name, func(t *testing.T) {
			make := func() arguments {
				return arguments{slice: []int{1, 2, 3}, bytes: []byte("abc"), m: map[string]int{"x": 1}, p: new(int)}
			}
			a := make()
			d, err := stub.NewDecoder(nil, message(t, func(e *stub.Encoder) {
				stub.Encode(e, []int{7, 8, 9})
				stub.Encode(e, []byte("xyz"))
				stub.Encode(e, map[string]int{"y": 2})
				n := 5
				stub.Encode(e, &n)
				stub.Encode(e, "between")
				stub.Encode(e, 1)
				test.send(e)
			}))
			if err != nil {
				t.Fatal(err)
			}
			stub.Fill(d, a.slice)
			stub.FillBuffer(d, a.bytes)
			stub.Fill(d, a.m)
			stub.Fill(d, a.p)
			var between string
			var one int
			stub.Decode(d, &between)
			stub.Decode(d, &one)
			test.fill(d, &a)
			if err := d.End(); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("End: got %v, want %q", err, test.want)
			}
			if want := make(); !reflect.DeepEqual(a, want) {
				t.Errorf("arguments: got %v, want %v", a, want)
			}
		})
	}
}

func TestFill(t *testing.T) {
	type row struct{ A, B int }
	whole := []row{{1, 2}, {3, 4}, {5, 6}}
	m := map[string]row{"x": {1, 1}, "y": {2, 2}}
	alias := m
	p := &row{1, 2}
	buf := []byte("abcdef")
	d, err := stub.NewDecoder(nil, message(t, func(e *stub.Encoder) {
		stub.Encode(e, []row{{7, 7}, {8, 8}})
		stub.Encode(e, map[string]row{"y": {3, 3}, "z": {4, 4}})
		stub.Encode(e, &row{9, 9})
		stub.EncodeFilled(e, []byte("xyz..."), 3)
		stub.EncodeFilled(e, []byte("xyz"), -1)
	}))
	if err != nil {
		t.Fatal(err)
	}
	stub.Fill(d, whole[:2])
	stub.Fill(d, m)
	stub.Fill(d, p)
	stub.FillBuffer(d, buf)
	stub.FillBuffer(d, buf[3:])
	if err := d.End(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, got, want string }{
		{"slice", fmt.Sprint(whole), "[{7 7} {8 8} {5 6}]"},
		{"map", fmt.Sprint(alias), "map[y:{3 3} z:{4 4}]"},
		{"pointer", fmt.Sprint(*p), "{9 9}"},
		{"buffer", string(buf), "xyzdef"},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, c.got, c.want)
		}
	}
}

func TestBufferLengths(t *testing.T) {
	for _, p := range [][]byte{nil, {}, make([]byte, 1), make([]byte, 900000)} {
		for name, encode := range map[string]func(*stub.Encoder, []byte){"EncodeBuffer": stub.EncodeBuffer, "EncodeRoom": stub.EncodeRoom} {
			d, err := stub.NewDecoder(nil, message(t, func(e *stub.Encoder) { encode(e, p) }))
			if err != nil {
				t.Fatal(err)
			}
			got := []byte("old")
			stub.DecodeLen(d, &got)
			if err := d.End(); err != nil || len(got) != len(p) || (got == nil) != (p == nil) {
				t.Errorf("%s of %d bytes, nil %v: got %d, nil %v, %v", name, len(p), p == nil, len(got), got == nil, err)
			}
		}
	}
	e := stub.NewEncoder(nil, 1<<20)
	stub.EncodeBuffer(e, make([]byte, 1<<20))
	if _, err := e.Finish(); !errors.Is(err, stub.ErrTooLarge) {
		t.Errorf("EncodeBuffer of more than fits: got %v", err)
	}
	d, err := stub.NewDecoder(nil, message(t, func(e *stub.Encoder) { stub.EncodeRoom(e, make([]byte, 1<<20)) }))
	if err != nil {
		t.Fatal(err)
	}
	var p []byte
	if stub.DecodeLen(d, &p); len(p) == 0 || len(p) >= 1<<20 {
		t.Errorf("EncodeRoom of more than fits: got %d", len(p))
	}
	for _, n := range []int{-1, 1 << 30, math.MaxInt} {
		d, err := stub.NewDecoder(nil, message(t, func(e *stub.Encoder) { stub.Encode(e, n) }))
		if err != nil {
			t.Fatal(err)
		}
		stub.DecodeLen(d, &p)
		if err := d.End(); err == nil || p != nil {
			t.Errorf("a buffer of %d bytes: got one of %d, %v", n, len(p), err)
		}
	}
}

// formatter sends the state that it is printed with to itself and prints there.
type formatter struct{ t *testing.T }

func (f formatter) Format(there fmt.State, verb rune) {
	args, err := stub.NewDecoder(nil, message(f.t, func(e *stub.Encoder) { stub.EncodeState(e, there) }))
	if err != nil {
		f.t.Fatal(err)
	}
	var here fmt.State
	stub.DecodeState(args, &here)
	if err := args.End(); err != nil {
		f.t.Fatal(err)
	}
	fmt.Fprintf(here, fmt.FormatString(here, verb)+"\xff", 1.5)
	results, err := stub.NewDecoder(nil, message(f.t, func(e *stub.Encoder) { stub.EncodeWritten(e, here) }))
	if err != nil {
		f.t.Fatal(err)
	}
	stub.FillState(results, there)
	if err := results.End(); err != nil {
		f.t.Fatal(err)
	}
}

func TestState(t *testing.T) {
	for _, format := range []string{"%v", "%+v", "%#v", "%q", "%8.3f|", "%-8.0f|", "%+08.2f", "% f", "%0*.*f", "%.f", "%1.0e"} {
		args := []any{formatter{t}}
		plain := []any{1.5}
		if strings.Contains(format, "*") {
			args, plain = append([]any{9, 2}, args...), append([]any{9, 2}, plain...)
		}
		got := fmt.Sprintf(format, args...)
		want := fmt.Sprintf(strings.TrimSuffix(format, "|"), plain...) + "\xff"
		if strings.HasSuffix(format, "|") {
			want += "|"
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", format, got, want)
		}
	}
}

type resolver struct{ v slog.Value }

func (r resolver) LogValue() slog.Value { return r.v }

func TestLogValue(t *testing.T) {
	for _, v := range []slog.Value{
		{},
		slog.BoolValue(true), slog.BoolValue(false),
		slog.IntValue(-5), slog.Int64Value(math.MinInt64), slog.Uint64Value(math.MaxUint64),
		slog.Float64Value(math.Inf(-1)), slog.Float64Value(math.Copysign(0, -1)),
		slog.StringValue(""), slog.StringValue("text"),
		slog.DurationValue(-time.Second),
		slog.TimeValue(time.Time{}), slog.TimeValue(time.Unix(5, 7)),
		slog.GroupValue(), slog.GroupValue(slog.Int("a", 1), slog.Group("b", slog.String("c", "d"))),
	} {
		got := sendLogValue(t, slog.AnyValue(resolver{v}))
		if !got.Equal(v) || got.Kind() != v.Kind() {
			t.Errorf("got %v %v, want %v %v", got.Kind(), got, v.Kind(), v)
		}
	}
	for _, c := range []struct {
		v    any
		want string
	}{
		{errors.New("broken"), "broken"},
		{struct{ A int }{1}, "{A:1}"},
		{[]byte("\xff"), "[255]"},
		{error(textError("\xff")), "\ufffd"},
	} {
		if got := sendLogValue(t, slog.AnyValue(c.v)); got.Kind() != slog.KindString || got.String() != c.want {
			t.Errorf("%v: got %v %v, want %q", c.v, got.Kind(), got, c.want)
		}
	}
}

type textError string

func (e textError) Error() string { return string(e) }

func sendLogValue(t *testing.T, v slog.Value) (got slog.Value) {
	t.Helper()
	d, err := stub.NewDecoder(nil, message(t, func(e *stub.Encoder) { stub.EncodeLogValue(e, v) }))
	if err != nil {
		t.Fatal(err)
	}
	stub.DecodeLogValue(d, &got)
	if err := d.End(); err != nil {
		t.Fatal(err)
	}
	return got
}

// What a fluent method returns of itself is not sent, so it may as well return nothing.
func TestSignatureOfFluent(t *testing.T) {
	s := &stub.Service{Methods: []stub.Method{
		{Func: func(*receiver, int) {}},
		{Func: func(*receiver, int) *receiver { return nil }, Fluent: true},
		{Func: func(*receiver) (*receiver, error) { return nil, nil }, Fluent: true},
	}}
	for i, want := range []string{"func(int)", "func(int)", "func() error"} {
		if got := s.Signature(i); got != want {
			t.Errorf("method %d: got %s, want %s", i, got, want)
		}
		if got, want := s.Fails(i), i == 2; got != want {
			t.Errorf("method %d: got fails %t, want %t", i, got, want)
		}
	}
}

// Two builds of which one copies back do not agree on a method.
func TestSignatureOfCopiedBack(t *testing.T) {
	method := func(*receiver, []byte, map[string]int) (int, error) { return 0, nil }
	s := &stub.Service{Methods: []stub.Method{
		{Func: method},
		{Func: method, Out: []int{0}},
		{Func: method, InOut: []int{0, 1}},
	}}
	for i, want := range []string{
		"func([]uint8, map[string]int) (int, error)",
		"func(out []uint8, map[string]int) (int, error)",
		"func(inout []uint8, inout map[string]int) (int, error)",
	} {
		if got := s.Signature(i); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
