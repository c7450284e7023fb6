package sock

import (
	"errors"
	"os"
	"syscall"
)

// SpareDescriptors keeps descriptors open for a daemon that has run out of others. With
// them it accepts a client, refuses the client's calls, and answers its Status or
// Shutdown. Its methods are not safe for concurrent use: only the accept loop uses it.
type SpareDescriptors struct {
	files []*os.File
	size  int // how many files to keep
}

const (
	// MaxSpareDescriptors is how many descriptors are kept where there are enough.
	MaxSpareDescriptors = 4
	// freePerSpare is how many free descriptors there must be for each one kept: a
	// process that has hardly any must still be able to serve.
	freePerSpare = 4
)

// NewSpareDescriptors opens the descriptors, at most MaxSpareDescriptors. With few free
// descriptors it opens fewer, or none.
func NewSpareDescriptors() *SpareDescriptors {
	s := &SpareDescriptors{size: MaxSpareDescriptors * freePerSpare}
	s.Fill()
	s.size = len(s.files) / freePerSpare
	for len(s.files) > s.size {
		s.Release()
	}
	return s
}

// Fill opens the descriptors that are missing and reports whether it could. If it could
// not, the descriptor used last should have been kept as a spare one.
func (s *SpareDescriptors) Fill() bool {
	for len(s.files) < s.size {
		f, err := os.Open(os.DevNull)
		if err != nil {
			return false
		}
		s.files = append(s.files, f)
	}
	return true
}

// Release closes one descriptor. It reports whether there was one.
func (s *SpareDescriptors) Release() bool {
	last := len(s.files) - 1
	if last < 0 {
		return false
	}
	s.files[last].Close()
	s.files = s.files[:last]
	return true
}

// Close closes all descriptors.
func (s *SpareDescriptors) Close() {
	for s.Release() {
	}
}

// IsExhausted reports whether err is that of a system call for which the process, or
// the system, had no descriptor left. It may be called concurrently.
func IsExhausted(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}
