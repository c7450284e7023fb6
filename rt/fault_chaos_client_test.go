//go:build linux

package rt_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/testdata/objects"
)

// Files of a chaos run, in the directory of its singleton.
const (
	chaosJournal = "journal" // the object's: what was executed
	chaosRecords = "records" // a directory, one file for each client: what callers were told
)

func init() { addRole("chaos", playChaos) }

// chaosClient is a client process of a chaos run: a.N goroutines that call a
// Journal until standard input ends. They write down each call before and after
// it, so that nothing is forgotten when the process is killed.
type chaosClient struct {
	a       args
	record  *os.File
	stopped atomic.Bool

	locking sync.Mutex // the caller that uses the journal's lock, see lock

	mu     sync.RWMutex // held for reading by calls, for writing to open the Shared anew
	shared *rt.Shared[*objects.JournalClient, *objects.JournalProxy]
}

func playChaos(ctx context.Context, _ *counterShared, a args) (any, error) {
	name := fmt.Sprint(a.Seed) // unlike a pid never used again
	path := filepath.Join(a.Dir, chaosRecords, name)
	record, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	c := &chaosClient{a: a, record: record}
	c.open()
	go func() { // ends with the process
		io.Copy(io.Discard, os.Stdin)
		c.stopped.Store(true)
	}()
	var callers sync.WaitGroup
	for i := range a.N {
		callers.Go(func() {
			random := rand.New(rand.NewPCG(uint64(a.Seed), uint64(i)))
			for n := 0; !c.stopped.Load(); n++ {
				c.call(random, fmt.Sprintf("%s.%d.%d", name, i, n))
				c.think(random)
			}
		})
	}
	callers.Wait()
	c.shared.Close()
	return true, nil
}

func (c *chaosClient) open() {
	cfg := c.a.config()
	if c.a.Version > 0 {
		cfg.IdleTTL = -1 // only another version ends the daemon
	}
	// The same file, as another argument where that is to tell versions apart.
	journal := c.a.Dir + strings.Repeat("/", 1+c.a.Options.Step) + chaosJournal
	c.shared = objects.ShareJournal(cfg, journal, filepath.Join(c.a.Dir, "witness"))
}

// think pauses now and then, with the connection open or closed, for about the
// time after which the daemon leaves.
func (c *chaosClient) think(random *rand.Rand) {
	pause := func() { time.Sleep(time.Duration(random.Int64N(int64(2*c.a.IdleTTL + time.Millisecond)))) }
	closes := 2 // of a hundred times
	if c.a.IdleTTL <= time.Millisecond {
		closes = 30 // or there is hardly a moment at which nobody is connected
	}
	switch p := random.IntN(100); {
	case p < closes: // with the connection closed: nobody of this process calls meanwhile
		c.mu.Lock()
		defer c.mu.Unlock()
		c.shared.Close()
		if err := c.shared.Restart(context.Background()); err != rt.ErrClosed {
			c.note("wrong: Restart of a closed Shared returned %v", err)
		}
		pause()
		c.open()
	case p < closes+3:
		pause()
	}
}

// call makes one call of a random kind.
func (c *chaosClient) call(random *rand.Rand, token string) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	kind := random.IntN(1000)
	impatient := kind < 200
	if impatient { // gives up while it waits or runs, by deadline, by cancellation, or by another context's deadline
		patience := time.Duration(random.Int64N(int64(3 * time.Millisecond)))
		switch kind % 3 {
		case 0:
			ctx, cancel = context.WithTimeout(ctx, patience)
			defer cancel()
		case 1:
			defer time.AfterFunc(patience, cancel).Stop()
		case 2:
			other, stop := context.WithTimeout(context.Background(), patience)
			defer stop()
			ctx = merge(ctx, other)
		}
	}
	client, err := c.shared.Connect(ctx)
	if err != nil {
		c.check(impatient, err)
		if errors.Is(err, rt.ErrConfigMismatch) {
			time.Sleep(5 * time.Millisecond) // there is nothing else to do but to try again
		}
		return
	}
	switch {
	case kind < 3: // longer than a client waits for the verdict on a call that it gave up
		c.counted(impatient, token, func() (objects.Entry, error) { return client.Rest(ctx, token, 70*time.Millisecond) })
	case kind < 50 || kind >= 950:
		rest := time.Duration(random.Int64N(int64(2 * time.Millisecond)))
		c.counted(impatient, token, func() (objects.Entry, error) { return client.Rest(ctx, token, rest) })
	case kind < 53 || kind >= 947:
		sent := make([]byte, 1<<20)
		for i := 0; i < len(sent); i += 8 {
			binary.NativeEndian.PutUint64(sent[i:], random.Uint64())
		}
		got, err := client.Echo(ctx, sent)
		if err == nil && !bytes.Equal(got, sent) {
			c.note("wrong: another call's answer: %d bytes for an echo of %d", len(got), len(sent))
		}
		c.check(impatient, err)
	case kind < 100 || kind >= 800:
		n := random.Int()
		got, err := client.Own(ctx, n)
		if err == nil && (len(got) != 3 || got["first"] != n || got["second"] != n || got["third"] != n) {
			c.note("wrong: a result was encoded outside its turn, or is another call's: %v for %d", got, n)
		}
		c.check(impatient, err)
	case kind >= 150 && kind < 220:
		c.lock(ctx, impatient, token, client)
	default:
		c.counted(impatient, token, func() (objects.Entry, error) { return client.Add(ctx, token) })
	}
}

// lockPatience is far longer than all others together hold the lock, whether they are
// stopped or not.
const lockPatience = 15 * time.Second

// lock acquires the journal's lock and releases it. If Lock fails, the caller tries again
// with patience while the connection lasts. Then it must succeed, or the lock is held
// although no caller got a success.
func (c *chaosClient) lock(ctx context.Context, impatient bool, token string, client *objects.JournalClient) {
	// One caller at a time: a caller whose lock was lost with its daemon would give back
	// that of another caller of this process, as any caller of Unlock can.
	c.locking.Lock()
	defer c.locking.Unlock()
	if impatient {
		err := c.hold(ctx, token, client)
		c.check(true, err)
		if err == nil {
			return
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), lockPatience)
	defer cancel()
	err := c.hold(ctx, token+".again", client)
	if errors.Is(err, context.DeadlineExceeded) {
		c.note("wrong: the lock was not to be had within %v", lockPatience)
		return
	}
	c.check(false, err)
}

// hold acquires the lock and gives it back, and notes when it was told that it holds
// the lock, and when it begins to give it back.
func (c *chaosClient) hold(ctx context.Context, token string, client *objects.JournalClient) error {
	life, err := client.Hold(ctx)
	if err != nil {
		return err
	}
	c.note("holds: %s %d %s", token, monotonic(), life)
	time.Sleep(100 * time.Microsecond)
	c.note("gives: %s %d", token, monotonic())
	err = client.Release(context.Background())
	var call *rt.CallError
	if errors.As(err, &call) && call.Outcome == rt.OutcomeNotExecuted {
		return nil // the lock was lost with its daemon
	}
	return err
}

// counted makes a call that the journal notes, and notes it itself.
func (c *chaosClient) counted(impatient bool, token string, call func() (objects.Entry, error)) {
	c.note("call: %s %d", token, monotonic())
	e, err := call()
	if err == nil {
		c.note("done: %s %d %s %d", token, monotonic(), e.Life, e.Value)
		return
	}
	var fault *rt.CallError
	if errors.As(err, &fault) {
		c.note("failed: %s %v", token, fault.Outcome)
	}
	c.check(impatient, err)
}

// numbers are what is different in each of the same errors: pids and paths.
var numbers = regexp.MustCompile(`[0-9a-f]*[0-9][0-9a-f]*`)

// check notes an error, and whether it is one that a caller may get.
func (c *chaosClient) check(impatient bool, err error) {
	var typed rt.Error
	switch {
	case err == nil:
	case impatient && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)):
		c.note("gave up")
	case !errors.As(err, &typed):
		c.note("wrong: an error without a type: %v", err)
	default:
		c.note("error: %s", numbers.ReplaceAllString(err.Error(), "#"))
	}
}

// note writes one line, in one piece.
func (c *chaosClient) note(format string, values ...any) {
	line := strings.ReplaceAll(fmt.Sprintf(format, values...), "\n", " ")
	if _, err := c.record.WriteString(line + "\n"); err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

// monotonic is a clock that all processes share.
func monotonic() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err)
	}
	return t.Nano()
}
