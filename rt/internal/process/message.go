package process

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	// maxPayload bounds Command.Payload, in bytes.
	maxPayload = 32 << 20
	// maxReport bounds the report of Parent.Report, in bytes.
	maxReport = 64 << 10
	// maxBuild bounds the build ID that the parent sends, in bytes.
	maxBuild = 1 << 10
)

// A message is its length, four bytes big-endian, and that many bytes. The parent sends its
// build ID and the payload over the start pipe. The child sends one report over the report
// pipe. Then the sender closes the pipe.

func writeMessage(w io.Writer, body []byte) error {
	// Two writes, so that a payload is not copied; the reader waits for both.
	if _, err := w.Write(binary.BigEndian.AppendUint32(nil, uint32(len(body)))); err != nil {
		return err
	}
	_, err := w.Write(body)
	return err
}

// readMessage returns io.EOF if the sender closed without a message, and
// io.ErrUnexpectedEOF if it closed, or died, inside one.
func readMessage(r io.Reader, limit uint32) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	length := binary.BigEndian.Uint32(head[:])
	if length > limit {
		return nil, fmt.Errorf("a message of %d bytes; the limit is %d", length, limit)
	}
	// The buffer grows as bytes arrive: the peer may send fewer than the length says.
	body, err := io.ReadAll(io.LimitReader(r, int64(length)))
	if err == nil && uint32(len(body)) < length {
		err = io.ErrUnexpectedEOF
	}
	return body, err
}

// cut reports whether the other process closed the pipe within a message or before it.
func cut(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
