package sock

import (
	"context"
	"net"
	"sync"
	"syscall"
	"time"
)

// WriteQueue writes frames to a connection in the order in which they were put. Put never
// waits for the peer. When no other goroutine writes, Put itself writes as many bytes as
// the kernel takes at once. It leaves a remainder to a goroutine, which ends when the
// remainder is written or the connection is closed. All methods may be called
// concurrently.
type WriteQueue struct {
	conn    net.Conn
	raw     syscall.RawConn // nil: no way to write without blocking
	timeout time.Duration   // for the peer to take one batch; 0: none
	failed  func(error)     // called once, without mu, when a write fails

	mu       sync.Mutex
	queue    []*QueuedFrame // in no batch yet
	batch    []*QueuedFrame // being written
	joined   *[]byte        // the buffer of a batch of several frames; nil: the batch is one frame
	queued   int            // bytes in queue and batch, and bytes that Reserve has counted in advance
	shrunk   sync.Cond      // signalled when queued has become less, or err is set
	writing  bool           // a goroutine writes batches: the writer
	idle     sync.Cond      // signalled when writing becomes false
	taken    uint64         // length of the stream up to the end of the last batch
	accepted uint64         // length of the stream that the kernel has accepted
	err      error          // why no frame is accepted any more

	// Owned by the writer, for writeNoWait.
	writeFD  func(fd uintptr) bool
	toWrite  []byte
	wroteN   int
	wroteErr error
}

// QueuedFrame is a frame in a WriteQueue. The stream is the concatenation of all frames
// that were put into batches.
type QueuedFrame struct {
	Bytes    []byte
	end      uint64 // where the frame ends in the stream; 0: in no batch yet. Guarded by WriteQueue.mu
	reserved bool   // Reserve has added the frame to WriteQueue.queued
	Written  func() // called with WriteQueue.mu held once the frame is written, when its memory is free again; may be nil
}

const (
	// sendBuffer is how many unread bytes a Unix socket holds, as far as the system
	// allows (socket(7), wmem_max). With the usual 208 KiB the sender of a large frame
	// blocks and wakes several times within the frame.
	sendBuffer = 512 << 10

	maxBatch  = 256 << 10 // bytes in a batch, unless a frame is larger
	frameCost = 96        // bytes of memory for a queued frame, besides its own
)

// batches holds buffers of batches, so that an idle connection keeps none.
var batches = sync.Pool{New: func() any { return new([]byte) }}

// NewWriteQueue returns a queue that writes to conn. When a write fails, the queue calls
// failed once. failed may call the methods of the queue.
func NewWriteQueue(conn net.Conn, timeout time.Duration, failed func(error)) *WriteQueue {
	q := &WriteQueue{conn: conn, timeout: timeout, failed: failed, raw: rawConn(conn)}
	if c, ok := conn.(*net.UnixConn); ok {
		_ = c.SetWriteBuffer(sendBuffer) // a smaller buffer works, too
	}
	q.idle.L, q.shrunk.L = &q.mu, &q.mu
	q.writeFD = q.writeNoWaitFD
	return q
}

// Put queues a frame and writes the queue unless another goroutine is writing. It returns
// the error that ended the connection, if the connection has ended.
func (q *WriteQueue) Put(f *QueuedFrame) error {
	if err := q.Enqueue(f); err != nil {
		return err
	}
	q.Flush()
	return nil
}

// Enqueue queues a frame without writing it; Flush must follow. The caller may hold a
// lock, so that frames are queued in the order in which the caller assigned their ids.
// Enqueue returns the error that ended the connection, if the connection has ended.
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

// Over reports whether the backlog is over limit bytes and the connection still accepts
// frames.
func (q *WriteQueue) Over(limit int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.mustWait(0, limit)
}

// mustWait reports whether a frame of size bytes has to wait until the peer has read
// earlier frames. q.mu is held.
func (q *WriteQueue) mustWait(size, limit int) bool {
	backlog := q.backlog()
	return q.err == nil && backlog > 0 && backlog+size > limit
}

// WaitBelow waits until Over is false, or the context has ended.
func (q *WriteQueue) WaitBelow(ctx context.Context, limit int) { q.Reserve(ctx, &QueuedFrame{}, limit) }

// Reserve waits until the backlog and f together have at most limit bytes, or until the
// context has ended. It then counts f as queued, in advance: f must be put next.
func (q *WriteQueue) Reserve(ctx context.Context, f *QueuedFrame, limit int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.mustWait(len(f.Bytes), limit) {
		defer context.AfterFunc(ctx, func() {
			q.mu.Lock() // or Reserve could miss the broadcast between its check of ctx and Wait
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

// Flush writes the queue as far as the kernel takes it at once, unless another goroutine
// is writing. A goroutine writes the remainder.
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

// writeBlocking writes the rest of a batch and then the queue. It waits for the peer as
// long as the timeout allows.
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

// nextBatch moves the first frames of the queue into one batch. Only small frames are
// copied, so that memory does not hold a long queue twice. q.mu is held.
func (q *WriteQueue) nextBatch() []byte {
	n, size := 0, 0
	for n < len(q.queue) && (n == 0 || size+len(q.queue[n].Bytes) <= maxBatch) {
		size += len(q.queue[n].Bytes)
		n++
	}
	batch := q.queue[0].Bytes // usually the only frame: nothing is copied
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

// recordWrite records the result of writing batch, or the rest of a batch. q.mu is held.
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

// stopWriting ends this goroutine's role as the writer. q.mu is held.
func (q *WriteQueue) stopWriting() {
	q.writing = false
	q.idle.Broadcast()
}

// writeNoWait writes without waiting for the peer and returns how many bytes the kernel
// has taken. Only the writer calls it.
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

// writeNoWaitFD does the work of writeNoWait on the descriptor. writeFD is its method
// value, made once: a closure would be allocated for every write.
func (q *WriteQueue) writeNoWaitFD(fd uintptr) bool {
	q.wroteN, q.wroteErr = writeNow(fd, q.toWrite)
	return true
}

// Withdraw removes a frame from the queue and reports whether it could. It cannot once the
// frame is in a batch.
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

// Sent reports whether the kernel has accepted the whole frame. After Close the answer is
// final.
func (q *WriteQueue) Sent(f *QueuedFrame) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return f.end > 0 && f.end <= q.accepted
}

// Backlog returns how many bytes of memory the frames take that the kernel has not
// accepted: the bytes of the frames, and frameCost for each queued frame.
func (q *WriteQueue) Backlog() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.backlog()
}

// backlog is Backlog with q.mu held.
func (q *WriteQueue) backlog() int { return q.queued + len(q.queue)*frameCost }

// Finish waits until every queued frame is written or the connection has failed. From then
// on Put and Enqueue fail with err.
func (q *WriteQueue) Finish(err error) {
	for done := false; !done; {
		q.Flush()
		q.mu.Lock()
		for q.writing {
			q.idle.Wait()
		}
		if done = q.err != nil || len(q.queue) == 0; done && q.err == nil {
			q.err = err
			q.shrunk.Broadcast()
		}
		q.mu.Unlock()
	}
}

// Refuse makes Put and Enqueue fail with err from now on, unless they fail already.
func (q *WriteQueue) Refuse(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err == nil {
		q.err = err
		q.shrunk.Broadcast()
	}
}

// Close closes the connection, and Put and Enqueue fail with err from now on. When Close
// returns no goroutine writes, so the answers of Sent are final.
func (q *WriteQueue) Close(err error) {
	q.Refuse(err)
	q.conn.Close()
	q.Finish(err)
}
