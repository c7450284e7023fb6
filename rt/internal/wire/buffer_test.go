package wire_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// lazy is a source that waits without memory before each of its steps.
type lazy struct {
	steps [][]byte
	waits int // with memory given back
	reads int // into the reader's own memory
}

func (l *lazy) take(p []byte) (int, error) {
	if len(l.steps) == 0 {
		return 0, io.EOF
	}
	n := copy(p, l.steps[0])
	if l.steps[0] = l.steps[0][n:]; len(l.steps[0]) == 0 {
		l.steps = l.steps[1:]
	}
	return n, nil
}

func (l *lazy) Read(p []byte) (int, error) {
	l.reads++
	return l.take(p)
}

func (l *lazy) ReadLent(lend func() []byte, giveBack func()) (int, bool, error) {
	clear(lend()) // another reader may use the memory meanwhile
	giveBack()
	l.waits++
	p := lend()
	n, err := l.take(p)
	return n, n == len(p), err
}

// A reader has no memory while it waits for a frame, unless it keeps it, and keeps the
// bytes of a frame that has partly arrived.
func TestReaderWaitsWithoutMemory(t *testing.T) {
	frame := encode(t, wire.Frame{Kind: wire.KindCall, ID: 1, Body: []byte("the body")})
	large := encode(t, wire.Frame{Kind: wire.KindCall, ID: 2, Body: bytes.Repeat([]byte("x"), 5000)})
	steps := func() [][]byte { return [][]byte{frame, frame[:20], frame[20:], large, frame} }
	for _, c := range []struct {
		keep         bool
		waits, reads int
	}{{false, 5, 2}, {true, 0, 7}} {
		source := &lazy{steps: steps()}
		r := wire.NewReader(source, wire.MaxFrame)
		r.Keep = c.keep
		for i, want := range [][]byte{[]byte("the body"), []byte("the body"), bytes.Repeat([]byte("x"), 5000), []byte("the body")} {
			f, err := r.Borrow()
			if err != nil || !bytes.Equal(f.Body, want) {
				t.Fatalf("keep %v, frame %d: got %q, %v", c.keep, i, f.Body, err)
			}
		}
		if _, err := r.Borrow(); err != io.EOF {
			t.Errorf("keep %v: got %v at the end, want EOF", c.keep, err)
		}
		if source.waits != c.waits || source.reads != c.reads {
			t.Errorf("keep %v: it waited %d times without memory and read %d times with it, want %d and %d", c.keep, source.waits, source.reads, c.waits, c.reads)
		}
	}
}
