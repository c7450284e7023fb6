// Package objects holds the types that the tests of rt share between processes.
package objects

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/loopgen/loopgen/rt"
)

//go:generate go tool loopgen -type Counter,Vault

// Errors of Counter.
var (
	ErrNegative = errors.New("negative")
	errHidden   = errors.New("hidden")
)

// RangeError is an exported error type.
type RangeError struct {
	Value, Limit int
	Err          error
}

// Error says what was out of range.
func (e *RangeError) Error() string {
	return fmt.Sprintf("%d is over %d: %v", e.Value, e.Limit, e.Err)
}

// Unwrap returns what it wraps.
func (e *RangeError) Unwrap() error { return e.Err }

// Options configure a Counter.
type Options struct {
	Start int
	Step  int
	Tags  map[string]string
	// Fail makes the constructor fail in a way: error, panic, exit, nil, hang,
	// print.
	Fail string
	// Witness is a file in which every birth of a Counter is noted, and whether
	// another one was alive: see witness.
	Witness string
}

// Counter counts, and misbehaves in every way that a test may ask for.
type Counter struct {
	options Options
	value   int
	words   map[string]int
	closed  string // written to this file by Close
	hang    bool   // Close does not return

	mu    sync.Mutex // guards gates
	gates map[string]*gate
}

// NewCounter makes a counter.
func NewCounter(options Options) (*Counter, error) {
	if options.Witness != "" {
		if err := witness(options.Witness); err != nil {
			return nil, err
		}
	}
	switch what, arg, _ := strings.Cut(options.Fail, ":"); what {
	case "error":
		return nil, fmt.Errorf("counter: %w", ErrNegative)
	case "panic":
		panic("no counter today")
	case "exit":
		fmt.Fprintln(os.Stderr, "last words")
		os.Exit(7)
	case "nil":
		return nil, nil
	case "hang":
		select {}
	case "sleep":
		d, err := time.ParseDuration(arg)
		if err != nil {
			return nil, err
		}
		time.Sleep(d)
	case "print":
		fmt.Println(strings.Repeat("x", 1<<20))
		fmt.Fprintln(os.Stderr, strings.Repeat("y", 1<<20))
	}
	return &Counter{
		options: options,
		value:   options.Start,
		words:   map[string]int{},
		gates:   map[string]*gate{},
	}, nil
}

// Inc adds one, or the step, and returns the sum.
func (c *Counter) Inc() int {
	c.value += max(c.options.Step, 1)
	return c.value
}

// Life adds one and returns, with the sum, a name for this life of the object.
func (c *Counter) Life() (life string, sum int) {
	return fmt.Sprintf("%d-%p", os.Getpid(), c), c.Inc()
}

// Value returns the sum.
//
//loopgen:readonly
func (c *Counter) Value() int { return c.value }

// Ping returns "pong".
func (c *Counter) Ping() string { return "pong" }

// Words counts a word and returns the object's own map.
func (c *Counter) Words(word string) map[string]int {
	c.words[word]++
	return c.words
}

// Echo returns what it is given.
func (c *Counter) Echo(b []byte) []byte { return b }

// EchoIn is Echo without the comparison of b after the call.
//
//loopgen:in b
func (c *Counter) EchoIn(b []byte) []byte { return b }

// Bytes returns n bytes.
func (c *Counter) Bytes(n int) []byte { return make([]byte, n) }

// Check returns an error of the kind that is asked for.
func (c *Counter) Check(kind string) (int, error) {
	switch kind {
	case "sentinel":
		return 1, ErrNegative
	case "hidden":
		return 1, errHidden
	case "wrapped":
		return 1, fmt.Errorf("checking: %w", ErrNegative)
	case "joined":
		return 1, errors.Join(ErrNegative, io.EOF)
	case "typed":
		return 1, &RangeError{Value: 7, Limit: 5, Err: errHidden}
	case "eof":
		return 1, io.EOF
	case "notexist":
		_, err := os.Open("/nonexistent/file")
		return 1, err
	case "foreign":
		return 1, foreign{errors.New("deep")}
	case "deadline":
		return 1, context.DeadlineExceeded
	}
	return 2, nil
}

type foreign struct{ err error }

func (f foreign) Error() string { return "foreign: " + f.err.Error() }
func (f foreign) Unwrap() error { return f.err }

// Misbehave panics, or ends its goroutine, or the process.
func (c *Counter) Misbehave(how string) int {
	switch how {
	case "panic":
		panic("misbehaved")
	case "error":
		panic(ErrNegative)
	case "nil":
		var none *Counter
		return none.value
	case "goexit":
		runtime.Goexit()
	case "exit":
		os.Exit(3)
	case "overflow":
		debug.SetMaxStack(1 << 20) // a gigabyte is as fatal, and takes seconds
		return c.overflow(1)
	case "map":
		for range 8 {
			go func() {
				for {
					c.words[how]++
				}
			}()
		}
		select {}
	}
	return 0
}

func (c *Counter) overflow(n int) int {
	if n < 0 {
		return n
	}
	return c.overflow(n+1) + n
}

// gate is a place where calls wait until it is opened: by Open or, if it is
// named by a path, by whoever opens the fifo there for writing. The latter
// works when the daemon takes no more calls.
type gate struct{ entered, opened chan struct{} }

func (c *Counter) pass(name string) {
	g := c.gate(name)
	close(g.entered)
	if strings.HasPrefix(name, "/") {
		os.ReadFile(name)
		return
	}
	<-g.opened
}

func (c *Counter) gate(name string) *gate {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.gates[name]
	if g == nil {
		g = &gate{make(chan struct{}), make(chan struct{})}
		c.gates[name] = g
	}
	return g
}

// Enter waits at a gate, in its turn, and counts when it has been opened.
func (c *Counter) Enter(name string) int {
	c.pass(name)
	return c.Inc()
}

// EnterUntil waits at a gate, in its turn, and returns when that was over.
func (c *Counter) EnterUntil(name string) time.Time {
	c.pass(name)
	return time.Now()
}

// Stay waits at a gate without holding the turn.
//
//loopgen:concurrent
func (c *Counter) Stay(name string) int {
	c.pass(name)
	return 0
}

// EnterContext waits at a gate or until the context ends, and returns its cause.
func (c *Counter) EnterContext(ctx context.Context, name string) error {
	g := c.gate(name)
	close(g.entered)
	select {
	case <-g.opened:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Entered waits until somebody waits at a gate.
//
//loopgen:concurrent
func (c *Counter) Entered(ctx context.Context, name string) error {
	select {
	case <-c.gate(name).entered:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Open opens a gate.
//
//loopgen:concurrent
func (c *Counter) Open(name string) { close(c.gate(name).opened) }

// Meet opens one gate and waits for another.
//
//loopgen:readonly
func (c *Counter) Meet(mine, other string) {
	close(c.gate(mine).opened)
	<-c.gate(other).opened
}

// Sleep takes its time and returns what it is given.
func (c *Counter) Sleep(d time.Duration, s string) string {
	time.Sleep(d)
	return s
}

// ConnectTo calls Ping of a Counter from within the daemon, and returns what
// that said, or the error's text.
func (c *Counter) ConnectTo(ctx context.Context, dir, name string) string {
	shared := ShareCounter(rt.Config{Scope: rt.ScopeDir(dir), Name: name}, Options{})
	defer shared.Close()
	client, err := shared.Connect(ctx)
	if err != nil {
		return err.Error()
	}
	s, err := client.Ping(ctx)
	if err != nil {
		return err.Error()
	}
	return s
}

// Deadline returns how much time is left for the call; 0: no limit.
func (c *Counter) Deadline(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return 0
	}
	return time.Until(deadline)
}

// OnClose says what Close does: append to a file, and hang or not.
func (c *Counter) OnClose(file string, hang bool) { c.closed, c.hang = file, hang }

// Surroundings is what a daemon finds itself in.
type Surroundings struct {
	PID     int
	Session int
	Dir     string
	Umask   int
	Env     []string
}

// Environment returns the daemon's surroundings.
//
//loopgen:concurrent
func (c *Counter) Environment() (Surroundings, error) {
	dir, err := os.Getwd()
	session, umask := sessionAndUmask()
	return Surroundings{PID: os.Getpid(), Session: session, Dir: dir, Umask: umask, Env: os.Environ()}, err
}

// Mallocs returns how many times the daemon has allocated.
//
//loopgen:concurrent
func (c *Counter) Mallocs() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}

// Close is called by the daemon when it leaves.
func (c *Counter) Close() error {
	if c.closed != "" {
		if err := os.WriteFile(c.closed, []byte("closed\n"), 0o600); err != nil {
			return err
		}
	}
	if c.hang {
		select {}
	}
	return nil
}
