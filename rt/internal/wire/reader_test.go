package wire_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"reflect"
	"runtime"
	"testing"
	"testing/iotest"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// script is a source with one step per read: bytes, an error, or a function to call before
// the next step.
type script []any

func (s *script) Read(p []byte) (int, error) {
	for len(*s) > 0 {
		switch step := (*s)[0].(type) {
		case func():
			*s = (*s)[1:]
			step()
		case error:
			*s = (*s)[1:]
			return 0, step
		case []byte:
			n := copy(p, step)
			if (*s)[0] = step[n:]; n == len(step) {
				*s = (*s)[1:]
			}
			return n, nil
		}
	}
	return 0, io.EOF
}

func encode(t testing.TB, f wire.Frame) []byte {
	t.Helper()
	b, err := f.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var errTimeout = errors.New("i/o timeout")

// A deadline that passes anywhere in a frame, even a refused one, loses no bytes.
func TestReaderGoesOnAfterError(t *testing.T) {
	body := make([]byte, 100<<10)
	for i := range body {
		body[i] = byte(i * 7)
	}
	call := encode(t, wire.Frame{Kind: wire.KindCall, ID: 1, Deadline: 5, Metadata: map[string]string{"a": "b"}, Body: body})
	unknown := encode(t, wire.Frame{Kind: wire.KindReply, ID: 2, Body: body})
	unknown[4] = 99
	stream := append(append([]byte{}, call...), unknown...)
	for _, at := range []int{0, 1, 15, 16, 17, 24, 100, 40 << 10, len(call) - 1, len(call), len(call) + 5, len(call) + 20, len(stream) - 1} {
		r := wire.NewReader(&script{stream[:at], errTimeout, errTimeout, stream[at:]}, wire.MaxFrame)
		timeouts := 0
		next := func() (wire.Frame, error) {
			for {
				f, err := r.Next()
				if !errors.Is(err, errTimeout) {
					return f, err
				}
				timeouts++
			}
		}
		f, err := next()
		if err != nil || f.ID != 1 || f.Deadline != 5 || !bytes.Equal(f.Body, body) {
			t.Fatalf("interrupted at %d: got call %d of %d bytes, %v", at, f.ID, len(f.Body), err)
		}
		var unsupported *wire.UnsupportedError
		if _, err = next(); !errors.As(err, &unsupported) || unsupported.ID != 2 {
			t.Fatalf("interrupted at %d: got %v, want frame 2 unsupported", at, err)
		}
		if _, err = next(); err != io.EOF {
			t.Fatalf("interrupted at %d: got %v, want the end", at, err)
		}
		if timeouts != 2 {
			t.Errorf("interrupted at %d: got %d timeouts, want 2", at, timeouts)
		}
	}
}

// Splitting the stream at random never changes the frames.
func TestReaderSplitsAnywhere(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var stream []byte
	var want []wire.Frame
	for i := range 50 {
		f := wire.Frame{Kind: wire.KindCall, Method: uint16(i), ID: uint64(i + 1), Body: make([]byte, random.IntN(3000))}
		want = append(want, f)
		stream = append(stream, encode(t, f)...)
	}
	for range 20 {
		var steps script
		for rest := stream; len(rest) > 0; {
			n := min(len(rest), 1+random.IntN(2000))
			steps, rest = append(steps, rest[:n]), rest[n:]
		}
		r := wire.NewReader(&steps, wire.MaxFrame)
		for i := range want {
			got, err := r.Next()
			if err != nil || got.ID != want[i].ID || len(got.Body) != len(want[i].Body) {
				t.Fatalf("frame %d: got %d of %d bytes, %v", i, got.ID, len(got.Body), err)
			}
		}
	}
}

func TestReaderStalls(t *testing.T) {
	frame := encode(t, wire.Frame{Kind: wire.KindCall, ID: 1, Body: make([]byte, 84)})
	refused := append([]byte{}, frame...)
	refused[4] = 99
	for _, c := range []struct {
		name  string
		steps script
		want  []any // the calls of Stalled and Resumed, and "frame" for a returned frame
	}{
		{"whole frames", script{append(append([]byte{}, frame...), frame...)}, []any{"frame", "frame"}},
		{"a frame after a pause", script{errTimeout, frame, errTimeout, frame}, []any{"frame", "frame"}},
		{"within the header", script{frame[:3], frame[3:]}, []any{16, "resumed", "frame"}},
		{"after the header", script{frame[:16], frame[16:]}, []any{100, "resumed", "frame"}},
		{"within the body", script{frame[:50], frame[50:]}, []any{100, "resumed", "frame"}},
		{"within both", script{frame[:3], frame[3:50], frame[50:]}, []any{16, 100, "resumed", "frame"}},
		{"once in spite of errors", script{frame[:3], errTimeout, errTimeout, frame[3:50], errTimeout, frame[50:51], errTimeout, frame[51:], frame},
			[]any{16, 100, "resumed", "frame", "frame"}},
		{"a refused frame", script{refused[:50], refused[50:], frame}, []any{100, "resumed", "frame"}},
		{"never complete", script{frame[:50]}, []any{100}},
		{"second of two", script{append(append([]byte{}, frame...), frame[:7]...), frame[7:]}, []any{"frame", 16, "resumed", "frame"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []any
			r := wire.NewReader(&c.steps, wire.MaxFrame)
			r.Stalled = func(size int) { got = append(got, size) }
			r.Resumed = func() { got = append(got, "resumed") }
			for {
				_, err := r.Next()
				if err == nil {
					got = append(got, "frame")
				}
				if err == io.EOF || err == io.ErrUnexpectedEOF {
					break
				}
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// A length alone must not cost memory: fault D11 and D12 of a hostile peer.
func TestReaderGrowsWithWhatArrives(t *testing.T) {
	header := encode(t, wire.Frame{Kind: wire.KindCall, ID: 1})
	for _, c := range []struct {
		name   string
		length uint32
		want   string
	}{
		{"16 MiB that do not come", wire.MaxFrame, "unexpected end of file"},
		{"4 GiB", 1<<32 - 1, "too large"},
	} {
		t.Run(c.name, func(t *testing.T) {
			stream := append([]byte{}, header...)
			binary.BigEndian.PutUint32(stream, c.length)
			stream = append(stream, 1)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := wire.NewReader(bytes.NewReader(stream), wire.MaxFrame).Next()
			runtime.ReadMemStats(&after)
			if got := verdict(err); got != c.want {
				t.Errorf("got %q (%v), want %q", got, err, c.want)
			}
			if got := after.TotalAlloc - before.TotalAlloc; got > 100<<10 {
				t.Errorf("allocated %d bytes, want at most 100 KiB", got)
			}
		})
	}
}

func TestReaderReadsLargestFrame(t *testing.T) {
	body := bytes.Repeat([]byte("0123456789abcdef"), wire.MaxFrame/16)
	r := wire.NewReader(bytes.NewReader(encode(t, wire.Frame{Kind: wire.KindCall, ID: 1, Body: body})), wire.MaxFrame)
	f, err := r.Next()
	if err != nil || !bytes.Equal(f.Body, body) {
		t.Errorf("got %d bytes, %v", len(f.Body), err)
	}
}

// Two frames never share memory: one may be decoded while the next is read.
func TestReaderGivesBodiesAway(t *testing.T) {
	stream := append(encode(t, wire.Frame{Kind: wire.KindCall, ID: 1, Body: []byte("first")}), encode(t, wire.Frame{Kind: wire.KindCall, ID: 2, Body: []byte("other")})...)
	r := wire.NewReader(bytes.NewReader(stream), wire.MaxFrame)
	first, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	_ = append(first.Body, "overwritten"...)
	second, err := r.Next()
	if err != nil || string(first.Body) != "first" || string(second.Body) != "other" {
		t.Errorf("got %q and %q, %v", first.Body, second.Body, err)
	}
}

func TestReaderLimitBetweenFrames(t *testing.T) {
	frame := encode(t, wire.Frame{Kind: wire.KindCall, ID: 1, Body: make([]byte, 10)})
	r := wire.NewReader(bytes.NewReader(append(append([]byte{}, frame...), frame...)), 10)
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	r.Limit = 9
	for range 2 {
		if _, err := r.Next(); !errors.Is(err, wire.ErrFrameTooLarge) {
			t.Errorf("got %v, want ErrFrameTooLarge, again and again", err)
		}
	}
}

func BenchmarkReaderNext(b *testing.B) {
	frame := encode(b, wire.Frame{Kind: wire.KindCall, ID: 1, Body: make([]byte, 32)})
	stream := bytes.Repeat(frame, 1000)
	source := bytes.NewReader(stream)
	r := wire.NewReader(source, wire.MaxFrame)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Next(); err == io.EOF {
			source.Reset(stream)
		}
	}
}

func BenchmarkFrameAppend(b *testing.B) {
	f := wire.Frame{Kind: wire.KindCall, ID: 1, Deadline: 1, Body: make([]byte, 32)}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = f.Append(buf[:0])
	}
}

// More reads bytes of the source into the buffer until it is full, and loses none.
func TestReaderMore(t *testing.T) {
	var stream []byte
	for id := range uint64(400) {
		stream, _ = (&wire.Frame{Kind: wire.KindCancel, ID: id + 1}).Append(stream)
	}
	r := wire.NewReader(iotest.OneByteReader(bytes.NewReader(stream)), wire.MaxFrame)
	for id := range uint64(400) {
		for n := 0; !r.Ready() && r.More(); n++ {
			if n > wire.HeaderSize {
				t.Fatal("it read a whole frame and is not ready")
			}
		}
		if f, err := r.Borrow(); err != nil || f.ID != id+1 {
			t.Fatalf("frame %d: %v, %v", id+1, f, err)
		}
	}
	if r.More() {
		t.Error("it has read from a source that has ended")
	}
	if _, err := r.Borrow(); err != io.EOF {
		t.Errorf("the end: %v", err)
	}

	r = wire.NewReader(bytes.NewReader(stream), wire.MaxFrame)
	if !r.More() || r.More() {
		t.Error("the buffer has room twice, or not once, for a source that fills it")
	}
}
