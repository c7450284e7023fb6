package sock

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
)

// A queued frame can be withdrawn until it is in a batch. A frame in a batch is sent only
// once the kernel has all of it.
func TestWriteQueueAccounting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe() // a write returns only when its bytes are read
		var failure error
		q := NewWriteQueue(ours, 0, func(err error) { failure = err })
		frames := []*QueuedFrame{{Bytes: bytes.Repeat([]byte("a"), 10)}, {Bytes: bytes.Repeat([]byte("b"), 10)}, {Bytes: bytes.Repeat([]byte("c"), 10)}}
		if err := q.Put(frames[0]); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // the writer blocks in the first frame
		for _, f := range frames[1:] {
			if err := q.Put(f); err != nil {
				t.Fatal(err)
			}
		}
		if q.Withdraw(frames[0]) {
			t.Error("a frame was withdrawn that is being written")
		}
		if !q.Withdraw(frames[1]) {
			t.Error("a frame that waits could not be withdrawn")
		}
		if got, want := q.Backlog(), 20+frameCost; got != want {
			t.Errorf("backlog %d, want %d", got, want)
		}
		if _, err := io.ReadFull(theirs, make([]byte, 15)); err != nil { // all of a, half of c
			t.Fatal(err)
		}
		theirs.Close()
		synctest.Wait()
		if failure == nil {
			t.Error("failed was not called after the connection failed")
		}
		q.Close(io.ErrClosedPipe)
		for i, want := range []bool{true, false, false} {
			if got := q.Sent(frames[i]); got != want {
				t.Errorf("frame %d: sent %v, want %v", i, got, want)
			}
		}
		if err := q.Put(&QueuedFrame{Bytes: []byte("d")}); err == nil {
			t.Error("a closed queue took a frame")
		}
	})
}

func TestWriteQueueCoalesces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		q := NewWriteQueue(ours, 0, func(error) {})
		var want []byte
		for i := range 10 {
			f := bytes.Repeat([]byte{byte('a' + i)}, 5)
			want = append(want, f...)
			if err := q.Put(&QueuedFrame{Bytes: f}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		got := make([]byte, len(want))
		if _, err := io.ReadFull(theirs, got); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("the peer read %q, want %q", got, want)
		}
		q.Finish(io.ErrClosedPipe)
		if got := q.Backlog(); got != 0 {
			t.Errorf("backlog %d after drain", got)
		}
		q.Close(errors.New("done"))
	})
}
