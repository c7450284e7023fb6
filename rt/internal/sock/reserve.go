package sock

import (
	"errors"
	"os"
	"syscall"
)

// Reserve keeps descriptors that a daemon needs when it has no others: to accept a
// client, to tell it so, and to answer its Status or Shutdown. Only the goroutine that
// accepts uses it.
type Reserve struct {
	spare []*os.File
	size  int // how many there are to be
}

const (
	// Reserved is how many descriptors are kept where there are enough.
	Reserved = 4
	// reservedOf is of how many free ones one is kept: a process that has hardly any
	// must still be able to serve.
	reservedOf = 4
)

// NewReserve returns a full reserve.
func NewReserve() *Reserve {
	r := &Reserve{size: Reserved * reservedOf}
	r.Fill()
	r.size = len(r.spare) / reservedOf
	for len(r.spare) > r.size {
		r.Release()
	}
	return r
}

// Fill reports whether the reserve is full now. If not, the descriptor that was used
// last should have been in it.
func (r *Reserve) Fill() bool {
	for len(r.spare) < r.size {
		f, err := os.Open(os.DevNull)
		if err != nil {
			return false
		}
		r.spare = append(r.spare, f)
	}
	return true
}

// Release frees a descriptor. It reports whether there was one.
func (r *Reserve) Release() bool {
	last := len(r.spare) - 1
	if last < 0 {
		return false
	}
	r.spare[last].Close()
	r.spare = r.spare[:last]
	return true
}

func (r *Reserve) Close() {
	for r.Release() {
	}
}

// IsExhausted reports whether err is that of a system call for which the process, or
// the system, had no descriptor left.
func IsExhausted(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}
