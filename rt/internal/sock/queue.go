package sock

import (
	"context"
	"net"
	"sync"
	"syscall"
	"time"
)

// WriteQueue writes frames to a connection in the order in which they were put,
// and never makes the goroutine that puts one wait for the peer. Whoever puts
// a frame and finds nobody writing writes what the kernel takes at once; only
// a remainder is left to a goroutine, which ends when it is written or the
// connection is closed.
type WriteQueue struct {
	conn    net.Conn
	raw     syscall.RawConn // nil: no way to write without blocking
	timeout time.Duration   // for the peer to take what is written at once; 0: none
	failed  func(error)     // called once, without mu, when the connection does not take a frame

	mu       sync.Mutex
	queue    []*QueuedFrame // not yet taken for writing
	batch    []*QueuedFrame // in the writer's hands
	joined   *[]byte        // the memory of a batch of several frames; nil: it is one frame
	queued   int            // bytes in the queue, in the writer's hands, or promised by Reserve
	room     *sync.Cond     // signalled when that has become less, or nothing is written any more
	writing  bool           // somebody writes
	drained  *sync.Cond     // signalled when nobody writes
	taken    uint64         // length of the stream up to the last frame taken for writing
	accepted uint64         // length of the stream that the kernel has accepted
	err      error          // why nothing is written any more

	// The writer's own, for try.
	tryFd    func(fd uintptr) bool
	tried    []byte
	triedN   int
	triedErr error
}

// QueuedFrame is a frame on its way out. The stream is the concatenation of all
// frames that were taken for writing.
type QueuedFrame struct {
	Bytes   []byte
	end     uint64 // where it ends in the stream; 0: not yet taken. Guarded by WriteQueue.mu
	counted bool   // in WriteQueue.queued already, by Reserve
	Written func() // called with WriteQueue.mu held when the frame's memory is free again, if it was written; nil: nobody asks
}

const (
	// sendBuffer is how many bytes of a Unix socket wait for the peer to read, as
	// far as the system allows (socket(7), wmem_max). The usual 208 KiB stop whoever
	// sends large frames, and wake him again, several times in each.
	sendBuffer = 512 << 10

	maxBatch  = 256 << 10 // bytes that are written at once, unless a frame is larger
	frameCost = 96        // bytes that it takes to keep a frame in the queue, besides its own
)

// batches is memory for batches, so that a connection has none while it is idle.
var batches = sync.Pool{New: func() any { return new([]byte) }}

func NewWriteQueue(conn net.Conn, timeout time.Duration, failed func(error)) *WriteQueue {
	o := &WriteQueue{conn: conn, timeout: timeout, failed: failed, raw: rawConn(conn)}
	if c, ok := conn.(*net.UnixConn); ok {
		_ = c.SetWriteBuffer(sendBuffer) // less will do
	}
	o.drained, o.room = sync.NewCond(&o.mu), sync.NewCond(&o.mu)
	o.tryFd = o.writeTried
	return o
}

// Put queues a frame and writes, unless somebody does already. It returns the
// error that ended the connection, if it has ended.
func (o *WriteQueue) Put(f *QueuedFrame) error {
	if err := o.Enqueue(f); err != nil {
		return err
	}
	o.Flush()
	return nil
}

// Enqueue queues a frame without writing it; Flush must follow. The caller may
// hold a lock, so that the order of frames is the order in which it assigned
// their ids.
func (o *WriteQueue) Enqueue(f *QueuedFrame) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return o.err
	}
	f.end = 0
	o.queue = append(o.queue, f)
	if !f.counted {
		o.queued += len(f.Bytes)
	}
	f.counted = false
	return nil
}

// Over reports whether more than limit bytes are kept for a peer that may yet read
// them.
func (o *WriteQueue) Over(limit int) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.full(0, limit)
}

// full reports whether a frame of size bytes has to wait until the peer has read
// others. o.mu is held.
func (o *WriteQueue) full(size, limit int) bool {
	kept := o.kept()
	return o.err == nil && kept > 0 && kept+size > limit
}

// WaitBelow waits until Over is false, or the context has ended.
func (o *WriteQueue) WaitBelow(ctx context.Context, limit int) { o.Reserve(ctx, &QueuedFrame{}, limit) }

// Reserve waits until at most limit bytes are kept for the peer with those of a frame
// that is put next, and counts these at once, or until the context has ended.
func (o *WriteQueue) Reserve(ctx context.Context, f *QueuedFrame, limit int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.full(len(f.Bytes), limit) {
		defer context.AfterFunc(ctx, func() {
			o.mu.Lock() // or reserve might be between its look at the context and Wait
			defer o.mu.Unlock()
			o.room.Broadcast()
		})()
		for o.full(len(f.Bytes), limit) && ctx.Err() == nil {
			o.room.Wait()
		}
	}
	f.counted = true
	o.queued += len(f.Bytes)
}

// Flush writes what is queued, as far as the kernel takes it at once.
func (o *WriteQueue) Flush() {
	o.mu.Lock()
	if o.writing || o.err != nil || len(o.queue) == 0 {
		o.mu.Unlock()
		return
	}
	o.writing = true
	for {
		batch := o.take()
		o.mu.Unlock()
		n, err := o.try(batch)
		o.mu.Lock()
		if o.wrote(batch, n, err); err != nil {
			o.mu.Unlock()
			o.failed(err)
			return
		}
		if n < len(batch) {
			o.mu.Unlock()
			go o.block(batch[n:])
			return
		}
		if len(o.queue) == 0 {
			o.rest()
			o.mu.Unlock()
			return
		}
	}
}

// block writes what is left of a batch and then all that is queued, and waits
// for the peer as long as the timeout allows.
func (o *WriteQueue) block(batch []byte) {
	for {
		if o.timeout > 0 {
			o.conn.SetWriteDeadline(time.Now().Add(o.timeout))
		}
		n, err := o.conn.Write(batch)
		o.mu.Lock()
		if o.wrote(batch, n, err); err != nil {
			o.mu.Unlock()
			o.failed(err)
			return
		}
		if len(o.queue) == 0 {
			if o.timeout > 0 {
				o.conn.SetWriteDeadline(time.Time{})
			}
			o.rest()
			o.mu.Unlock()
			return
		}
		batch = o.take()
		o.mu.Unlock()
	}
}

// take makes the first of the queue one batch: a copy only of frames that are
// small, so that a long queue is not kept twice. o.mu is held.
func (o *WriteQueue) take() []byte {
	n, size := 0, 0
	for n < len(o.queue) && (n == 0 || size+len(o.queue[n].Bytes) <= maxBatch) {
		size += len(o.queue[n].Bytes)
		n++
	}
	batch := o.queue[0].Bytes // usually the only one: nothing is copied
	if n > 1 {
		o.joined = batches.Get().(*[]byte)
		batch = (*o.joined)[:0]
		for _, f := range o.queue[:n] {
			batch = append(batch, f.Bytes...)
		}
		*o.joined = batch
	}
	for _, f := range o.queue[:n] {
		o.taken += uint64(len(f.Bytes))
		f.end = o.taken
	}
	o.batch = append(o.batch[:0], o.queue[:n]...)
	clear(o.queue[:n])
	if n < len(o.queue) {
		o.queue = o.queue[n:]
	} else {
		o.queue = o.queue[:0]
	}
	return batch
}

// wrote records what became of writing batch, or what is left of it. o.mu is held.
func (o *WriteQueue) wrote(batch []byte, n int, err error) {
	o.accepted += uint64(n)
	o.queued -= n
	o.room.Broadcast()
	if err != nil {
		if o.err == nil {
			o.err = err
		}
		o.rest()
		return
	}
	if n < len(batch) {
		return
	}
	for _, f := range o.batch {
		if f.Written != nil {
			f.Written()
		}
	}
	clear(o.batch)
	if o.joined != nil {
		batches.Put(o.joined)
		o.joined = nil
	}
}

// rest gives up the writer's role. o.mu is held.
func (o *WriteQueue) rest() {
	o.writing = false
	o.drained.Broadcast()
}

// try writes without waiting for the peer. Only the writer calls it.
func (o *WriteQueue) try(batch []byte) (n int, err error) {
	if o.raw == nil {
		return 0, nil
	}
	o.tried, o.triedN, o.triedErr = batch, 0, nil
	err = o.raw.Write(o.tryFd)
	o.tried = nil
	if err == nil {
		err = o.triedErr
	}
	return o.triedN, err
}

// writeTried is try's work on the descriptor: a method value that is made once
// instead of a closure that is made for every write.
func (o *WriteQueue) writeTried(fd uintptr) bool {
	o.triedN, o.triedErr = writeNow(fd, o.tried)
	return true
}

// Withdraw takes back a frame that nobody has begun to write, and reports
// whether it could.
func (o *WriteQueue) Withdraw(f *QueuedFrame) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, q := range o.queue {
		if q == f {
			o.queue = append(o.queue[:i], o.queue[i+1:]...)
			o.queued -= len(f.Bytes)
			return true
		}
	}
	return false
}

// Sent reports whether the kernel has accepted the whole frame. After Close
// the answer is final.
func (o *WriteQueue) Sent(f *QueuedFrame) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return f.end > 0 && f.end <= o.accepted
}

// Backlog returns how many bytes are kept for the peer: those of the frames, and
// what it costs to keep frames, which for small ones is more.
func (o *WriteQueue) Backlog() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.kept()
}

// kept is Backlog with o.mu held.
func (o *WriteQueue) kept() int { return o.queued + len(o.queue)*frameCost }

// Finish waits until everything is written or the connection has failed, and
// refuses frames from then on: err is why.
func (o *WriteQueue) Finish(err error) {
	for done := false; !done; {
		o.Flush()
		o.mu.Lock()
		for o.writing {
			o.drained.Wait()
		}
		if done = o.err != nil || len(o.queue) == 0; done && o.err == nil {
			o.err = err
			o.room.Broadcast()
		}
		o.mu.Unlock()
	}
}

// Refuse takes no frame from now on: err is why.
func (o *WriteQueue) Refuse(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		o.err = err
		o.room.Broadcast()
	}
}

// Close closes the connection and refuses frames from now on: err is why. When
// it returns nobody writes, so what Sent says is final.
func (o *WriteQueue) Close(err error) {
	o.Refuse(err)
	o.conn.Close()
	o.Finish(err)
}
