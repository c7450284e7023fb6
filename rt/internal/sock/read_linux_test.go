package sock

import (
	"testing"
)

// ReadLent gives the memory back before it waits, and reads into memory lent again.
func TestReadLentWaitsWithoutMemory(t *testing.T) {
	client, conn := connected(t)

	in := NewIntake(conn)
	var memory []byte // nil: given back
	lend := func() []byte {
		if memory == nil {
			memory = make([]byte, 4)
		}
		return memory
	}
	waits := make(chan bool, 1)
	giveBack := func() {
		memory = nil
		select {
		case waits <- true:
		default:
		}
	}
	type result struct {
		n    int
		full bool
		err  error
	}
	results := make(chan result)
	read := func() {
		n, full, err := in.ReadLent(lend, giveBack)
		results <- result{n, full, err}
	}
	go read()
	<-waits
	if _, err := client.Write([]byte("abcdef")); err != nil {
		t.Fatal(err)
	}
	if r := <-results; r.n != 4 || !r.full || r.err != nil || string(memory) != "abcd" || in.Current() {
		t.Errorf("got %+v and %q, current %v, want 4 bytes, which fill the memory", r, memory, in.Current())
	}
	go read()
	if r := <-results; r.n != 2 || r.full || r.err != nil || string(memory[:2]) != "ef" || !in.Current() {
		t.Errorf("got %+v and %q, want the other 2 bytes", r, memory)
	}
	client.Close()
	go read()
	if r := <-results; r.n != 0 || r.err == nil {
		t.Errorf("got %+v at the end, want an error", r)
	}
}
