package stub_test

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopgen/loopgen/rt/stub"
)

// misbehaves does what how says, or returns.
func misbehaves(how string) {
	switch how {
	case "panics":
		panic("oh")
	case "exits":
		runtime.Goexit()
	case "blocks":
		time.Sleep(time.Hour) // of the bubble's time
	}
}

// odd is an error one of whose methods misbehaves.
type odd struct{ method, how string }

func (o odd) in(method string) {
	if o.method == method {
		misbehaves(o.how)
	}
}

func (o odd) Error() string { o.in("Error"); return "odd" }
func (o odd) Unwrap() error { o.in("Unwrap"); return io.EOF }
func (o odd) Is(error) bool { panic("Is is not to be called") }
func (o odd) As(any) bool   { panic("As is not to be called") }

// Rebellious is an error whose own encoding misbehaves.
type Rebellious struct{ Code OddCode }

// OddCode is a number whose own encoding misbehaves: when it is encoded, or else
// the second time that it is decoded, which is in the receiver.
type OddCode struct {
	encoding, decoding string
}

func (r *Rebellious) Error() string { return "rebellious" }

func (o OddCode) MarshalText() ([]byte, error) {
	misbehaves(o.encoding)
	return []byte(o.encoding + "/" + o.decoding), nil
}

var decodings int

func (o *OddCode) UnmarshalText(text []byte) error {
	o.encoding, o.decoding, _ = strings.Cut(string(text), "/")
	if decodings++; decodings == 2 {
		misbehaves(o.decoding)
	}
	return nil
}

// An error is sent and returned, within a second, whatever its methods do.
func TestErrorsWhoseMethodsMisbehave(t *testing.T) {
	s := &stub.Service{Name: "example.com/test.Odd", ErrorTypes: []stub.ErrorType{stub.ErrorTypeOf[*Rebellious]("Rebellious")}}
	for _, test := range []struct {
		err   error
		want  string
		isEOF bool
	}{
		{odd{}, "odd", true},
		{odd{"Error", "panics"}, "stub_test.odd: panic in its Error method: oh", true},
		{odd{"Error", "exits"}, "stub_test.odd: its Error method called runtime.Goexit", true},
		{odd{"Error", "blocks"}, "stub_test.odd: its Error method did not return within 1s", false},
		{odd{"Unwrap", "panics"}, "odd", false},
		{odd{"Unwrap", "exits"}, "odd", false},
		{odd{"Unwrap", "blocks"}, "odd", false},
		{fmt.Errorf("in: %w", odd{"Unwrap", "exits"}), "in: odd", false},
		{errors.Join(odd{"Error", "exits"}, io.EOF), "stub_test.odd: its Error method called runtime.Goexit\nEOF", true},
		{errors.Join(odd{"Error", "blocks"}, odd{"Error", "blocks"}, io.EOF),
			"stub_test.odd: its Error method did not return within 1s\nstub_test.odd: its Error method did not return within 1s\nEOF", true},
		{&Rebellious{OddCode{encoding: "panics"}}, "rebellious", false},
		{&Rebellious{OddCode{encoding: "exits"}}, "rebellious", false},
		{&Rebellious{OddCode{encoding: "blocks"}}, "rebellious", false},
		{&Rebellious{OddCode{decoding: "panics"}}, "rebellious", false},
		{&Rebellious{OddCode{decoding: "exits"}}, "rebellious", false},
		{&Rebellious{OddCode{decoding: "blocks"}}, "rebellious", false},
	} {
		synctest.Test(t, func(t *testing.T) {
			decodings = 0
			began := time.Now()
			e := stub.NewEncoder(s, 1<<20)
			e.Error(test.err)
			body, err := e.Finish()
			if err != nil {
				t.Fatal(err)
			}
			d, err := stub.NewDecoder(s, body)
			if err != nil {
				t.Fatal(err)
			}
			got := d.Error()
			if err := d.End(); err != nil {
				t.Fatal(err)
			}
			if got.Error() != test.want || errors.Is(got, io.EOF) != test.isEOF {
				t.Errorf("%#v: got %q, which is io.EOF: %v; want %q, %v", test.err, got, errors.Is(got, io.EOF), test.want, test.isEOF)
			}
			if took := time.Since(began); took > time.Second {
				t.Errorf("%#v took %v", test.err, took)
			}
			time.Sleep(24 * time.Hour) // until the methods that block have returned
		})
	}
}
