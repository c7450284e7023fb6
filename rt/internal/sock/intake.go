package sock

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
)

// Intake reads a connection and tells what has come of it and was not looked at: a
// cancel that lies unread behind its call must keep the call from beginning. A daemon
// that was stopped, or that had no processor, finds them together.
type Intake struct {
	src  io.Reader
	raw  syscall.RawConn // of the connection; nil: it cannot tell what has come
	full bool            // the last read filled its memory: more may have come. Of the goroutine that reads

	read      byteCount
	itself    bool          // src counts
	processed atomic.Uint64 // bytes whose frames were looked at
	waiting   atomic.Int32  // calls in CatchUp

	mu       sync.Mutex
	over     bool      // nobody reads any more
	progress sync.Cond // signalled when processed has grown while calls wait, or over is set
}

// byteCount counts the bytes that were read from a connection. Where the system allows
// it, mu is held for the read and the count together: then what lies in the connection
// and what was read are known at one moment.
type byteCount struct {
	mu    sync.Mutex
	taken uint64
}

// NewIntake returns an intake of conn.
func NewIntake(conn net.Conn) *Intake {
	in := &Intake{src: Reader(conn), raw: rawConn(conn)}
	in.itself = counted(in.src, &in.read)
	in.progress.L = &in.mu
	return in
}

// Read reads from the connection. Only the goroutine that reads calls it, when it has
// looked at every frame that it read before.
func (in *Intake) Read(b []byte) (n int, err error) {
	in.processed.Store(in.read.taken) // which only this goroutine changes
	if in.waiting.Load() > 0 {
		in.wake(false)
	}
	n, err = in.src.Read(b)
	in.full = n == len(b)
	if !in.itself {
		in.read.mu.Lock()
		in.read.taken += uint64(n)
		in.read.mu.Unlock()
	}
	return n, err
}

// Current reports whether nothing had come behind what was read last. Only the
// goroutine that reads calls it.
func (in *Intake) Current() bool { return !in.full || pending(in.raw) == 0 }

// Close lets every call that waits go on: nobody reads any more.
func (in *Intake) Close() { in.wake(true) }

func (in *Intake) wake(over bool) {
	in.mu.Lock()
	in.over = in.over || over
	in.mu.Unlock()
	in.progress.Broadcast()
}

// CatchUp waits until the goroutine that reads has looked at all that the client had
// sent before. That one never waits for a turn, so the caller may hold it.
func (in *Intake) CatchUp() {
	in.waiting.Add(1)
	defer in.waiting.Add(-1)
	in.mu.Lock()
	defer in.mu.Unlock()
	in.read.mu.Lock()
	come := in.read.taken + uint64(pending(in.raw))
	in.read.mu.Unlock()
	for in.processed.Load() < come && !in.over {
		in.progress.Wait()
	}
}
