package wire

import "encoding/binary"

// PutID changes the id of a frame that Append wrote at the front of frame: the
// id is known only when the frame's place in the stream is. It panics when
// frame is shorter than a header.
func PutID(frame []byte, id uint64) {
	binary.BigEndian.PutUint64(frame[8:HeaderSize], id)
}
