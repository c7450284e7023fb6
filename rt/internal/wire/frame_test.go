package wire_test

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

type frameVector struct {
	Name, Comment string
	Input         hexBytes
	Limit         int
	Verdict       string
	Frame         *struct {
		Kind           string
		Method         uint16
		ID             uint64        `json:",string"`
		Deadline       time.Duration `json:",string"`
		Parent, Target uint64        `json:",string"`
		Metadata       map[string]string
		Body           hexBytes
	}
	Unsupported *struct {
		Kind  wire.Kind
		Flags uint8
		ID    uint64 `json:",string"`
	}
}

func TestFrameVectors(t *testing.T) {
	for _, v := range vectors[[]frameVector](t, "frames.json") {
		t.Run(v.Name, func(t *testing.T) {
			limit := v.Limit
			if limit == 0 {
				limit = wire.MaxFrame
			}
			// Reading at once and reading byte by byte must have the same result.
			for _, src := range []io.Reader{bytes.NewReader(v.Input), iotest.OneByteReader(bytes.NewReader(v.Input))} {
				frame, err := wire.NewReader(src, limit).Next()
				if got := verdict(err); got != v.Verdict {
					t.Fatalf("verdict: got %q (%v), want %q", got, err, v.Verdict)
				}
				switch {
				case v.Frame != nil:
					checkFrame(t, v, frame)
				case v.Unsupported != nil:
					checkUnsupported(t, v, err)
				}
			}
		})
	}
}

func checkFrame(t *testing.T, v frameVector, frame wire.Frame) {
	t.Helper()
	if got := frame.Kind.String(); got != v.Frame.Kind {
		t.Errorf("kind: got %q, want %q", got, v.Frame.Kind)
	}
	want := wire.Frame{Kind: frame.Kind, Method: v.Frame.Method, ID: v.Frame.ID, Deadline: v.Frame.Deadline,
		Parent: v.Frame.Parent, Target: v.Frame.Target, Metadata: v.Frame.Metadata, Body: v.Frame.Body}
	if len(frame.Body) == 0 && len(want.Body) == 0 {
		frame.Body, want.Body = nil, nil
	}
	if !reflect.DeepEqual(frame, want) {
		t.Errorf("frame: got %+v, want %+v", frame, want)
	}
	again, err := want.Append([]byte("before"))
	if err != nil {
		t.Fatal(err)
	}
	if want := append([]byte("before"), v.Input...); !bytes.Equal(again, want) {
		t.Errorf("written: got %x, want %x", again, want)
	}
}

// checkUnsupported checks the error, and that the next frame can be read.
func checkUnsupported(t *testing.T, v frameVector, err error) {
	t.Helper()
	var got *wire.UnsupportedError
	if !errors.As(err, &got) {
		t.Fatalf("got %v, want an *UnsupportedError", err)
	}
	if want := (wire.UnsupportedError{Kind: v.Unsupported.Kind, Flags: v.Unsupported.Flags, ID: v.Unsupported.ID}); *got != want {
		t.Errorf("got %+v, want %+v", *got, want)
	}
	stream, err := (&wire.Frame{Kind: wire.KindReply, ID: 42, Body: []byte{0x80}}).Append(v.Input)
	if err != nil {
		t.Fatal(err)
	}
	r := wire.NewReader(bytes.NewReader(stream), wire.MaxFrame)
	r.Next()
	if next, err := r.Next(); err != nil || next.ID != 42 {
		t.Errorf("the next frame: got %+v, %v, want reply 42", next, err)
	}
}

func TestFrameAppendRefuses(t *testing.T) {
	tooMuch := make([]byte, wire.MaxFrame+1)
	for _, c := range []struct {
		name     string
		frame    wire.Frame
		tooLarge bool
	}{
		{"no kind", wire.Frame{}, false},
		{"reserved kind", wire.Frame{Kind: wire.KindAbandon + 1}, false},
		{"negative deadline", wire.Frame{Kind: wire.KindCall, Deadline: -1}, false},
		{"reply with a deadline", wire.Frame{Kind: wire.KindReply, Deadline: 1}, false},
		{"reply with metadata", wire.Frame{Kind: wire.KindReply, Metadata: map[string]string{}}, false},
		{"cancel with a target", wire.Frame{Kind: wire.KindCancel, Target: 1}, false},
		{"body over the limit", wire.Frame{Kind: wire.KindCall, Body: tooMuch}, true},
		{"body and word over the limit", wire.Frame{Kind: wire.KindCall, Parent: 1, Body: tooMuch[:wire.MaxFrame-7]}, true},
		{"metadata over the limit", wire.Frame{Kind: wire.KindCall, Metadata: map[string]string{"k": strings.Repeat("v", wire.MaxMetadata)}}, true},
		{"metadata not UTF-8", wire.Frame{Kind: wire.KindCall, Metadata: map[string]string{"k": "\xff"}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			dst := []byte("before")
			got, err := c.frame.Append(dst)
			if err == nil || errors.Is(err, wire.ErrFrameTooLarge) != c.tooLarge {
				t.Errorf("got error %v, want one that is ErrFrameTooLarge: %v", err, c.tooLarge)
			}
			if string(got) != "before" {
				t.Errorf("got %d bytes, want dst as it was", len(got))
			}
		})
	}
	full := wire.Frame{Kind: wire.KindCall, Parent: 1, Body: tooMuch[:wire.MaxFrame-8]}
	if _, err := full.Append(nil); err != nil {
		t.Errorf("a frame of exactly the limit: %v", err)
	}
}

func TestPutID(t *testing.T) {
	frame, err := (&wire.Frame{Kind: wire.KindCall, Method: 7, Deadline: 5, Body: []byte{0x80}}).Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	wire.PutID(frame, 1<<63+9)
	got, err := wire.NewReader(bytes.NewReader(frame), wire.MaxFrame).Next()
	if err != nil || got.ID != 1<<63+9 || got.Method != 7 || got.Deadline != 5 {
		t.Errorf("got %+v, %v", got, err)
	}
	if !wire.OpenedByDaemon(got.ID) || wire.OpenedByDaemon(9) {
		t.Error("the top bit does not say which side opened the exchange")
	}
}

func TestKindString(t *testing.T) {
	for kind, want := range map[wire.Kind]string{0: "kind 0", wire.KindHello: "hello", wire.KindGoingAway: "going-away", wire.KindAbandon: "abandon", 13: "callback", 20: "daemon-opened call", 21: "kind 21", 255: "kind 255"} {
		if got := kind.String(); got != want {
			t.Errorf("Kind(%d): got %q, want %q", uint8(kind), got, want)
		}
	}
}

func FuzzFrame(f *testing.F) {
	for _, v := range vectors[[]frameVector](f, "frames.json") {
		f.Add([]byte(v.Input), uint16(v.Limit))
	}
	f.Fuzz(func(t *testing.T, stream []byte, limit uint16) {
		r := wire.NewReader(bytes.NewReader(stream), int(limit))
		dripped := wire.NewReader(iotest.OneByteReader(bytes.NewReader(stream)), int(limit))
		for {
			frame, err := r.Next()
			other, otherErr := dripped.Next()
			if verdict(err) != verdict(otherErr) || !reflect.DeepEqual(frame, other) {
				t.Fatalf("whole: %+v, %v; byte by byte: %+v, %v", frame, err, other, otherErr)
			}
			var unsupported *wire.UnsupportedError
			if errors.As(err, &unsupported) {
				continue
			}
			if err != nil {
				return
			}
			written, err := frame.Append(nil)
			if err != nil {
				t.Fatalf("the frame that was read cannot be written: %v", err)
			}
			again, err := wire.NewReader(bytes.NewReader(written), wire.MaxFrame).Next()
			if err != nil || !reflect.DeepEqual(again, frame) {
				t.Fatalf("got %+v, %v, want %+v", again, err, frame)
			}
		}
	})
}
