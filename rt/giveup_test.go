//go:build unix

package rt_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/testdata/objects"
)

// enough is longer than anything takes here on a busy machine.
const enough = time.Minute

func connectSpecimen(t testing.TB, a singleton) *objects.SpecimenClient {
	t.Helper()
	shared := objects.ShareSpecimen(a.config())
	t.Cleanup(func() { shared.Close() })
	c, err := shared.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// merged ends when either context does, and has the first one's deadline: none.
type merged struct {
	context.Context
	other context.Context
	done  chan struct{}
}

func merge(a, b context.Context) context.Context {
	m := &merged{a, b, make(chan struct{})}
	go func() { // ends with either
		select {
		case <-a.Done():
		case <-b.Done():
		}
		close(m.done)
	}()
	return m
}

func (m *merged) Done() <-chan struct{} { return m.done }

func (m *merged) Err() error {
	if err := m.Context.Err(); err != nil {
		return err
	}
	return m.other.Err()
}

// waysToGiveUp are contexts that end after a while, and the error with which they do.
var waysToGiveUp = map[string]func(context.Context, time.Duration) (context.Context, context.CancelFunc){
	"deadline": context.WithTimeout,
	"cancel": func(ctx context.Context, after time.Duration) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(ctx)
		time.AfterFunc(after, cancel)
		return ctx, cancel
	},
	"merged": func(ctx context.Context, after time.Duration) (context.Context, context.CancelFunc) {
		other, cancel := context.WithTimeout(context.Background(), after)
		return merge(ctx, other), cancel
	},
}

// tryLock reports whether the lock can be had, and gives it back.
func tryLock(t testing.TB, c *objects.SpecimenClient, within time.Duration) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	err := c.Lock(ctx)
	if err == nil {
		err = c.Unlock(context.Background())
		if err != nil {
			t.Errorf("Unlock: %v", err)
		}
		return true
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Lock: %v", err)
	}
	return false
}

// A caller that was told that its Lock failed does not hold it, when the daemon was
// stopped meanwhile and finds the call later.
func TestLockGivenUpIsFree(t *testing.T) {
	for name, way := range waysToGiveUp {
		t.Run(name, func(t *testing.T) {
			eachTransport(t, func(t *testing.T, a singleton) {
				first, other := connectSpecimen(t, a), connectSpecimen(t, a)
				resume := a.stop(t)
				ctx, cancel := way(t.Context(), 50*time.Millisecond)
				defer cancel()
				err := first.Lock(ctx)
				if !errors.Is(err, ctx.Err()) || ctx.Err() == nil {
					t.Errorf("Lock: %v; want %v", err, ctx.Err())
				}
				resume()
				if !tryLock(t, other, enough) {
					t.Error("the lock is held, and nobody was told so")
				}
				var call *rt.CallError
				if err := first.Unlock(t.Context()); !errors.As(err, &call) || call.Outcome != rt.OutcomeNotExecuted {
					t.Errorf("Unlock: %v; want not executed", err)
				}
			})
		})
	}
}

// The result of Lock decides which caller holds the lock, whenever the caller gives up:
// after an error it holds nothing, after a success it keeps the lock.
func TestLockIsAsItWasTold(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		c, witness := connectSpecimen(t, a), connectSpecimen(t, a)
		daemon, err := os.FindProcess(a.endpoint(t).PID)
		if err != nil {
			t.Fatal(err)
		}
		random := rand.New(rand.NewPCG(1, 2))
		told := map[bool]int{}
		for end := time.Now().Add(long(2 * time.Second)); time.Now().Before(end); {
			stopped := random.IntN(4) == 0
			if stopped {
				daemon.Signal(syscall.SIGSTOP)
			}
			after := time.Duration(random.IntN(400)) * time.Microsecond
			way := []string{"deadline", "cancel", "merged"}[random.IntN(3)]
			ctx, cancel := waysToGiveUp[way](t.Context(), after)
			if stopped {
				resume := time.Duration(random.IntN(80)) * time.Millisecond // the verdict takes 50
				time.AfterFunc(resume, func() { daemon.Signal(syscall.SIGCONT) })
			}
			err := c.Lock(ctx)
			cancel()
			told[err == nil]++
			if err == nil {
				if tryLock(t, witness, 20*time.Millisecond) {
					t.Fatalf("%s after %v: the caller was told that it holds the lock, and another got it", way, after)
				}
				if err := c.Unlock(t.Context()); err != nil {
					t.Fatalf("Unlock: %v", err)
				}
			} else if !tryLock(t, witness, enough) {
				t.Fatalf("%s after %v: the caller was told %v, and the lock is held", way, after, err)
			}
		}
		daemon.Signal(syscall.SIGCONT)
		t.Logf("told that it holds the lock: %d times, that it does not: %d times", told[true], told[false])
	})
}

// An acquisition that was answered is kept until the client abandons the call; then it
// is given back. Another call's equal acquisition is not touched.
func TestAbandonGivesBackWhatWasAnswered(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		other := connectSpecimen(t, a)
		r := a.greet(t)
		r.send(t, r.call(t, 1, "Lock"))
		if f := r.next(t); f.Kind != wire.KindReply || f.ID != 1 {
			t.Fatalf("Lock: %v %d", f.Kind, f.ID)
		}
		r.send(t, wire.Frame{Kind: wire.KindCancel, ID: 1}) // too late: it has no effect
		r.send(t, wire.Frame{Kind: wire.KindAbandon, ID: 7})
		if tryLock(t, other, 100*time.Millisecond) {
			t.Fatal("the lock was given back without an abandon of its call")
		}
		r.send(t, wire.Frame{Kind: wire.KindAbandon, ID: 1})
		if !tryLock(t, other, enough) {
			t.Error("the lock is held after the abandon")
		}
		r.send(t, r.call(t, 2, "Unlock"))
		if f := r.failure(t, 2); f.Code != wire.FailureNotHeld {
			t.Errorf("Unlock: %v; want %v", f.Code, wire.FailureNotHeld)
		}
	})
}

// A call whose caller has given up before it began does not begin, when the daemon that
// was stopped finds the call and its cancel together: neither a quick one, nor one
// that waits for its turn, nor one that needs none.
func TestCallGivenUpDoesNotBegin(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		c := connect(t, a)
		if _, err := c.Inc(t.Context()); err != nil { // it is known to be quick now
			t.Fatal(err)
		}
		resume := a.stop(t)
		var callers sync.WaitGroup
		for name, way := range waysToGiveUp {
			for range 20 {
				callers.Go(func() {
					ctx, cancel := way(t.Context(), 50*time.Millisecond)
					defer cancel()
					if _, err := c.Inc(ctx); !errors.Is(err, ctx.Err()) || ctx.Err() == nil {
						t.Errorf("%s: %v; want %v", name, err, ctx.Err())
					}
				})
			}
		}
		callers.Wait()
		resume()
		if n, err := c.Inc(t.Context()); n != 2 || err != nil {
			t.Errorf("%d calls were executed, %v; want 2", n, err)
		}
	})
}

// The same, when the calls were in the queue already, behind one that ends as soon as
// the daemon goes on.
func TestQueuedCallGivenUpDoesNotBegin(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		c := connect(t, a)
		first, queued := make(chan error, 1), make(chan error, 30)
		go func() {
			_, err := c.Sleep(context.Background(), 300*time.Millisecond, "")
			first <- err
		}()
		running(t, a, "Sleep")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for range cap(queued) {
			go func() {
				_, err := c.Inc(ctx)
				queued <- err
			}()
		}
		admin := share(t, a)
		eventually(t, "the calls wait", func() bool {
			s, err := admin.Status(context.Background())
			return err == nil && (s.Waiting == cap(queued) || len(s.Running) == 0)
		})
		resume := a.stop(t)
		// When the daemon goes on, the sleep is over.
		time.AfterFunc(400*time.Millisecond, cancel)
		for range cap(queued) {
			<-queued
		}
		resume()
		if err := <-first; err != nil {
			t.Error(err)
		}
		if n, err := c.Inc(t.Context()); n != 1 || err != nil {
			t.Errorf("%d calls were executed, %v; want 1", n, err)
		}
	})
}

// A method whose caller's context ended with DeadlineExceeded sees that, also when the
// daemon knew of no deadline, and contexts that it derived end so as well.
func TestMergedDeadlineReachesTheMethod(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		c := connectSpecimen(t, a)
		for name, way := range waysToGiveUp {
			for after := 50 * time.Millisecond; ; after *= 2 {
				ctx, cancel := way(t.Context(), after)
				_, err := c.Rest(ctx)
				<-ctx.Done() // the daemon's clock may be the first to tell
				cancel()
				var call *rt.CallError
				if errors.As(err, &call) && call.Outcome != rt.OutcomeExecuted {
					continue // it had not begun, or not ended in time: the machine is busy
				}
				if err != ctx.Err() {
					t.Errorf("%s: the method returned %v, want %v", name, err, ctx.Err())
				}
				break
			}
		}
	})
}

// A client that closes its sending direction is disconnected. It gets no answer to calls
// in flight, the daemon releases its locks, and its running call does not keep the
// connection.
func TestHalfClosedConnectionIsClosed(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		c, lock := connect(t, a), connectSpecimen(t, singleton{Dir: a.Dir, Name: a.Name + "-lock", Transport: a.Transport})
		r := a.greet(t)
		r.send(t, r.call(t, 1, "Enter", "g"), r.call(t, 2, "Inc"))
		if err := c.Entered(t.Context(), "g"); err != nil {
			t.Fatal(err)
		}
		closeWrite(t, r.conn)
		if f, err := r.reader.Next(); err == nil {
			t.Errorf("an answer came: %v of %d", f.Kind, f.ID)
		} else if ne, ok := err.(net.Error); ok && ne.Timeout() {
			t.Error("the daemon keeps the connection")
		}
		if err := c.Open(t.Context(), "g"); err != nil {
			t.Fatal(err)
		}
		if n, err := c.Inc(t.Context()); n != 2 || err != nil {
			t.Errorf("%d calls were executed, %v; want Enter and this one", n, err)
		}
		l := singleton{Dir: a.Dir, Name: a.Name + "-lock", Transport: a.Transport}.greet(t)
		l.send(t, l.call(t, 1, "Lock"))
		if f := l.next(t); f.Kind != wire.KindReply {
			t.Fatalf("Lock: %v", f.Kind)
		}
		closeWrite(t, l.conn)
		if !tryLock(t, lock, enough) {
			t.Error("the lock is held by a connection that is half closed")
		}
	})
}

func closeWrite(t testing.TB, conn net.Conn) {
	t.Helper()
	if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
}

// A daemon that drains gives no client a lock that another caller believes to hold. A
// Lock that waits meanwhile acquires it from the next daemon.
func TestLockThatWaitsInADrainIsTheNextDaemons(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		holder, waiter := connectSpecimen(t, a), connectSpecimen(t, a)
		if err := holder.Lock(t.Context()); err != nil {
			t.Fatal(err)
		}
		before := a.endpoint(t).Incarnation
		locked := make(chan error, 1)
		go func() { locked <- waiter.Lock(context.Background()) }()
		admin := objects.ShareSpecimen(a.config())
		defer admin.Close()
		eventually(t, "Lock waits", func() bool {
			s, err := admin.Status(context.Background())
			return err == nil && len(s.Running) == 1
		})
		if err := admin.Shutdown(t.Context(), rt.ShutdownDrain); err != nil {
			t.Fatal(err)
		}
		if err := <-locked; err != nil {
			t.Errorf("Lock: %v", err)
		}
		if now := a.endpoint(t).Incarnation; now == before {
			t.Error("the lock is that of the daemon that has left")
		}
		if tryLock(t, holder, 50*time.Millisecond) {
			t.Error("the lock of the next daemon is free")
		}
	})
}

// With one processor and many calls that use it up, callers give up before the daemon
// gets to their Lock. None of these is held in the end.
func TestLockOfABusyDaemonIsFree(t *testing.T) {
	a := singleton{Dir: rttest.Dir(t), Name: "c", Env: append(os.Environ(), "GOMAXPROCS=1")}
	c, other := connectSpecimen(t, a), connectSpecimen(t, a)
	busy := connectSpecimen(t, a)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var spinning sync.WaitGroup
	for range 20 {
		spinning.Go(func() {
			for ctx.Err() == nil {
				if _, err := busy.Spin(context.Background(), 20*time.Millisecond); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	var locking sync.WaitGroup
	var mu sync.Mutex
	told := map[string]int{}
	for range 8 {
		locking.Go(func() {
			for range 5 {
				short, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
				err := c.Lock(short)
				cancel()
				if err == nil {
					err = c.Unlock(context.Background())
				}
				mu.Lock()
				told[fmt.Sprint(err != nil)]++
				mu.Unlock()
			}
		})
	}
	locking.Wait()
	cancel()
	spinning.Wait()
	t.Logf("calls that failed: %v", told)
	if !tryLock(t, other, enough) {
		t.Error("the lock is held, and nobody was told so")
	}
}
