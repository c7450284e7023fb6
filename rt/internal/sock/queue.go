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
	shrunk   *sync.Cond     // signalled when that has become less, or nothing is written any more
	writing  bool           // somebody writes
	drained  *sync.Cond     // signalled when nobody writes
	taken    uint64         // length of the stream up to the last frame taken for writing
	accepted uint64         // length of the stream that the kernel has accepted
	err      error          // why nothing is written any more

	// The writer's own, for try.
	writeFD  func(fd uintptr) bool
	toWrite  []byte
	wroteN   int
	wroteErr error
}

// QueuedFrame is a frame on its way out. The stream is the concatenation of all
// frames that were taken for writing.
type QueuedFrame struct {
	Bytes    []byte
	end      uint64 // where it ends in the stream; 0: not yet taken. Guarded by WriteQueue.mu
	reserved bool   // in WriteQueue.queued already, by Reserve
	Written  func() // called with WriteQueue.mu held when the frame's memory is free again, if it was written; nil: nobody asks
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
	q := &WriteQueue{conn: conn, timeout: timeout, failed: failed, raw: rawConn(conn)}
	if c, ok := conn.(*net.UnixConn); ok {
		_ = c.SetWriteBuffer(sendBuffer) // less will do
	}
	q.drained, q.shrunk = sync.NewCond(&q.mu), sync.NewCond(&q.mu)
	q.writeFD = q.writeNoWaitFD
	return q
}

// Put queues a frame and writes, unless somebody does already. It returns the
// error that ended the connection, if it has ended.
func (q *WriteQueue) Put(f *QueuedFrame) error {
	if err := q.Enqueue(f); err != nil {
		return err
	}
	q.Flush()
	return nil
}

// Enqueue queues a frame without writing it; Flush must follow. The caller may
// hold a lock, so that the order of frames is the order in which it assigned
// their ids.
func (q *WriteQueue) Enqueue(f *QueuedFrame) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err != nil {
		return q.err
	}
	f.end = 0
	q.queue = append(q.queue, f)
	if !f.reserved {
		q.queued += len(f.Bytes)
	}
	f.reserved = false
	return nil
}

// Over reports whether more than limit bytes are kept for a peer that may yet read
// them.
func (q *WriteQueue) Over(limit int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.mustWait(0, limit)
}

// full reports whether a frame of size bytes has to wait until the peer has read
// others. q.mu is held.
func (q *WriteQueue) mustWait(size, limit int) bool {
	kept := q.backlog()
	return q.err == nil && kept > 0 && kept+size > limit
}

// WaitBelow waits until Over is false, or the context has ended.
func (q *WriteQueue) WaitBelow(ctx context.Context, limit int) { q.Reserve(ctx, &QueuedFrame{}, limit) }

// Reserve waits until at most limit bytes are kept for the peer with those of a frame
// that is put next, and counts these at once, or until the context has ended.
func (q *WriteQueue) Reserve(ctx context.Context, f *QueuedFrame, limit int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.mustWait(len(f.Bytes), limit) {
		defer context.AfterFunc(ctx, func() {
			q.mu.Lock() // or reserve might be between its look at the context and Wait
			defer q.mu.Unlock()
			q.shrunk.Broadcast()
		})()
		for q.mustWait(len(f.Bytes), limit) && ctx.Err() == nil {
			q.shrunk.Wait()
		}
	}
	f.reserved = true
	q.queued += len(f.Bytes)
}

// Flush writes what is queued, as far as the kernel takes it at once.
func (q *WriteQueue) Flush() {
	q.mu.Lock()
	if q.writing || q.err != nil || len(q.queue) == 0 {
		q.mu.Unlock()
		return
	}
	q.writing = true
	for {
		batch := q.nextBatch()
		q.mu.Unlock()
		n, err := q.writeNoWait(batch)
		q.mu.Lock()
		if q.recordWrite(batch, n, err); err != nil {
			q.mu.Unlock()
			q.failed(err)
			return
		}
		if n < len(batch) {
			q.mu.Unlock()
			go q.writeBlocking(batch[n:])
			return
		}
		if len(q.queue) == 0 {
			q.stopWriting()
			q.mu.Unlock()
			return
		}
	}
}

// block writes what is left of a batch and then all that is queued, and waits
// for the peer as long as the timeout allows.
func (q *WriteQueue) writeBlocking(batch []byte) {
	for {
		if q.timeout > 0 {
			q.conn.SetWriteDeadline(time.Now().Add(q.timeout))
		}
		n, err := q.conn.Write(batch)
		q.mu.Lock()
		if q.recordWrite(batch, n, err); err != nil {
			q.mu.Unlock()
			q.failed(err)
			return
		}
		if len(q.queue) == 0 {
			if q.timeout > 0 {
				q.conn.SetWriteDeadline(time.Time{})
			}
			q.stopWriting()
			q.mu.Unlock()
			return
		}
		batch = q.nextBatch()
		q.mu.Unlock()
	}
}

// take makes the first of the queue one batch: a copy only of frames that are
// small, so that a long queue is not kept twice. q.mu is held.
func (q *WriteQueue) nextBatch() []byte {
	n, size := 0, 0
	for n < len(q.queue) && (n == 0 || size+len(q.queue[n].Bytes) <= maxBatch) {
		size += len(q.queue[n].Bytes)
		n++
	}
	batch := q.queue[0].Bytes // usually the only one: nothing is copied
	if n > 1 {
		q.joined = batches.Get().(*[]byte)
		batch = (*q.joined)[:0]
		for _, f := range q.queue[:n] {
			batch = append(batch, f.Bytes...)
		}
		*q.joined = batch
	}
	for _, f := range q.queue[:n] {
		q.taken += uint64(len(f.Bytes))
		f.end = q.taken
	}
	q.batch = append(q.batch[:0], q.queue[:n]...)
	clear(q.queue[:n])
	if n < len(q.queue) {
		q.queue = q.queue[n:]
	} else {
		q.queue = q.queue[:0]
	}
	return batch
}

// wrote records what became of writing batch, or what is left of it. q.mu is held.
func (q *WriteQueue) recordWrite(batch []byte, n int, err error) {
	q.accepted += uint64(n)
	q.queued -= n
	q.shrunk.Broadcast()
	if err != nil {
		if q.err == nil {
			q.err = err
		}
		q.stopWriting()
		return
	}
	if n < len(batch) {
		return
	}
	for _, f := range q.batch {
		if f.Written != nil {
			f.Written()
		}
	}
	clear(q.batch)
	if q.joined != nil {
		batches.Put(q.joined)
		q.joined = nil
	}
}

// rest gives up the writer's role. q.mu is held.
func (q *WriteQueue) stopWriting() {
	q.writing = false
	q.drained.Broadcast()
}

// try writes without waiting for the peer. Only the writer calls it.
func (q *WriteQueue) writeNoWait(batch []byte) (n int, err error) {
	if q.raw == nil {
		return 0, nil
	}
	q.toWrite, q.wroteN, q.wroteErr = batch, 0, nil
	err = q.raw.Write(q.writeFD)
	q.toWrite = nil
	if err == nil {
		err = q.wroteErr
	}
	return q.wroteN, err
}

// writeNoWaitFD is try's work on the descriptor: a method value that is made once
// instead of a closure that is made for every write.
func (q *WriteQueue) writeNoWaitFD(fd uintptr) bool {
	q.wroteN, q.wroteErr = writeNow(fd, q.toWrite)
	return true
}

// Withdraw takes back a frame that nobody has begun to write, and reports
// whether it could.
func (q *WriteQueue) Withdraw(f *QueuedFrame) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, queued := range q.queue {
		if queued == f {
			q.queue = append(q.queue[:i], q.queue[i+1:]...)
			q.queued -= len(f.Bytes)
			return true
		}
	}
	return false
}

// Sent reports whether the kernel has accepted the whole frame. After Close
// the answer is final.
func (q *WriteQueue) Sent(f *QueuedFrame) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return f.end > 0 && f.end <= q.accepted
}

// Backlog returns how many bytes are kept for the peer: those of the frames, and
// what it costs to keep frames, which for small ones is more.
func (q *WriteQueue) Backlog() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.backlog()
}

// kept is Backlog with q.mu held.
func (q *WriteQueue) backlog() int { return q.queued + len(q.queue)*frameCost }

// Finish waits until everything is written or the connection has failed, and
// refuses frames from then on: err is why.
func (q *WriteQueue) Finish(err error) {
	for done := false; !done; {
		q.Flush()
		q.mu.Lock()
		for q.writing {
			q.drained.Wait()
		}
		if done = q.err != nil || len(q.queue) == 0; done && q.err == nil {
			q.err = err
			q.shrunk.Broadcast()
		}
		q.mu.Unlock()
	}
}

// Refuse takes no frame from now on: err is why.
func (q *WriteQueue) Refuse(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err == nil {
		q.err = err
		q.shrunk.Broadcast()
	}
}

// Close closes the connection and refuses frames from now on: err is why. When
// it returns nobody writes, so what Sent says is final.
func (q *WriteQueue) Close(err error) {
	q.Refuse(err)
	q.conn.Close()
	q.Finish(err)
}
