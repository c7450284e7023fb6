package wire

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	// readBuffer is kept by every connection, also by an idle one. It holds about
	// a hundred small frames.
	readBuffer = 2 << 10
	maxLent    = readBuffer - HeaderSize
	// firstBody bounds what a header alone can make the reader allocate.
	firstBody = 64 << 10
	// growth bounds the memory of a body by what has arrived of it: with this one,
	// a body of up to 2 MiB needs no memory but its own.
	growth = 32
)

// firstBodies is where bodies begin to arrive that are larger than that.
var firstBodies = sync.Pool{New: func() any { return new([firstBody]byte) }}

// MaxCopied is more than a body has that a Reader lends. A copy of one is worth
// keeping, a larger body has memory of its own.
const MaxCopied = 4 << 10

// How long a frame may take to arrive once it began, and as much more for each MiB.
const (
	frameBase   = 10 * time.Second
	framePerMiB = time.Second
)

// FrameTime returns how long a frame of size bytes may take to arrive once it began.
func FrameTime(size int) time.Duration {
	return frameBase + time.Duration(size>>20)*framePerMiB
}

// Watch sets deadlines for reads of conn, which r reads, so that a frame that began to
// arrive ends in FrameTime. A connection without an unfinished frame may be silent for
// ever.
func (r *Reader) Watch(conn interface{ SetReadDeadline(time.Time) error }) {
	r.Stalled = func(size int) { conn.SetReadDeadline(time.Now().Add(FrameTime(size))) }
	r.Resumed = func() { conn.SetReadDeadline(time.Time{}) }
}

// Reader reads frames. An error of the source, such as a deadline, loses
// nothing: the next call of Next goes on where this one stopped. A Reader
// belongs to one goroutine at a time.
type Reader struct {
	// Limit is the largest body accepted, in bytes. It may be changed between
	// frames.
	Limit int
	// Stalled, if not nil, is called when a part of a frame is here and the
	// rest must be waited for. Size is the size of the whole frame in bytes as
	// far as it is known: HeaderSize until the header is complete. It is
	// called at most twice for a frame, the second time when a size first
	// given as HeaderSize becomes known.
	Stalled func(size int)
	// Resumed, if not nil, is called when a frame that stalled is complete,
	// also when that frame is then refused.
	Resumed func()

	buf *bufio.Reader

	// The frame being read. Its header is taken from buf, in one piece, when
	// begun becomes true; body then holds what has come of the left bytes.
	begun   bool
	head    header
	body    []byte
	dropped *UnsupportedError // not nil: the body is skipped
	first   *[firstBody]byte  // what body is in; nil: it has memory of its own
	left    int               // bytes of the frame that have not come

	stalled int // size last given to Stalled, 0: none
}

// NewReader returns a reader of the frames of src whose bodies are at most
// limit bytes. It reads ahead: nobody else may read from src.
func NewReader(src io.Reader, limit int) *Reader {
	return &Reader{Limit: limit, buf: bufio.NewReaderSize(src, readBuffer)}
}

// Next returns the next frame, whose Body and Metadata belong to the caller. It
// fails as Borrow does.
func (r *Reader) Next() (Frame, error) {
	f, err := r.Borrow()
	if Lent(f) {
		f.Body = bytes.Clone(f.Body)
	}
	return f, err
}

// Ready reports whether Borrow would return at once.
func (r *Reader) Ready() bool {
	n := r.buf.Buffered()
	if r.begun {
		return n >= r.left
	}
	if n < HeaderSize {
		return false
	}
	b, err := r.buf.Peek(HeaderSize)
	return err == nil && uint64(n-HeaderSize) >= uint64(parseHeader(b).length)
}

// More reads once from the source, without taking a frame, and reports whether it has:
// not if the buffer has no room, or the source fails, as Borrow then says. What was lent
// is no longer valid.
func (r *Reader) More() bool {
	n := r.buf.Buffered()
	if n == r.buf.Size() {
		return false
	}
	_, err := r.buf.Peek(n + 1)
	return err == nil
}

// Lent reports whether the body of a frame is the reader's memory, which Borrow
// uses for those that fit in it.
func Lent(f Frame) bool { return len(f.Body) <= maxLent }

// Borrow returns the next frame. A body that is Lent is valid until the next call;
// a larger one belongs to the caller, as Metadata does.
//
// It returns io.EOF when the source ends between two frames and
// io.ErrUnexpectedEOF when it ends within one; an error wrapping
// ErrFrameTooLarge or ErrMalformed when the peer broke the protocol, after
// which the connection is to be closed; an *UnsupportedError for a frame that
// was dropped, after which Next may be called again; and else the wrapped
// error of the source, after which Next may be called again as well.
func (r *Reader) Borrow() (Frame, error) {
	if !r.begun {
		if err := r.begin(); err != nil {
			return Frame{}, err
		}
	}
	if r.left > r.buf.Buffered() {
		r.stall(HeaderSize + int(r.head.length))
	}
	var err error
	switch {
	case r.dropped != nil:
		err = r.skip()
	case r.head.length <= maxLent:
		err = r.lend()
	default:
		err = r.fill()
	}
	if err != nil {
		return Frame{}, inFrame(err)
	}
	return r.finish()
}

// begin takes the header of the next frame, once all of it is here.
func (r *Reader) begin() error {
	if _, err := r.buf.Peek(1); err != nil {
		if err == io.EOF {
			return err
		}
		return inFrame(err)
	}
	if r.buf.Buffered() < HeaderSize {
		r.stall(HeaderSize)
	}
	b, err := r.buf.Peek(HeaderSize)
	if err != nil {
		return inFrame(err)
	}
	h := parseHeader(b)
	if uint64(h.length) > uint64(max(r.Limit, 0)) {
		return fmt.Errorf("reading a %v frame: %w: %d bytes, the limit is %d", h.kind, ErrFrameTooLarge, h.length, r.Limit)
	}
	if _, err := r.buf.Discard(HeaderSize); err != nil {
		return inFrame(err)
	}
	r.begun, r.head, r.left, r.dropped = true, h, int(h.length), h.supported()
	return nil
}

// lend waits until the whole body is in the buffer, which it does not leave.
func (r *Reader) lend() error {
	body, err := r.buf.Peek(r.left)
	if err != nil {
		return err
	}
	r.body, r.left = body, 0
	_, err = r.buf.Discard(len(body)) // what was peeked stays until the next read
	return err
}

// fill reads the rest of the body, for which it makes room as it arrives, so that a
// length alone costs the peer's word and nothing else.
func (r *Reader) fill() error {
	for r.left > 0 {
		if len(r.body) == cap(r.body) {
			r.grow()
		}
		n, err := r.buf.Read(r.body[len(r.body):cap(r.body)])
		r.body = r.body[:len(r.body)+n]
		r.left -= n
		if err != nil && r.left > 0 {
			return err
		}
	}
	return nil
}

func (r *Reader) grow() {
	length, begun := int(r.head.length), r.body
	switch {
	case length <= firstBody:
		r.body = make([]byte, 0, length)
	case len(begun) == 0:
		r.first = firstBodies.Get().(*[firstBody]byte)
		r.body = r.first[:0]
	default:
		r.body = make([]byte, len(begun), min(length, growth*len(begun)))
		copy(r.body, begun)
	}
	if len(begun) > 0 && r.first != nil {
		firstBodies.Put(r.first)
		r.first = nil
	}
}

// skip reads the rest of the body and forgets it.
func (r *Reader) skip() error {
	for r.left > 0 {
		n, err := r.buf.Discard(r.left)
		r.left -= n
		if err != nil && r.left > 0 {
			return err
		}
	}
	return nil
}

// finish hands out the complete frame and makes ready for the next.
func (r *Reader) finish() (Frame, error) {
	head, body, dropped := r.head, r.body, r.dropped
	r.begun, r.body, r.dropped = false, nil, nil
	if r.stalled != 0 {
		r.stalled = 0
		if r.Resumed != nil {
			r.Resumed()
		}
	}
	if dropped != nil {
		return Frame{}, dropped
	}
	return head.frame(body)
}

// stall tells that the rest of a frame of that size has to be waited for,
// unless it was told before.
func (r *Reader) stall(size int) {
	if r.stalled == size {
		return
	}
	r.stalled = size
	if r.Stalled != nil {
		r.Stalled(size)
	}
}

// raw returns the next n bytes, which are not part of a frame. They are valid
// until the next read.
func (r *Reader) raw(n int) ([]byte, error) {
	b, err := r.buf.Peek(n)
	if err != nil {
		return nil, inFrame(err)
	}
	_, err = r.buf.Discard(n)
	return b, err
}

// inFrame says what an error of the source means when it came within a frame.
func inFrame(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return fmt.Errorf("reading a frame: %w", err)
}
