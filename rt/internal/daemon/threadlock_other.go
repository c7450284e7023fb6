//go:build !gc || !go1.26 || go1.27

package daemon

import (
	"bytes"
	"runtime"
)

// threadLocked reports whether the calling goroutine is locked to its thread, see
// runtime.LockOSThread. The first line of a stack trace has the answer: "goroutine 7
// [running, locked to thread]:".
func threadLocked() bool {
	var trace [96]byte
	head, _, _ := bytes.Cut(trace[:runtime.Stack(trace[:], false)], []byte("\n"))
	return bytes.Contains(head, []byte("locked to thread"))
}
