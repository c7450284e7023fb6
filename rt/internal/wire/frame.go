package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"time"
)

const (
	// HeaderSize is the size of a frame's header in bytes.
	HeaderSize = 16
	// MaxFrame is the largest body of a frame in bytes: everything after the header,
	// including words and metadata.
	MaxFrame = 16 << 20
	// MaxMetadata is the largest encoding of a frame's metadata in bytes.
	MaxMetadata = 8 << 10
)

var (
	// ErrFrameTooLarge says that a frame is over a limit of size. When Frame.Append
	// returns it, nothing was written and the caller may go on. When Reader.Next returns
	// it, the connection cannot be used any more.
	ErrFrameTooLarge = errors.New("frame too large")
	// ErrMalformed says that the peer sent bytes that no version of the
	// protocol sends. The caller closes the connection.
	ErrMalformed = errors.New("malformed frame")
)

// Frame is one message of the protocol. Zero fields are not on the wire.
type Frame struct {
	Kind   Kind
	Method uint16 // in a call, the daemon's number of the method; in a cancel, the reason
	ID     uint64 // of the exchange; see DaemonID

	// These fields are for KindCall only.

	Deadline time.Duration     // time left for the call when it was sent; 0: none
	Parent   uint64            // the call within which this one is made; 0: none
	Target   uint64            // a handle other than the shared object; 0: none
	Metadata map[string]string // nil: none

	Body []byte // the message, in CBOR
}

// Append appends the encoded frame to dst and returns the longer slice. It returns dst
// unchanged, and an error, when the frame is over MaxFrame or MaxMetadata (ErrFrameTooLarge),
// when the deadline is negative, or when this version does not send the kind, or not with
// these fields. It may be called concurrently for different slices.
func (f *Frame) Append(dst []byte) ([]byte, error) {
	if !f.Kind.supported() {
		return dst, fmt.Errorf("writing a %v frame: this version does not send it", f.Kind)
	}
	if f.Deadline < 0 {
		return dst, fmt.Errorf("writing a %v frame: the deadline passed %v ago", f.Kind, -f.Deadline)
	}
	var metadata []byte
	if f.Metadata != nil {
		var err error
		if metadata, err = Marshal(f.Metadata); err != nil {
			return dst, fmt.Errorf("writing the metadata of a %v frame: %w", f.Kind, err)
		}
		if len(metadata) > MaxMetadata {
			return dst, fmt.Errorf("writing a %v frame: %w: %d bytes of metadata, the limit is %d", f.Kind, ErrFrameTooLarge, len(metadata), MaxMetadata)
		}
	}
	flags := f.flags()
	if flags&^f.Kind.flags() != 0 {
		return dst, fmt.Errorf("writing a %v frame: it carries a deadline, parent, target or metadata, which only a call may", f.Kind)
	}
	size := bits.OnesCount8(flags&^flagMetadata)*wordSize + len(metadata) + len(f.Body)
	if size > MaxFrame {
		return dst, tooLarge(f.Kind, size)
	}

	dst = slices.Grow(dst, HeaderSize+size)
	dst = binary.BigEndian.AppendUint32(dst, uint32(size))
	dst = append(dst, byte(f.Kind), flags)
	dst = binary.BigEndian.AppendUint16(dst, f.Method)
	dst = binary.BigEndian.AppendUint64(dst, f.ID)
	for _, word := range [...]uint64{uint64(f.Deadline), f.Parent, f.Target} {
		if word != 0 {
			dst = binary.BigEndian.AppendUint64(dst, word)
		}
	}
	dst = append(dst, metadata...)
	return append(dst, f.Body...), nil
}

// Room is how many bytes Seal needs in front of a body, for the header and the deadline.
const Room = HeaderSize + wordSize

// Seal encodes the frame into buf, which has Room free bytes in front of the frame's body,
// and returns the part of buf that is the frame. So the body need not be copied. Seal
// returns an error where Append does. f must have no Body, Parent, Target and Metadata. Seal
// may be called concurrently for different buffers.
func (f *Frame) Seal(buf []byte) ([]byte, error) {
	if f.Deadline == 0 {
		buf = buf[wordSize:]
	}
	front := HeaderSize + bits.OnesCount8(f.flags())*wordSize
	if size := len(buf) - HeaderSize; size > MaxFrame {
		return nil, tooLarge(f.Kind, size)
	}
	head, err := f.Append(buf[:0:front])
	if err != nil {
		return nil, err
	}
	if len(head) != front || f.Body != nil {
		panic("wire: a frame is sealed that has more than a deadline")
	}
	binary.BigEndian.PutUint32(buf, uint32(len(buf)-HeaderSize))
	return buf, nil
}

func tooLarge(kind Kind, size int) error {
	return fmt.Errorf("writing a %v frame: %w: %d bytes, the limit is %d", kind, ErrFrameTooLarge, size, MaxFrame)
}

// PutID changes the ID of the frame at the front of encoded, which Append has written. So a
// frame can be encoded before it gets its number. PutID panics when encoded is shorter than
// HeaderSize.
func PutID(encoded []byte, id uint64) {
	binary.BigEndian.PutUint64(encoded[8:HeaderSize], id)
}

// flags returns the header's flags for the fields that the frame has.
func (f *Frame) flags() (flags uint8) {
	if f.Deadline != 0 {
		flags |= flagDeadline
	}
	if f.Parent != 0 {
		flags |= flagParent
	}
	if f.Target != 0 {
		flags |= flagTarget
	}
	if f.Metadata != nil {
		flags |= flagMetadata
	}
	return flags
}

// header is the fixed part of a frame.
type header struct {
	length uint32
	kind   Kind
	flags  uint8
	method uint16
	id     uint64
}

// parseHeader decodes the header in the first HeaderSize bytes of b.
func parseHeader(b []byte) header {
	return header{
		length: binary.BigEndian.Uint32(b),
		kind:   Kind(b[4]),
		flags:  b[5],
		method: binary.BigEndian.Uint16(b[6:]),
		id:     binary.BigEndian.Uint64(b[8:]),
	}
}

// supported returns nil, or an error that says what this version does not support in h.
func (h header) supported() *UnsupportedError {
	if h.kind.supported() && h.flags&^h.kind.flags() == 0 {
		return nil
	}
	return &UnsupportedError{Kind: h.kind, Flags: h.flags, ID: h.id}
}

// frame returns the frame of a header and of payload, all bytes after the header. The
// frame's body is the end of payload.
func (h header) frame(payload []byte) (Frame, error) {
	f := Frame{Kind: h.kind, Method: h.method, ID: h.id}
	malformed := func(what string) (Frame, error) {
		return Frame{}, fmt.Errorf("reading a %v frame: %w: %s", h.kind, ErrMalformed, what)
	}
	for flag := uint8(flagDeadline); flag <= flagTarget; flag <<= 1 {
		if h.flags&flag == 0 {
			continue
		}
		if len(payload) < wordSize {
			return malformed("it ends within the words that its flags announce")
		}
		word := binary.BigEndian.Uint64(payload)
		payload = payload[wordSize:]
		if word == 0 {
			return malformed("a flag announces a word that is zero")
		}
		switch flag {
		case flagDeadline:
			if word > math.MaxInt64 {
				return malformed("the deadline is over 2^63-1 ns")
			}
			f.Deadline = time.Duration(word)
		case flagParent:
			f.Parent = word
		case flagTarget:
			f.Target = word
		}
	}
	if h.flags&flagMetadata != 0 {
		// A separate variable, so that only frames with metadata pay for a pointer
		// that escapes.
		var metadata map[string]string
		rest, err := UnmarshalFirst(payload, &metadata)
		if err != nil {
			return malformed("metadata: " + err.Error())
		}
		f.Metadata = metadata
		if metadata == nil || len(payload)-len(rest) > MaxMetadata {
			return malformed(fmt.Sprintf("the metadata is not a map of at most %d bytes", MaxMetadata))
		}
		payload = rest
	}
	f.Body = payload
	return f, nil
}

// UnsupportedError says that a frame is well formed but not supported: its kind is unknown
// or reserved, or it has flags that are unknown or that its kind may not have. The Reader has
// read and dropped the frame, so it can read the next one. The daemon answers with an error
// frame.
type UnsupportedError struct {
	Kind  Kind
	Flags uint8
	ID    uint64 // of the frame that was dropped
}

// Error returns the kind and the flags that are not supported.
func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("a %v frame with flags %#02x is not supported by this version of the protocol", e.Kind, e.Flags)
}

// Unsupported returns the *UnsupportedError in the chain of err, an error of a Reader, or
// nil if there is none. It may be called concurrently.
func Unsupported(err error) *UnsupportedError {
	u, _ := errors.AsType[*UnsupportedError](err)
	return u
}
