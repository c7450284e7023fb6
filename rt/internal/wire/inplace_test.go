package wire_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// Seal makes the same bytes as Append.
func TestSealIsAppend(t *testing.T) {
	for _, body := range [][]byte{nil, {0x80}, bytes.Repeat([]byte{7}, 100<<10)} {
		for _, deadline := range []time.Duration{0, 1, time.Hour} {
			f := wire.Frame{Kind: wire.KindCall, Method: 3, ID: 4, Deadline: deadline}
			buf := append(bytes.Repeat([]byte{0xff}, wire.Room), body...)
			sealed, err := f.Seal(buf)
			if err != nil {
				t.Fatal(err)
			}
			f.Body = body
			if want := encode(t, f); !bytes.Equal(sealed, want) {
				t.Errorf("%d bytes with deadline %v: % x, want % x", len(body), deadline, sealed[:24], want[:24])
			}
		}
	}
}

func TestSealRefuses(t *testing.T) {
	for _, test := range []struct {
		deadline time.Duration
		body     int
		want     bool
	}{{0, wire.MaxFrame, true}, {0, wire.MaxFrame + 1, false}, {1, wire.MaxFrame - 8, true}, {1, wire.MaxFrame - 7, false}} {
		f := wire.Frame{Kind: wire.KindCall, ID: 1, Deadline: test.deadline}
		_, err := f.Seal(make([]byte, wire.Room+test.body))
		if ok := err == nil; ok != test.want || !ok && !errors.Is(err, wire.ErrFrameTooLarge) {
			t.Errorf("%d bytes with deadline %v: %v", test.body, test.deadline, err)
		}
	}
}

// A borrowed body is valid until the next call, and a body that Next has returned stays
// valid. Ready says when Borrow need not wait.
func TestReaderLends(t *testing.T) {
	small, large := bytes.Repeat([]byte("s"), 100), bytes.Repeat([]byte("l"), 100<<10)
	var stream []byte
	for i, body := range [][]byte{small, large, small, small} {
		stream = append(stream, encode(t, wire.Frame{Kind: wire.KindReply, ID: uint64(i + 1), Body: body})...)
	}
	half := len(stream) - 50
	r := wire.NewReader(&script{stream[:half], errTimeout, stream[half:]}, wire.MaxFrame)
	if r.Ready() {
		t.Error("ready before anything was read")
	}
	kept, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	f, err := r.Borrow()
	if err != nil || wire.Lent(f) || !bytes.Equal(f.Body, large) {
		t.Fatalf("a large body: %d bytes, lent %v, %v", len(f.Body), wire.Lent(f), err)
	}
	if f, err = r.Borrow(); err != nil || !wire.Lent(f) || !bytes.Equal(f.Body, small) {
		t.Fatalf("a small body: %d bytes, lent %v, %v", len(f.Body), wire.Lent(f), err)
	}
	if r.Ready() {
		t.Error("ready although half a frame is here")
	}
	if _, err = r.Borrow(); !errors.Is(err, errTimeout) {
		t.Fatal(err)
	}
	if f, err = r.Borrow(); err != nil || !bytes.Equal(f.Body, small) {
		t.Fatalf("after a timeout: %d bytes, %v", len(f.Body), err)
	}
	if !bytes.Equal(kept.Body, small) || !bytes.Equal(f.Body, small) {
		t.Error("a body changed that belongs to the caller")
	}
}

// Replies that arrived together are ready together.
func TestReaderReady(t *testing.T) {
	one := encode(t, wire.Frame{Kind: wire.KindReply, ID: 1, Body: []byte{0x80}})
	r := wire.NewReader(&script{bytes.Repeat(one, 3)}, wire.MaxFrame)
	for _, want := range []bool{true, true, false} {
		if _, err := r.Borrow(); err != nil {
			t.Fatal(err)
		}
		if got := r.Ready(); got != want {
			t.Errorf("ready: %v, want %v", got, want)
		}
	}
}
