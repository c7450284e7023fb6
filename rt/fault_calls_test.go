//go:build unix

package rt_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/testdata/objects"
)

// D01. A call that runs or waits when the daemon is killed has an unknown outcome, and the
// next call is answered by a fresh object.
func TestDaemonKilledInMidCall(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		var asked atomic.Int32
		c := connect(t, a, func(c *rt.Config) {
			c.OnRestart = func(old, new string) error {
				asked.Add(1)
				if old == "" || new == "" || old == new {
					t.Errorf("OnRestart(%q, %q)", old, new)
				}
				return nil
			}
		})
		_, result := gated(t, c)
		waiting := make(chan error, 1)
		go func() {
			_, err := c.Inc(context.Background())
			waiting <- err
		}()
		queued(t, a, 1)
		a.kill(t)
		_, err := result()
		callError(t, err, rt.OutcomeUnknown)
		callError(t, <-waiting, rt.OutcomeUnknown)
		if asked.Load() != 0 {
			t.Error("OnRestart was asked before there is a new object")
		}
		if n, err := c.Inc(t.Context()); n != 1 || err != nil {
			t.Errorf("the next call: %d, %v; want 1 of a fresh object", n, err)
		}
		if asked.Load() != 1 {
			t.Errorf("OnRestart was asked %d times", asked.Load())
		}
	})
}

// D03. A method that panics or calls Goexit fails its call with the place, and the daemon
// serves on.
func TestPanicAndGoexit(t *testing.T) {
	source, err := os.ReadFile("../testdata/objects/counter.go")
	if err != nil {
		t.Fatal(err)
	}
	eachTransport(t, func(t *testing.T, a singleton) {
		c := connect(t, a)
		log := a.endpoint(t).Log
		for _, test := range []struct{ how, value, code string }{
			{"panic", "misbehaved", `panic("misbehaved")`},
			{"error", "negative", "panic(ErrNegative)"},
			{"nil", "nil pointer", "return none.value"},
			{"goexit", "Goexit", "runtime.Goexit()"},
		} {
			_, err := c.Misbehave(t.Context(), test.how)
			callError(t, err, rt.OutcomeExecuted)
			var p *rt.PanicError
			if !errors.As(err, &p) || !strings.Contains(p.Value, test.value) || !strings.Contains(p.Stack, "Misbehave") {
				t.Errorf("%s: %v", test.how, err)
			}
			before, _, _ := strings.Cut(string(source), test.code)
			place := fmt.Sprintf(" at counter.go:%d; the daemon's log is %s (executed)", strings.Count(before, "\n")+1, log)
			if !strings.HasSuffix(err.Error(), place) {
				t.Errorf("%s: got %q, want it to end in %q", test.how, err, place)
			}
		}
		if n, err := c.Inc(t.Context()); err != nil || n != 1 {
			t.Errorf("after panics: %d, %v", n, err)
		}
		s, err := share(t, a).Status(t.Context())
		if err != nil || s.LastPanic == "" {
			t.Errorf("status has no last panic: %q, %v", s.LastPanic, err)
		}
	})
}

// D03. A method that ends the process leaves its call with an unknown outcome, and the next
// call is answered by a fresh object.
func TestFatalMethods(t *testing.T) {
	for _, how := range []string{"exit", "overflow", "map"} {
		t.Run(how, func(t *testing.T) {
			eachTransport(t, func(t *testing.T, a singleton) {
				c := connect(t, a)
				_, err := c.Misbehave(t.Context(), how)
				callError(t, err, rt.OutcomeUnknown)
				if n, err := c.Inc(t.Context()); err != nil || n != 1 {
					t.Errorf("the next call: %d, %v; want 1 of a fresh object", n, err)
				}
			})
		})
	}
}

// D05. A call whose context ends before its turn is not executed.
func TestCanceledInTheQueue(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		c := connect(t, a)
		open, result := gated(t, c)
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error)
		go func() {
			_, err := c.Inc(ctx)
			failed <- err
		}()
		queued(t, a, 1)
		cancel()
		err := <-failed
		callError(t, err, rt.OutcomeNotExecuted)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v is not %v", err, context.Canceled)
		}
		short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if _, err = c.Inc(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v is not %v", err, context.DeadlineExceeded)
		}
		callError(t, err, rt.OutcomeNotExecuted)
		open()
		if n, err := result(); n != 1 || err != nil {
			t.Errorf("the running call: %d, %v", n, err)
		}
		if n, err := c.Value(t.Context()); n != 1 || err != nil {
			t.Errorf("value %d, %v; want 1: the canceled calls did not run", n, err)
		}
	})
}

// A call whose time ends in the queue tells which call had the turn, of which process
// and for how long, and so does one that is canceled there.
func TestGivenUpInTheQueueNamesTheBlocker(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		c := connect(t, a)
		blocker := start(t, "enter", a)
		running(t, a, "Enter")
		want := fmt.Sprintf(" while Enter of process %d had the turn for ", blocker.cmd.Process.Pid)
		check := func(err, cause error) bool {
			var e *rt.CallError
			if !errors.As(err, &e) || !errors.Is(err, cause) {
				t.Fatalf("got %v, want a *CallError around %v", err, cause)
			}
			// On a busy machine the call may not have been sent in time.
			return e.Outcome == rt.OutcomeNotExecuted && strings.Contains(err.Error(), cause.Error()+want)
		}
		eventually(t, "a deadline"+want, func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			_, err := c.Inc(ctx)
			return check(err, context.DeadlineExceeded)
		})
		eventually(t, "a cancellation"+want, func() bool {
			ctx, cancel := context.WithCancel(t.Context())
			failed := make(chan error, 1)
			go func() {
				_, err := c.Inc(ctx)
				failed <- err
			}()
			queued(t, a, 1)
			cancel()
			return check(<-failed, context.Canceled)
		})
		if err := c.Open(t.Context(), a.Name+"-gate"); err != nil {
			t.Error(err)
		}
	})
}

// D06. The caller of a method that runs gets control back at once, and its late
// reply does not become the answer to another call.
func TestCanceledWhileRunning(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		c := connect(t, a)
		admin := share(t, a)
		connection := func() time.Time {
			s, err := admin.Status(t.Context())
			if err != nil || len(s.Clients) != 1 {
				t.Fatalf("%d clients, %v; want one", len(s.Clients), err)
			}
			return s.Clients[0].Since
		}
		before := connection()
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error)
		go func() {
			_, err := c.Enter(ctx, "g")
			failed <- err
		}()
		if err := c.Entered(t.Context(), "g"); err != nil {
			t.Fatal(err)
		}
		cancel()
		began := time.Now()
		err := <-failed
		callError(t, err, rt.OutcomeUnknown)
		if took := time.Since(began); took > 30*time.Second { // the method returns only later
			t.Errorf("it took %v to give up", took)
		}
		if err := c.Open(t.Context(), "g"); err != nil {
			t.Fatal(err)
		}
		for want := 2; want < 10; want++ {
			if n, err := c.Inc(t.Context()); n != want || err != nil {
				t.Fatalf("got %d, %v; want %d", n, err, want)
			}
		}
		if now := connection(); !now.Equal(before) {
			t.Errorf("the connection of %v was given up for one of %v", before, now)
		}
	})
}

// D07. Calls of a client that died are not begun; the one that runs is finished.
func TestClientKilledInTheQueue(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		c := connect(t, a)
		open, result := gated(t, c)
		doomed := start(t, "increment", a, withN(1))
		queued(t, a, 1)
		if err := doomed.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		queued(t, a, 0)
		open()
		if n, err := result(); n != 1 || err != nil {
			t.Errorf("the running call: %d, %v", n, err)
		}
		if n, err := c.Value(t.Context()); n != 1 || err != nil {
			t.Errorf("value %d, %v; want 1", n, err)
		}
	})
}

// D10. The daemon counts the quota, too. It executes no call beyond the quota and every
// call within it.
func TestQuotaExceeded(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		c := connect(t, a)
		open, result := gated(t, c)
		r := a.greet(t)
		const sent, window = 10_000, 256
		var all []byte
		for id := range uint64(sent) {
			all = append(all, encoded(t, r.call(t, id+1, "Inc"))...)
		}
		r.write(t, all)
		for id := uint64(window + 1); id <= sent; id++ {
			if f := r.failure(t, id); f.Code != wire.FailureWindow || f.Executed {
				t.Fatalf("call %d: %+v, want %v", id, f, wire.FailureWindow)
			}
		}
		// Other clients do not delay that.
		if s, err := c.Environment(t.Context()); err != nil || s.PID == 0 {
			t.Error(err)
		}
		open()
		if n, err := result(); n != 1 || err != nil {
			t.Errorf("the running call: %d, %v", n, err)
		}
		seen := make([]bool, window)
		for range window {
			f := r.next(t)
			if f.Kind != wire.KindReply || f.ID < 1 || f.ID > window || seen[f.ID-1] {
				t.Fatalf("got a %v frame for %d", f.Kind, f.ID)
			}
			seen[f.ID-1] = true
		}
		if n, err := c.Value(t.Context()); n != 1+window || err != nil {
			t.Errorf("value %d, %v; want %d", n, err, 1+window)
		}
		// Their places are free again.
		r.send(t, r.call(t, sent+1, "Inc"))
		if n := r.value(t, sent+1); n != window+2 {
			t.Errorf("then %d, want %d", n, window+2)
		}
	})
}

// D10. The daemon disconnects a client that does not read, before its replies fill the
// daemon's memory. Meanwhile the daemon serves other clients.
func TestClientThatDoesNotRead(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		c := connect(t, a)
		r := a.greet(t)
		const each = 8 << 20
		for id := uint64(1); id <= 16; id++ {
			r.send(t, r.call(t, id, "Bytes", each))
		}
		observer, n := share(t, a), 0
		eventually(t, "the daemon has closed its connection", func() bool {
			n++
			if got, err := c.Inc(t.Context()); got != n || err != nil {
				t.Fatalf("another client: %d, %v; want %d", got, err, n)
			}
			s, err := observer.Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return len(s.Running)+len(s.Queued) == 0 && len(s.Clients) == 1
		})
		if got := r.closed(t); len(got) > 16*each*3/4 {
			t.Errorf("%d MiB were kept for it", len(got)>>20)
		}
	})
}

// D19. Each of a thousand callers of one connection gets its own answers, and each call is
// executed once.
func TestManyGoroutines(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		c := connect(t, a)
		const goroutines, each = 1000, 5
		seen := make([]int, goroutines*each+1)
		var mu sync.Mutex
		var all sync.WaitGroup
		for range goroutines {
			all.Go(func() {
				last := 0
				for range each {
					n, err := c.Inc(context.Background())
					if err != nil || n <= last || n >= len(seen) {
						t.Errorf("got %d after %d, %v", n, last, err)
						return
					}
					last = n
					mu.Lock()
					seen[n]++
					mu.Unlock()
				}
			})
		}
		all.Wait()
		for n, times := range seen[1:] {
			if times != 1 {
				t.Fatalf("value %d was seen %d times", n+1, times)
			}
		}
		s, err := share(t, a).Status(t.Context())
		if err != nil || len(s.Clients) != 1 || s.Calls != goroutines*each {
			t.Errorf("%d clients, %d calls, %v; want 1 and %d", len(s.Clients), s.Calls, err, goroutines*each)
		}
	})
}

// D21. A method that becomes a client of its own daemon would wait for itself.
func TestReentrantCall(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c"}
	c := connect(t, a)
	text, err := c.ConnectTo(t.Context(), a.Dir, a.Name)
	if err != nil || !strings.Contains(text, "cannot be a client of itself") {
		t.Errorf("a call of its own: %q, %v", text, err)
	}
	text, err = c.ConnectTo(t.Context(), a.Dir, "other")
	if err != nil || text != "pong" {
		t.Errorf("a call of another singleton: %q, %v", text, err)
	}
}

// D23. A call after Close fails with ErrClosed. Other handles are not affected.
func TestCallsAfterClose(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c"}
	shared := share(t, a)
	one, err := shared.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	two, err := shared.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(one.Close(), one.Close()); err != nil {
		t.Errorf("closing a handle: %v", err)
	}
	_, err = one.Inc(t.Context())
	callError(t, err, rt.OutcomeNotSent)
	if !errors.Is(err, rt.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if n, err := two.Inc(t.Context()); n != 1 || err != nil {
		t.Errorf("the other handle: %d, %v", n, err)
	}
	if s := shared.String(); !strings.Contains(s, "objects.Counter") || !strings.Contains(s, "connected to") {
		t.Errorf("String returned %q", s)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := shared.Close(); err != nil {
				t.Error(err)
			}
		})
		all.Go(func() { two.Ping(context.Background()) })
	}
	all.Wait()
	_, err = two.Inc(t.Context())
	callError(t, err, rt.OutcomeNotSent)
	if !errors.Is(err, rt.ErrClosed) {
		t.Errorf("after Shared.Close: %v", err)
	}
	if _, err := shared.Connect(t.Context()); !errors.Is(err, rt.ErrClosed) {
		t.Errorf("Connect after Close: %v", err)
	}
	if s := shared.String(); !strings.Contains(s, "closed") {
		t.Errorf("String returned %q", s)
	}
}

// D04. A method that hangs delays no caller that has a deadline. Status names the method,
// its start and its caller.
func TestMethodHangs(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		c := connect(t, a)
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		_, err := c.Enter(ctx, "never") // opened when the test is over
		took := time.Since(began)
		callError(t, err, rt.OutcomeUnknown)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v is not %v", err, context.DeadlineExceeded)
		}
		if took < 300*time.Millisecond || took > 30*time.Second {
			t.Errorf("with 300ms left the caller was held for %v", took)
		}
		short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err = c.Inc(short)
		callError(t, err, rt.OutcomeNotExecuted)
		s, err := share(t, a).Status(t.Context())
		if err != nil || len(s.Running) != 1 || len(s.Queued) != 0 {
			t.Fatalf("running %+v, queued %+v, %v; want one call", s.Running, s.Queued, err)
		}
		call := s.Running[0]
		if call.Method != "Enter" || call.PID != os.Getpid() || call.For < 250*time.Millisecond || call.For > time.Since(began) || call.Since.IsZero() {
			t.Errorf("status shows %+v, want Enter of process %d", call, os.Getpid())
		}
		if s, err := c.Environment(t.Context()); err != nil || s.PID == 0 { // needs no turn
			t.Errorf("the connection is not usable: %v", err)
		}
		if err := c.Open(t.Context(), "never"); err != nil {
			t.Error(err)
		}
		if n, err := c.Inc(t.Context()); n != 2 || err != nil {
			t.Errorf("when it has returned: %d, %v; want 2", n, err)
		}
	})
}

// D15. Arguments over the limit of a frame are not sent. The body of one that just
// fits is its array's head, the head of the bytes, and the bytes.
func TestArgumentTooLarge(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		c := connect(t, a)
		before := a.endpoint(t)
		const fits = wire.MaxFrame - 1 - 5
		for _, n := range []int{fits + 1, 17 << 20, 64 << 20} {
			_, err := c.Echo(t.Context(), make([]byte, n))
			callError(t, err, rt.OutcomeNotSent)
			if !errors.Is(err, rt.ErrTooLarge) {
				t.Errorf("an argument of %d bytes: %v, want %v", n, err, rt.ErrTooLarge)
			}
		}
		if b, err := c.EchoIn(t.Context(), make([]byte, fits)); err != nil || len(b) != fits {
			t.Errorf("an argument of %d bytes: got %d, %v", fits, len(b), err)
		}
		usable(t, a, c, 1)
		if now := a.endpoint(t); now.PID != before.PID {
			t.Errorf("the daemon is %d, not %d", now.PID, before.PID)
		}
	})
}

// D16. A call whose result exceeds the limit of a frame was executed. Its error says
// both.
func TestReplyTooLarge(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		c := connect(t, a)
		for _, n := range []int{wire.MaxFrame, 17 << 20} {
			_, err := c.Bytes(t.Context(), n)
			callError(t, err, rt.OutcomeExecuted)
			if !errors.Is(err, rt.ErrTooLarge) {
				t.Errorf("a result of %d bytes: %v, want %v", n, err, rt.ErrTooLarge)
			}
		}
		usable(t, a, c, 1)
	})
}

// usable fails the test unless the client's Inc returns want, over the one
// connection that the daemon has.
func usable(t *testing.T, a singleton, c *objects.CounterClient, want int) {
	t.Helper()
	if n, err := c.Inc(t.Context()); n != want || err != nil {
		t.Errorf("the connection is not usable: %d, %v; want %d", n, err, want)
	}
	if s, err := share(t, a).Status(t.Context()); err != nil || len(s.Clients) != 1 {
		t.Errorf("%d clients, %v; want the one connection", len(s.Clients), err)
	}
}

// D23. A call after Close fails with ErrClosed, also while many goroutines close. None
// panics.
func TestCloseFromManyGoroutines(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		for range 20 {
			shared := share(t, a)
			c := mustConnect(t, shared)
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					for {
						_, err := c.Inc(context.Background())
						if err == nil {
							continue
						}
						var e *rt.CallError
						if !errors.Is(err, rt.ErrClosed) || !errors.As(err, &e) || e.Outcome != rt.OutcomeNotSent && e.Outcome != rt.OutcomeUnknown {
							t.Errorf("got %v, want a call error of %v", err, rt.ErrClosed)
						}
						return
					}
				})
				all.Go(func() {
					if _, err := shared.Connect(context.Background()); err != nil && !errors.Is(err, rt.ErrClosed) {
						t.Errorf("Connect: %v, want %v", err, rt.ErrClosed)
					}
				})
				all.Go(func() {
					if err := errors.Join(c.Close(), shared.Close()); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			_, err := c.Inc(t.Context())
			callError(t, err, rt.OutcomeNotSent)
			if !errors.Is(err, rt.ErrClosed) {
				t.Errorf("after Close: %v", err)
			}
		}
	})
}

// D13. The daemon rejects arguments that the method does not take, and executes nothing.
func TestBadArguments(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		body := func(method, body string) func(*raw) []byte {
			return func(r *raw) []byte {
				return encoded(t, wire.Frame{Kind: wire.KindCall, Method: r.method(t, method), Body: []byte(body)})
			}
		}
		refused(t, a, []refusedFrame{
			{"no body", body("Inc", ""), wire.FailureBadArguments},
			{"no array", body("Inc", "\xa0"), wire.FailureBadArguments},
			{"4 billion", body("Inc", "\x9a\xff\xff\xff\xff"), wire.FailureBadArguments},
			{"more than anybody has", body("Inc", "\x9b\xff\xff\xff\xff\xff\xff\xff\xff"), wire.FailureBadArguments},
			{"another type", body("Bytes", "\x81\x61x"), wire.FailureBadArguments},
			{"too large for int", body("Bytes", "\x81\x1b\xff\xff\xff\xff\xff\xff\xff\xff"), wire.FailureBadArguments},
			{"null for a number", body("Bytes", "\x81\xf6"), wire.FailureBadArguments},
			{"a float", body("Bytes", "\x81\xf9\x3c\x00"), wire.FailureBadArguments},
			{"undefined", body("Bytes", "\x81\xf7"), wire.FailureBadArguments},
			{"indefinite", body("Words", "\x9f\x61x\xff"), wire.FailureBadArguments},
			{"indefinite text", body("Words", "\x81\x7f\x61x\xff"), wire.FailureBadArguments},
			{"no UTF-8", body("Words", "\x81\x61\xff"), wire.FailureBadArguments},
			{"a tag", body("Words", "\x81\xd8\x20\x61x"), wire.FailureBadArguments},
			{"trailing", body("Words", "\x81\x61xx"), wire.FailureBadArguments},
			{"cut short", body("Words", "\x81\x63x"), wire.FailureBadArguments},
			{"long text", body("Words", "\x81\x7b\x7f\xff\xff\xff\xff\xff\xff\xff"), wire.FailureBadArguments},
			{"deep", body("Words", "\x81"+strings.Repeat("\x81", 10_000)+"\x80"), wire.FailureBadArguments},
		})
	})
}

// D17. The daemon does not execute a method that is missing or takes other arguments, nor
// a message that this version does not know. The connection goes on.
func TestUnknownMethod(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		header := func(kind, flags byte, body string) func(*raw) []byte {
			return func(*raw) []byte {
				b := encoded(t, wire.Frame{Kind: wire.KindCancel, Body: []byte(body)})
				b[4], b[5] = kind, flags
				return b
			}
		}
		call := func(method string, target uint64, body string) func(*raw) []byte {
			return func(r *raw) []byte {
				return encoded(t, wire.Frame{Kind: wire.KindCall, Method: r.method(t, method), Target: target, Body: []byte(body)})
			}
		}
		numbered := func(number func(r *raw) uint16) func(*raw) []byte {
			return func(r *raw) []byte {
				return encoded(t, wire.Frame{Kind: wire.KindCall, Method: number(r), Body: []byte("\x80")})
			}
		}
		refused(t, a, []refusedFrame{
			{"one method too many", numbered(func(r *raw) uint16 { return uint16(len(r.endpoint.Methods)) }), wire.FailureNoMethod},
			{"the last number", numbered(func(*raw) uint16 { return math.MaxUint16 }), wire.FailureNoMethod},
			{"too many arguments", call("Inc", 0, "\x81\x01"), wire.FailureBadArguments},
			{"too few arguments", call("Bytes", 0, "\x80"), wire.FailureBadArguments},
			{"another object", call("Inc", 7, "\x80"), wire.FailureUnsupported},
			{"unknown kind", header(99, 0, "junk"), wire.FailureUnsupported},
			{"kind 0", header(0, 0, ""), wire.FailureUnsupported},
			{"reserved kind", header(13, 0, "\x80"), wire.FailureUnsupported},
			{"unknown flag", header(5, 0x80, "\x80"), wire.FailureUnsupported},
			{"flag of another kind", header(8, 0x01, "12345678"), wire.FailureUnsupported},
			{"hello again", header(1, 0, "\x80"), wire.FailureUnsupported},
			{"welcome", header(4, 0, "\xa0"), wire.FailureUnsupported},
			{"reply", header(6, 0, "\x80"), wire.FailureUnsupported},
			{"going-away", header(11, 0, "\xa0"), wire.FailureUnsupported},
		})
	})
}

// refusedFrame is a frame, but for its id, and the daemon's verdict.
type refusedFrame struct {
	name  string
	frame func(*raw) []byte
	code  wire.FailureCode
}

// refused sends frames over one connection and expects each to be refused,
// unexecuted.
func refused(t *testing.T, a singleton, frames []refusedFrame) {
	t.Helper()
	c := connect(t, a)
	r := a.greet(t)
	id := uint64(0)
	for _, test := range frames {
		id++
		frame := test.frame(r)
		wire.PutID(frame, id)
		r.write(t, frame)
		f := r.failure(t, id)
		if f.Code != test.code || f.Executed {
			t.Errorf("%s: %v (%s), executed %v; want %v", test.name, f.Code, f.Text, f.Executed, test.code)
		}
	}
	r.send(t, r.call(t, id+1, "Inc"))
	if n := r.value(t, id+1); n != 1 {
		t.Errorf("then Inc returned %d: something was executed", n)
	}
	if n, err := c.Inc(t.Context()); n != 2 || err != nil {
		t.Errorf("another client: %d, %v", n, err)
	}
}
