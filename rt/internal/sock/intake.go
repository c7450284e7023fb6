package sock

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
)

// Intake reads a connection and counts the bytes whose frames the read loop has not
// handled yet. A cancel that lies unread behind its call must keep the call from
// beginning. A daemon that was stopped, or that had no processor, finds both together.
type Intake struct {
	src    io.Reader
	raw    syscall.RawConn // of the connection; nil: unread bytes cannot be counted
	filled bool            // the last read filled its buffer, so more may be unread. Owned by the read loop

	received readCount
	counting bool          // src updates received
	handled  atomic.Uint64 // bytes whose frames the read loop has handled
	waiters  atomic.Int32  // calls in CatchUp

	mu       sync.Mutex
	closed   bool      // the read loop has ended
	progress sync.Cond // signalled when handled has grown while calls wait, or closed is set
}

// readCount counts the bytes that were read from a connection. Where the system allows
// it, mu is held for the read and the count together, so that the bytes unread in the
// socket and the bytes read are known at one moment.
type readCount struct {
	mu sync.Mutex
	n  uint64
}

// NewIntake returns an intake of conn. It does not close conn.
func NewIntake(conn net.Conn) *Intake {
	in := &Intake{src: Reader(conn), raw: rawConn(conn)}
	in.counting = countReads(in.src, &in.received)
	in.progress.L = &in.mu
	return in
}

// Read reads from the connection and returns the connection's error. Only the read loop
// calls it, after it has handled every frame that it read before.
func (in *Intake) Read(b []byte) (n int, err error) {
	in.beforeRead()
	n, err = in.src.Read(b)
	in.afterRead(n, n == len(b))
	return n, err
}

// ReadLent is Read into the memory that lend returns. If the system allows it, ReadLent calls
// giveBack before it waits, and lend again afterwards. full reports whether the bytes read
// fill the memory.
func (in *Intake) ReadLent(lend func() []byte, giveBack func()) (n int, full bool, err error) {
	in.beforeRead()
	if src, ok := in.src.(interface {
		ReadLent(func() []byte, func()) (int, bool, error)
	}); ok {
		n, full, err = src.ReadLent(lend, giveBack)
	} else {
		b := lend()
		n, err = in.src.Read(b)
		full = n == len(b)
	}
	in.afterRead(n, full)
	return n, full, err
}

// beforeRead notes that every frame that was read has been handled.
func (in *Intake) beforeRead() {
	in.handled.Store(in.received.n) // only this goroutine changes received.n
	if in.waiters.Load() > 0 {
		in.wake(false)
	}
}

func (in *Intake) afterRead(n int, full bool) {
	in.filled = full
	if !in.counting {
		in.received.mu.Lock()
		in.received.n += uint64(n)
		in.received.mu.Unlock()
	}
}

// Current reports whether the last read left nothing unread in the socket. Only the read
// loop calls it.
func (in *Intake) Current() bool { return !in.filled || pending(in.raw) == 0 }

// Close wakes every call that waits in CatchUp, because the read loop has ended. It may
// be called concurrently.
func (in *Intake) Close() { in.wake(true) }

func (in *Intake) wake(closed bool) {
	in.mu.Lock()
	in.closed = in.closed || closed
	in.mu.Unlock()
	in.progress.Broadcast()
}

// CatchUp waits until the read loop has handled every byte that the client had sent
// before, or until Close. The read loop never waits for a turn, so the caller may hold
// the turn. CatchUp may be called concurrently.
func (in *Intake) CatchUp() {
	in.waiters.Add(1)
	defer in.waiters.Add(-1)
	in.mu.Lock()
	defer in.mu.Unlock()
	in.received.mu.Lock()
	sent := in.received.n + uint64(pending(in.raw))
	in.received.mu.Unlock()
	for in.handled.Load() < sent && !in.closed {
		in.progress.Wait()
	}
}
