//go:build unix

package rt

import (
	"io"
	"net"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// catchUp returns when all that had come is processed, and not before: also what is in
// the middle of a frame, and not what comes later.
func TestCatchUpWaitsForWhatHasCome(t *testing.T) {
	ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	client, err := net.Dial("unix", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := newIntake(conn)
	in.catchUp() // nothing has come

	if _, err := client.Write(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	caught := make(chan bool, 1)
	go func() {
		in.catchUp()
		caught <- true
	}()
	for in.waiting.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	not := func(what string) {
		t.Helper()
		select {
		case <-caught:
			t.Errorf("it did not wait for %s", what)
		default:
		}
	}
	b := make([]byte, 60)
	for _, what := range []string{"the first read", "the second", "the processing of the second"} {
		not(what)
		if what == "the processing of the second" {
			break
		}
		if _, err := io.ReadAtLeast(in, b[:50], 50); err != nil {
			t.Fatal(err)
		}
	}
	go in.Read(b) // all before was processed; nothing more comes
	<-caught
	client.Close()
}

// When nobody reads any more, calls that wait go on.
func TestCatchUpEndsWithTheConnection(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	in := newIntake(ours)
	in.close()
	in.catchUp()
}

// Of equal acquisitions the oldest is ended, so that an abandon finds its own.
func TestHoldingsEndTheOldest(t *testing.T) {
	var h holdings
	for call := range uint64(3) {
		h.add(holding{end: 1, args: "a", call: 1 + call})
	}
	h.add(holding{end: 1, args: "b", call: 4})
	if got := h.take(holding{end: 1, args: "a"}); got == nil || got.call != 1 {
		t.Errorf("ended %v, want that of call 1", got)
	}
	if got := h.abandon(3); got == nil || got.call != 3 {
		t.Errorf("abandoned %v, want that of call 3", got)
	}
	if got := h.abandon(3); got != nil {
		t.Errorf("abandoned twice: %v", got)
	}
	if got := h.take(holding{end: 1, args: "a"}); got == nil || got.call != 2 {
		t.Errorf("ended %v, want that of call 2", got)
	}
	if got := h.take(holding{end: 1, args: "a"}); got != nil {
		t.Errorf("ended %v, which was not held", got)
	}
	if left := h.close(); len(left) != 1 || left[0].call != 4 {
		t.Errorf("left: %v", left)
	}
}

// threadLocked sees a lock of this goroutine, on every release of Go.
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
