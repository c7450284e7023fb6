package wire

import (
	"errors"
	"fmt"
	"io"
)

// MaxHandshake is the largest body of a handshake's frame in bytes.
const MaxHandshake = 1 << 10

// magic opens every connection. Its last byte is not ASCII, so that line protocols on the
// same port do not match.
const magic = "loopgen\xae"

// ErrAuth says that the peer is not authenticated: its proof is wrong, it is another daemon,
// or a third process forwards the bytes. The client treats the endpoint as stale; the daemon
// closes the connection.
var ErrAuth = errors.New("peer not authenticated")

// confine sets r's limit for the handshake and disables Stalled and Resumed. release
// restores all three. The caller has one deadline for the whole handshake, which Stalled
// must not replace.
func confine(r *Reader) (release func()) {
	limit, stalled, resumed := r.Limit, r.Stalled, r.Resumed
	r.Limit, r.Stalled, r.Resumed = MaxHandshake, nil, nil
	return func() { r.Limit, r.Stalled, r.Resumed = limit, stalled, resumed }
}

// sendMessage sends v in one frame.
func sendMessage(w io.Writer, kind Kind, v any) error {
	body, err := Marshal(v)
	if err != nil {
		return err
	}
	return send(w, kind, nil, body)
}

// send sends prefix and a handshake's frame in one write.
func send(w io.Writer, kind Kind, prefix, body []byte) error {
	if len(body) > MaxHandshake {
		return fmt.Errorf("sending a %v: %w: %d bytes, the limit is %d", kind, ErrFrameTooLarge, len(body), MaxHandshake)
	}
	frame := Frame{Kind: kind, Body: body}
	b, err := frame.Append(prefix)
	if err != nil {
		return err
	}
	if _, err := w.Write(b); err != nil {
		return fmt.Errorf("sending a %v: %w", kind, err)
	}
	return nil
}

// receive reads a handshake's message into the value that v points to.
func receive(r *Reader, kind Kind, v any) error {
	body, err := receiveBody(r, kind)
	if err != nil {
		return err
	}
	return UnmarshalOpen(body, v)
}

// receiveBody reads a handshake's frame of that kind.
func receiveBody(r *Reader, kind Kind) ([]byte, error) {
	frame, err := receiveFrame(r)
	if err != nil {
		return nil, fmt.Errorf("waiting for a %v: %w", kind, err)
	}
	if err := isMessage(frame, kind); err != nil {
		return nil, err
	}
	return frame.Body, nil
}

// receiveFrame reads a frame of a handshake. A connection must not end before the end of the
// handshake, so io.EOF becomes io.ErrUnexpectedEOF.
func receiveFrame(r *Reader) (Frame, error) {
	frame, err := r.Next()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return frame, err
}

// isMessage returns an error unless frame is a handshake's frame of that kind.
func isMessage(frame Frame, kind Kind) error {
	if frame.Kind != kind || frame.Method != 0 || frame.ID != 0 {
		return fmt.Errorf("%w: a %v frame instead of a %v", ErrMalformed, frame.Kind, kind)
	}
	return nil
}
