//go:build unix && !linux

package sock

import (
	"io"
	"net"
	"syscall"
)

// writeOnce is write(2).
func writeOnce(fd int, b []byte) (int, error) { return syscall.Write(fd, b) }

// peekOnce is recv(2) of one byte, which stays unread.
func peekOnce(fd int) (int, error) {
	var b [1]byte
	n, _, err := syscall.Recvfrom(fd, b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	return n, err
}

// Reader returns a reader of conn. Only one goroutine at a time may read from it.
func Reader(conn net.Conn) io.Reader { return conn }

// unreadBytes is FIONREAD, the ioctl that returns how many bytes can be read: _IOR('f',
// 127, int) in sys/filio.h of the BSDs. Package unix does not have it.
const unreadBytes = 0x4004667f

// countReads returns false: the reader cannot read and count in one step.
func countReads(io.Reader, *readCount) bool { return false }
