package sock

import (
	"io"
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxRawSyscall is how many bytes are read or written with RawSyscall, bypassing the
// scheduler. The kernel copies so many in a few microseconds.
const maxRawSyscall = 16 << 10

// unreadBytes is the ioctl that returns how many bytes can be read from a socket, see
// unix(7) and tcp(7).
const unreadBytes = unix.SIOCINQ

// readOnce and writeOnce are read(2) and write(2) for descriptors that do not block.
// peekOnce is recv(2) of one byte, which stays unread. Small reads and writes bypass Go's
// scheduler. Telling the scheduler wakes the runtime's monitor thread whenever the program
// was idle, which is so before nearly every frame, and costs more than the system call. The
// scheduler needs to know only of calls that may block, and these never do.

func readOnce(fd int, b []byte) (int, error) {
	if len(b) == 0 || len(b) > maxRawSyscall {
		return syscall.Read(fd, b)
	}
	return rawSyscall(unix.SYS_READ, fd, b)
}

func writeOnce(fd int, b []byte) (int, error) {
	if len(b) == 0 || len(b) > maxRawSyscall {
		return syscall.Write(fd, b)
	}
	return rawSyscall(unix.SYS_WRITE, fd, b)
}

func peekOnce(fd int) (int, error) {
	var b [1]byte
	n, _, errno := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), 1, unix.MSG_PEEK|unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}

func rawSyscall(call uintptr, fd int, b []byte) (int, error) {
	n, _, errno := syscall.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}

// countReads makes src, a result of Reader, add to count in one step with each read. It
// returns false if src cannot do that.
func countReads(src io.Reader, count *readCount) bool {
	s, ok := src.(*socket)
	if ok {
		s.count = count
	}
	return ok
}

// Reader returns a reader of conn. Only one goroutine at a time may read from it.
func Reader(conn net.Conn) io.Reader {
	if raw := rawConn(conn); raw != nil {
		s := &socket{raw: raw}
		s.readFD = s.readNoWait
		return s
	}
	return conn
}

// socket reads a connection as the Read method of net.Conn does, but with readOnce.
type socket struct {
	raw    syscall.RawConn
	readFD func(fd uintptr) bool // the method value of readNoWait, made once
	count  *readCount            // counts the bytes read; nil: they are not counted

	// Of the read that runs.

	b        []byte
	lend     func() []byte // nil: b is the memory of Read
	giveBack func()
	n        int
	err      error
}

func (s *socket) Read(b []byte) (int, error) {
	s.b = b
	n, _, err := s.read()
	return n, err
}

// ReadLent is Read into the memory that lend returns. It calls giveBack before it waits, and
// lend again afterwards. full reports whether the bytes read fill the memory.
func (s *socket) ReadLent(lend func() []byte, giveBack func()) (n int, full bool, err error) {
	s.lend, s.giveBack = lend, giveBack
	return s.read()
}

func (s *socket) read() (n int, full bool, err error) {
	s.n, s.err = 0, nil
	err = s.raw.Read(s.readFD)
	size := len(s.b)
	s.b, s.lend, s.giveBack = nil, nil, nil
	switch {
	case err != nil:
		return 0, false, err
	case s.err != nil:
		return 0, false, s.err
	case s.n == 0 && size > 0:
		return 0, false, io.EOF
	}
	return s.n, s.n == size, nil
}

// readNoWait reads once. It returns false if the caller has to wait until the socket is
// readable.
func (s *socket) readNoWait(fd uintptr) bool {
	if s.lend != nil {
		s.b = s.lend()
	}
	for {
		if s.count != nil {
			s.count.mu.Lock()
		}
		n, err := readOnce(int(fd), s.b)
		if s.count != nil {
			s.count.n += uint64(max(n, 0))
			s.count.mu.Unlock()
		}
		switch err {
		case syscall.EINTR:
		case syscall.EAGAIN:
			if s.giveBack != nil {
				s.giveBack()
			}
			return false
		default:
			s.n, s.err = max(n, 0), err
			return true
		}
	}
}
