package sock

import (
	"errors"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// screen is the listener of a service. Accept returns the connections of admitted users
// and refuses other users itself, in a few system calls. A refusal costs neither a
// goroutine nor a connection of the daemon's limit, and less than the refused user pays for
// the connection. Only the accept loop calls Accept.
type screen struct {
	*net.UnixListener
	admission Admission
	refusal   func(uid int) []byte
	refused   func(uid int)

	file   *os.File        // a duplicate of the listener's descriptor,
	raw    syscall.RawConn // package net gives no way to wait on the listener itself
	closed atomic.Bool
	groups [256]uint32

	// The answer to the user refused last. A process gets no second answer within
	// answerPause: a flood is cheaper to refuse without answers.
	uid, pid int32
	answer   []byte
	answered time.Time

	last  time.Time // the last refusal
	flood int       // refusals in a row with at most floodGap between them
}

const (
	answerPause = time.Millisecond

	// An admitted user's connection waits in the backlog behind refused ones, so the
	// backlog is short during a flood. When it is full, the kernel refuses at the cost
	// of the connecting user, and clients retry at once.
	backlog      = 4096
	floodBacklog = 32
	floodSize    = 256 // refusals
	floodGap     = 10 * time.Millisecond
	floodPause   = time.Second // without a refusal, after which a flood is over
)

// Screened returns a listener whose Accept returns only connections of users that admission
// admits. For every other user it sends the bytes that refusal returns, closes the
// connection and calls refused, all on the goroutine that calls Accept. It fails if the
// descriptor of ln cannot be duplicated.
func Screened(ln *net.UnixListener, admission Admission, refusal func(uid int) []byte, refused func(uid int)) (net.Listener, error) {
	f, err := ln.File()
	if err != nil {
		return nil, err
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &screen{UnixListener: ln, admission: admission, refusal: refusal, refused: refused, file: f, raw: raw, uid: -1}, nil
}

// Accept waits for the next connection of an admitted user. After Close it returns
// net.ErrClosed.
func (s *screen) Accept() (net.Conn, error) {
	var fd int
	var failed error
	runtime.Gosched() // the goroutine of the last connection runs first
	err := s.raw.Read(func(ln uintptr) (done bool) {
		for {
			// None of these calls blocks, so the scheduler need not know of them.
			n, _, errno := syscall.RawSyscall6(unix.SYS_ACCEPT4, ln, 0, 0, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0, 0)
			switch {
			case errno == unix.EAGAIN:
				return false
			case errno == unix.EINTR || errno == unix.ECONNABORTED:
			case errno != 0:
				failed = os.NewSyscallError("accept4", errno)
				return true
			case s.admits(int(n)):
				fd = int(n)
				if s.flood >= floodSize && time.Since(s.last) > floodPause {
					s.flood = 0
					unix.Listen(int(ln), backlog)
				}
				return true
			case s.flood == floodSize:
				unix.Listen(int(ln), floodBacklog)
			}
		}
	})
	switch {
	case err != nil && s.closed.Load(): // package poll returns its own error after Close
		return nil, net.ErrClosed
	case err != nil:
		return nil, err
	case failed != nil:
		return nil, failed
	}
	f := os.NewFile(uintptr(fd), "connection")
	defer f.Close()
	return net.FileConn(f)
}

// admits reports whether the peer of a connection is admitted. It also returns true when
// that cannot be determined here: the caller of Accept then has to ask. It answers and
// closes the connection of a peer that is not admitted.
func (s *screen) admits(fd int) bool {
	var peer unix.Ucred
	if !option(fd, unix.SO_PEERCRED, unsafe.Pointer(&peer), unix.SizeofUcred, nil) || s.admission.AdmitsUser(int(peer.Uid)) {
		return true
	}
	if s.admission.Groups() > 0 {
		var size uintptr
		if !option(fd, unix.SO_PEERGROUPS, unsafe.Pointer(&s.groups), unsafe.Sizeof(s.groups), &size) || s.admission.AdmitsGroup(peer.Gid) {
			return true
		}
		for _, id := range s.groups[:size/unsafe.Sizeof(s.groups[0])] {
			if s.admission.AdmitsGroup(id) {
				return true
			}
		}
	}
	s.refuse(fd, &peer)
	return false
}

// refuse answers and closes a connection.
func (s *screen) refuse(fd int, peer *unix.Ucred) {
	now := time.Now()
	if now.Sub(s.last) > floodGap && s.flood < floodSize {
		s.flood = 0
	}
	s.flood++
	s.last = now
	if peer.Pid != s.pid || now.Sub(s.answered) > answerPause {
		if uid := int32(peer.Uid); uid != s.uid || s.answer == nil {
			s.uid, s.answer = uid, s.refusal(int(peer.Uid))
		}
		s.pid, s.answered = peer.Pid, now
		syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&s.answer[0])), uintptr(len(s.answer)),
			unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	}
	syscall.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0)
	s.refused(int(peer.Uid))
}

// option reads a socket's option and reports whether that succeeded. got, if not
// nil, is set to the bytes read.
func option(fd, name int, value unsafe.Pointer, size uintptr, got *uintptr) bool {
	n := uint32(size)
	_, _, errno := syscall.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, uintptr(name),
		uintptr(value), uintptr(unsafe.Pointer(&n)), 0)
	if got != nil {
		*got = uintptr(n)
	}
	return errno == 0
}

// Close stops the listener; a waiting Accept returns net.ErrClosed. It may be called
// concurrently.
func (s *screen) Close() error {
	s.closed.Store(true)
	return errors.Join(s.file.Close(), s.UnixListener.Close())
}
