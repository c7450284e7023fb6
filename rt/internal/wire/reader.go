package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	// readBuffer is the size of a connection's read buffer. It holds about a hundred small
	// frames.
	readBuffer = 2 << 10
	maxLent    = readBuffer - HeaderSize
	// firstBody bounds the memory that a header alone can make the reader allocate. A value
	// of 64 KiB and what is in front of it fit.
	firstBody = 72 << 10
	// growth bounds the memory of a body, as a multiple of the bytes that have arrived.
	// With this value a body of up to 2 MiB needs only one allocation.
	growth = 32
)

// firstBodies holds buffers for the beginnings of bodies that are larger than firstBody.
var firstBodies = sync.Pool{New: func() any { return new([firstBody]byte) }}

// MaxCopied is more than the size of any body that a Reader lends. A copy of a lent body is
// small enough to keep; a larger body has memory of its own.
const MaxCopied = 4 << 10

// A frame may take frameBase to arrive once it began, and framePerMiB more for each MiB.
const (
	frameBase   = 10 * time.Second
	framePerMiB = time.Second
)

// FrameTime returns how long a frame of size bytes may take to arrive once it began. It may
// be called concurrently.
func FrameTime(size int) time.Duration {
	return frameBase + time.Duration(size>>20)*framePerMiB
}

// Watch makes r set deadlines for reads of conn, which r reads, so that a frame that began
// to arrive must end within FrameTime. Between two frames there is no deadline.
func (r *Reader) Watch(conn interface{ SetReadDeadline(time.Time) error }) {
	r.Stalled = func(size int) { conn.SetReadDeadline(time.Now().Add(FrameTime(size))) }
	r.Resumed = func() { conn.SetReadDeadline(time.Time{}) }
}

// Reader reads frames. An error of the source, such as a deadline, loses no bytes: the next
// call of Next continues where this one stopped. Only one goroutine at a time may use a
// Reader.
type Reader struct {
	// Limit is the largest body accepted, in bytes. It may be changed between
	// frames.
	Limit int
	// Stalled, if not nil, is called when a part of a frame has arrived and Next waits
	// for the rest. size is the size of the whole frame in bytes, or HeaderSize until
	// the header is complete. Stalled is called at most twice for a frame, the second
	// time when the size becomes known after a first call with HeaderSize.
	Stalled func(size int)
	// Resumed, if not nil, is called when a frame that stalled is complete, even if that
	// frame is then refused.
	Resumed func()
	// Unknown makes the reader return frames of unknown kinds, without flags, as all
	// others. Else they are dropped.
	Unknown bool
	// Keep makes the reader keep its read buffer while it waits for a frame. Else an idle
	// connection has none, and a frame takes longer, by up to 3 % of a short call.
	Keep bool

	in buffer

	// The frame being read. When begun becomes true, head was read from buf as a whole.
	// body then has the bytes that have arrived; left bytes are missing.
	begun   bool
	head    header
	body    []byte
	dropped *UnsupportedError // not nil: the body is skipped
	first   *[firstBody]byte  // the memory of body; nil: body has memory of its own
	left    int               // bytes of the frame that have not arrived

	stalled int // the size of the last call of Stalled for this frame; 0: none
}

// NewReader returns a reader of the frames of src whose bodies are at most limit bytes. It
// reads ahead, so no other code may read from src.
func NewReader(src io.Reader, limit int) *Reader {
	r := &Reader{Limit: limit}
	r.in.init(src)
	return r
}

// Next returns the next frame, whose Body and Metadata belong to the caller. It fails as
// Borrow does.
func (r *Reader) Next() (Frame, error) {
	f, err := r.Borrow()
	if Lent(f) {
		f.Body = bytes.Clone(f.Body)
	}
	return f, err
}

// Ready reports whether Borrow would return without reading from the source.
func (r *Reader) Ready() bool {
	n := r.in.len()
	if r.begun {
		return n >= r.left
	}
	return n >= HeaderSize && uint64(n-HeaderSize) >= uint64(parseHeader(r.in.bytes()).length)
}

// More reads once from the source into the buffer and reports whether it has read bytes. It
// returns false if the buffer is full, or if the source fails; Borrow then returns the
// error. A body that was lent before is no longer valid.
func (r *Reader) More() bool {
	n := r.in.len()
	return n < readBuffer && r.in.fill(n+1) == nil
}

// Lent reports whether the body of a frame that Borrow has returned is in the reader's
// buffer. Every body that fits into the buffer is.
func Lent(f Frame) bool { return len(f.Body) <= maxLent }

// Borrow returns the next frame. A body that is Lent is valid until the next call of Borrow,
// Next or More. A larger body belongs to the caller, as Metadata does.
//
// Borrow returns io.EOF when the source ends between two frames and io.ErrUnexpectedEOF when
// it ends within one. The error wraps ErrFrameTooLarge or ErrMalformed when the peer broke
// the protocol; the caller must then close the connection. It is an *UnsupportedError for a
// frame that was dropped. Any other error wraps that of the source. After the last two the
// caller may call Borrow again.
func (r *Reader) Borrow() (Frame, error) {
	r.in.keep = r.Keep
	if !r.begun {
		if err := r.begin(); err != nil {
			return Frame{}, err
		}
	}
	if r.left > r.in.len() {
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

// begin reads the header of the next frame.
func (r *Reader) begin() error {
	if r.in.len() < HeaderSize {
		if err := r.in.fill(1); err == io.EOF {
			return err
		} else if err != nil {
			return inFrame(err)
		}
		if r.in.len() < HeaderSize {
			r.stall(HeaderSize)
		}
		if err := r.in.fill(HeaderSize); err != nil {
			return inFrame(err)
		}
	}
	h := parseHeader(r.in.bytes())
	if uint64(h.length) > uint64(max(r.Limit, 0)) {
		return fmt.Errorf("reading a %v frame: %w: %d bytes, the limit is %d", h.kind, ErrFrameTooLarge, h.length, r.Limit)
	}
	r.in.next(HeaderSize)
	r.begun, r.head, r.left, r.dropped = true, h, int(h.length), h.supported()
	if r.Unknown && !h.kind.supported() && h.flags == 0 {
		r.dropped = nil
	}
	return nil
}

// lend waits until the whole body is in the buffer, and leaves it there.
func (r *Reader) lend() error {
	if err := r.in.fill(r.left); err != nil {
		return err
	}
	r.body, r.left = r.in.next(r.left), 0
	return nil
}

// fill reads the rest of the body. It allocates memory as the body arrives, so that a peer
// cannot use up memory by announcing a length.
func (r *Reader) fill() error {
	for r.left > 0 {
		if len(r.body) == cap(r.body) {
			r.grow()
		}
		n, err := r.in.read(r.body[len(r.body):cap(r.body)])
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

// skip reads the rest of the body and discards it.
func (r *Reader) skip() error {
	for r.left > 0 {
		if err := r.in.fill(1); err != nil {
			return err
		}
		r.left -= len(r.in.next(min(r.left, r.in.len())))
	}
	return nil
}

// finish returns the complete frame and resets r for the next one.
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

// stall calls Stalled with the size of the frame, unless it already has for this frame and
// size.
func (r *Reader) stall(size int) {
	if r.stalled == size {
		return
	}
	r.stalled = size
	if r.Stalled != nil {
		r.Stalled(size)
	}
}

// raw returns the next n bytes, which are not part of a frame. They are valid until the next
// read.
func (r *Reader) raw(n int) ([]byte, error) {
	if err := r.in.fill(n); err != nil {
		return nil, inFrame(err)
	}
	return r.in.next(n), nil
}

// inFrame returns the error of Borrow for an error of the source within a frame.
func inFrame(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return fmt.Errorf("reading a frame: %w", err)
}
