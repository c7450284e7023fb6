package wire

import (
	"io"
	"sync"
)

// buffer is the read buffer of a Reader. While it is empty and the source waits, it has no
// memory, unless keep is set or the source cannot wait without.
type buffer struct {
	src        io.Reader
	keep       bool       // the memory while the source waits
	lazy       lazyReader // src; nil: it cannot wait without memory
	lend       func() []byte
	giveBack   func()
	memory     *[readBuffer]byte // nil: none
	start, end int               // of the bytes in memory that were read and not taken
	err        error             // of the source, which came with bytes
}

// lazyReader is a source that can wait without memory. ReadLent is Read into the memory that
// lend returns. It calls giveBack before it waits, and lend again afterwards. full reports
// whether the bytes read fill the memory.
type lazyReader interface {
	ReadLent(lend func() []byte, giveBack func()) (n int, full bool, err error)
}

// memories holds the memory of buffers.
var memories = sync.Pool{New: func() any { return new([readBuffer]byte) }}

func (b *buffer) init(src io.Reader) {
	b.src = src
	if b.lazy, _ = src.(lazyReader); b.lazy != nil {
		b.lend, b.giveBack = b.acquire, b.release // made once: they would be allocated for every read
	}
}

// acquire returns the memory, which it takes from the pool if there is none.
func (b *buffer) acquire() []byte {
	if b.memory == nil {
		b.memory = memories.Get().(*[readBuffer]byte)
	}
	return b.memory[:]
}

// release returns the memory to the pool. The buffer must be empty.
func (b *buffer) release() {
	memories.Put(b.memory)
	b.memory = nil
}

// len returns how many bytes can be taken without reading.
func (b *buffer) len() int { return b.end - b.start }

// bytes returns these bytes without taking them. They are valid until the next fill or read.
func (b *buffer) bytes() []byte { return b.memory[b.start:b.end:b.end] }

// next takes n bytes, at most len. They are valid until the next fill or read.
func (b *buffer) next(n int) []byte {
	taken := b.memory[b.start : b.start+n : b.start+n]
	b.start += n
	return taken
}

// maxEmptyReads is how often in a row the source may return neither bytes nor an error.
const maxEmptyReads = 100

// fill reads until n bytes can be taken; n is at most readBuffer. It returns the error of
// the source, and loses no bytes then.
func (b *buffer) fill(n int) error {
	for empty := 0; b.len() < n; {
		if err := b.err; err != nil {
			b.err = nil
			return err
		}
		var got int
		if got, b.err = b.load(); got == 0 && b.err == nil {
			if empty++; empty == maxEmptyReads {
				return io.ErrNoProgress
			}
			continue
		}
		b.end += got
		empty = 0
	}
	return nil
}

// load reads once behind the bytes that were not taken.
func (b *buffer) load() (n int, err error) {
	if b.start > 0 {
		b.end = copy(b.memory[:], b.bytes())
		b.start = 0
	}
	if b.end == 0 && b.lazy != nil && !b.keep {
		n, _, err = b.lazy.ReadLent(b.lend, b.giveBack)
		return n, err
	}
	return b.src.Read(b.acquire()[b.end:])
}

// read reads at least one byte into p, past the memory if p is large.
func (b *buffer) read(p []byte) (int, error) {
	if b.len() == 0 && b.err == nil && len(p) >= readBuffer {
		return b.src.Read(p)
	}
	if err := b.fill(1); err != nil {
		return 0, err
	}
	return len(b.next(copy(p, b.bytes()))), nil
}
