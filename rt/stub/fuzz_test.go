package stub_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt/stub"
)

// fuzzed decodes data as a T. Whatever is decoded must be possible to send,
// and come back the same.
func fuzzed[T any](t *testing.T, data []byte) {
	v, err := decode[T](data)
	if err != nil {
		return
	}
	body, err := encode(v)
	if err != nil && strings.Contains(err.Error(), "left out by") {
		return // a negative zero in an array with omitzero
	}
	if err != nil {
		t.Fatalf("%x was decoded as %#v, but is not encoded: %v", data, v, err)
	}
	again, err := decode[T](body)
	if err != nil || !same(reflect.ValueOf(&v).Elem(), reflect.ValueOf(&again).Elem()) {
		t.Fatalf("got %#v, %v, want %#v", again, err, v)
	}
}

func FuzzDecode(f *testing.F) {
	for seed := range uint64(30) {
		r := &random{Rand: rand.New(rand.NewPCG(seed, 9))}
		var all Everything
		var node Node
		r.fill(reflect.ValueOf(&all).Elem(), 3)
		r.fill(reflect.ValueOf(&node).Elem(), 3)
		for _, v := range []func() ([]byte, error){
			func() ([]byte, error) { return encode(all) },
			func() ([]byte, error) { return encode(all.T) },
			func() ([]byte, error) { return encode(all.Opt) },
			func() ([]byte, error) { return encode(all.ByT) },
			func() ([]byte, error) { return encode(all.ByF) },
			func() ([]byte, error) { return encode(node) },
		} {
			body, err := v()
			if err != nil {
				f.Fatal(err)
			}
			f.Add(body)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzed[int](t, data)
		fuzzed[uint16](t, data)
		fuzzed[float32](t, data)
		fuzzed[string](t, data)
		fuzzed[[]byte](t, data)
		fuzzed[[3]byte](t, data)
		fuzzed[time.Time](t, data)
		fuzzed[**int](t, data)
		fuzzed[Nested](t, data)
		fuzzed[Tree](t, data)
		fuzzed[map[float64]Celsius](t, data)
		fuzzed[map[time.Time]int](t, data)
		fuzzed[map[netip.Addr]int](t, data)
		fuzzed[Node](t, data)
		fuzzed[Optional](t, data)
		fuzzed[Keyed](t, data)
	})
}

func FuzzError(f *testing.F) {
	for _, err := range []error{nil, errFull, ParseError{3, errFull}, &ParseError{4, nil}, errors.Join(errFull, errors.New("x"))} {
		e := stub.NewEncoder(service, limit)
		e.Error(err)
		body, fail := e.Finish()
		if fail != nil {
			f.Fatal(fail)
		}
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := stub.NewDecoder(service, data)
		if err != nil {
			return
		}
		err = d.Error()
		if d.End() != nil || err == nil {
			return
		}
		_ = err.Error()
		_ = errors.Is(err, errFull)
		e := stub.NewEncoder(service, limit)
		e.Error(err)
		body, fail := e.Finish()
		if fail != nil {
			t.Fatalf("%x was decoded as %v, but is not encoded: %v", data, err, fail)
		}
		d, fail = stub.NewDecoder(service, body)
		if fail != nil {
			t.Fatal(fail)
		}
		again := d.Error()
		if fail := d.End(); fail != nil || again == nil {
			t.Fatalf("got %v, %v from %x", again, fail, bytes.Clone(body))
		}
	})
}
