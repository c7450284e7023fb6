package objects

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

//go:generate go tool loopgen -type Journal

// Entry is the answer to an execution: where and as what it was counted.
type Entry struct {
	Life  string
	Value int
}

// Journal counts executions and notes each in a file, one line that names its
// life, the value and the caller's token. The file outlives the object, so that
// it tells what was executed, whatever the callers were told.
type Journal struct {
	life  string
	value int
	file  *os.File
	own   map[string]int
	lock  chan struct{} // holds a token while locked
}

// NewJournal makes a journal that writes to a file. witnessed is for witness.
func NewJournal(path, witnessed string) (*Journal, error) {
	if err := witness(witnessed); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	life := fmt.Sprintf("%d-%d", os.Getpid(), time.Now().UnixNano())
	return &Journal{life: life, file: f, own: map[string]int{}, lock: make(chan struct{}, 1)}, nil
}

// Add counts and notes one execution.
func (j *Journal) Add(token string) (Entry, error) {
	if j.file == nil {
		return Entry{}, errors.New("called after Close")
	}
	e := Entry{j.life, j.value + 1}
	// The kernel may cut a write short where a page ends when the process is
	// killed: what is complete begins on a line of its own and ends with a stop.
	if _, err := fmt.Fprintf(j.file, "\n%s %d %s .", e.Life, e.Value, token); err != nil {
		return e, err
	}
	j.value++
	return e, nil
}

// Rest is Add and then takes its time, in its turn.
func (j *Journal) Rest(token string, d time.Duration) (Entry, error) {
	e, err := j.Add(token)
	time.Sleep(d)
	return e, err
}

// Own returns the journal's own map, in which it has set every key to n.
func (j *Journal) Own(n int) map[string]int {
	for _, key := range []string{"first", "second", "third"} {
		j.own[key] = n
	}
	return j.own
}

// Echo returns what it is given.
func (j *Journal) Echo(b []byte) []byte { return b }

// Hold waits for the journal's lock and returns the life in which it was acquired.
//
//loopgen:concurrent
//loopgen:session end=Release
func (j *Journal) Hold(ctx context.Context) (string, error) {
	select {
	case j.lock <- struct{}{}:
		return j.life, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// Release gives the lock back.
//
//loopgen:concurrent
func (j *Journal) Release() { <-j.lock }

// Close takes a moment, in which no other Journal may be born.
func (j *Journal) Close() error {
	time.Sleep(5 * time.Millisecond)
	f := j.file
	j.file = nil
	return f.Close()
}
