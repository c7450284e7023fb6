package daemon

import (
	"runtime"
	"testing"
)

// TestThreadLocked shows that threadLocked reports a lock of this goroutine, on every
// release of Go.
func TestThreadLocked(t *testing.T) {
	locked := make(chan [2]bool)
	go func() {
		before := threadLocked()
		runtime.LockOSThread() // the thread ends with this goroutine
		locked <- [2]bool{before, threadLocked()}
	}()
	if got := <-locked; got != [2]bool{false, true} {
		t.Errorf("before and after runtime.LockOSThread: %v", got)
	}
}
