//go:build unix

package rt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/testdata/objects"
)

func init() {
	// words calls Words N times: see wordsOf.
	addRole("words", func(ctx context.Context, shared *counterShared, a args) (any, error) {
		c, err := shared.Connect(ctx)
		if err != nil {
			return nil, err
		}
		return wordsOf(ctx, c, a.N)
	})
	addRole("lock", playLock)
}

// callError returns err as a *rt.CallError with that outcome, or fails.
func callError(t *testing.T, err error, want rt.Outcome) *rt.CallError {
	t.Helper()
	var e *rt.CallError
	if !errors.As(err, &e) {
		t.Fatalf("got %v (%T), want a *rt.CallError", err, err)
	}
	if e.Outcome != want {
		t.Errorf("outcome of %v is %v, want %v", e, e.Outcome, want)
	}
	var fault rt.Error
	if !errors.As(err, &fault) {
		t.Errorf("%v is not an rt.Error", err)
	}
	return e
}

func TestErrorsKeepTheirIdentity(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		c := connect(t, a)
		get := func(kind string) error {
			n, err := c.Check(t.Context(), kind)
			if want := map[bool]int{true: 2, false: 1}[err == nil]; n != want {
				t.Errorf("%s: result %d beside the error, want %d", kind, n, want)
			}
			return err
		}
		if err := get("none"); err != nil {
			t.Errorf("none: %v", err)
		}
		if err := get("sentinel"); err != objects.ErrNegative {
			t.Errorf("sentinel: %v (%T) is not the package's own", err, err)
		}
		if err := get("eof"); err != io.EOF {
			t.Errorf("eof: %v is not io.EOF", err)
		}
		if err := get("deadline"); err != context.DeadlineExceeded {
			t.Errorf("deadline: %v is not context.DeadlineExceeded", err)
		}
		if err := get("wrapped"); !errors.Is(err, objects.ErrNegative) || err.Error() != "checking: negative" {
			t.Errorf("wrapped: %v", err)
		}
		if err := get("joined"); !errors.Is(err, objects.ErrNegative) || !errors.Is(err, io.EOF) {
			t.Errorf("joined: %v", err)
		}
		var typed *objects.RangeError
		if err := get("typed"); !errors.As(err, &typed) || typed.Value != 7 || typed.Limit != 5 || typed.Err == nil || typed.Err.Error() != "hidden" {
			t.Errorf("typed: %#v", err)
		}
		var path *fs.PathError
		if err := get("notexist"); !errors.Is(err, fs.ErrNotExist) || !errors.As(err, &path) || path.Path != "/nonexistent/file" {
			t.Errorf("notexist: %#v", err)
		}
		var remote *rt.RemoteError
		if err := get("foreign"); !errors.As(err, &remote) || remote.Type != "objects.foreign" || err.Error() != "foreign: deep" {
			t.Errorf("foreign: %#v", err)
		} else if name := fmt.Sprintf("%T", err); name != "*rt.RemoteError" {
			t.Errorf("foreign: %%T is %s, want *rt.RemoteError", name)
		}
		var fault rt.Error
		if errors.As(get("foreign"), &fault) {
			t.Error("a method's own error passes for one of loopgen's")
		}
	})
}

// Sizes up to the limit of a frame come back as they went.
func TestSizes(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		c := connect(t, a)
		for _, n := range []int{0, 1, 1 << 10, 64 << 10, 1 << 20, 15 << 20} {
			want := bytes.Repeat([]byte{'x'}, n)
			got, err := c.Echo(t.Context(), want)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes: got %d, %v", n, len(got), err)
			}
		}
		if got, err := c.Echo(t.Context(), nil); err != nil || got != nil {
			t.Errorf("nil came back as %#v, %v", got, err)
		}
	})
}

// Calls use the memory of earlier ones. Each caller gets its own answer, whichever calls
// run at the same time and however many are given up.
func TestEachCallerItsOwnAnswer(t *testing.T) {
	c := connect(t, singleton{Dir: rttest.Dir(t), Name: "c", Transport: rt.TransportUnix})
	var callers sync.WaitGroup
	for i := range 32 {
		callers.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 7))
			for n := range 100 {
				size := random.IntN(4 << 10)
				if random.IntN(20) == 0 {
					size = random.IntN(300 << 10)
				}
				ctx, cancel := context.WithCancel(t.Context())
				if random.IntN(3) == 0 {
					ctx, cancel = context.WithTimeout(t.Context(), time.Duration(random.IntN(300))*time.Microsecond)
				}
				want := bytes.Repeat([]byte{byte(i), byte(n), byte(n >> 8)}, size/3)
				got, err := c.Echo(ctx, want)
				if err == nil && !bytes.Equal(got, want) {
					t.Errorf("a call of %d bytes was answered with %d others", len(want), len(got))
				}
				if err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
				cancel()
			}
		})
	}
	callers.Wait()
}

func TestArgumentsThatCannotTravel(t *testing.T) {
	c := connect(t, singleton{Dir: rttest.Dir(t), Name: "c"})
	_, err := c.Words(t.Context(), "\xff")
	callError(t, err, rt.OutcomeNotSent)
	if !errors.Is(err, rt.ErrEncode) || !strings.Contains(err.Error(), "argument 1") {
		t.Errorf("text that is not UTF-8: %v", err)
	}
}

// gated runs a call that waits in its turn, and returns when it is there. open
// lets it go on; result is its result.
func gated(t *testing.T, c *objects.CounterClient) (open func(), result func() (int, error)) {
	t.Helper()
	gate := filepath.Join(t.TempDir(), "gate")
	if err := syscall.Mkfifo(gate, 0o600); err != nil {
		t.Fatal(err)
	}
	type outcome struct {
		n   int
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		n, err := c.Enter(context.Background(), gate)
		done <- outcome{n, err}
	}()
	if err := c.Entered(context.Background(), gate); err != nil {
		t.Fatal(err)
	}
	open = func() {
		if err := os.WriteFile(gate, nil, 0); err != nil {
			t.Error(err)
		}
	}
	return open, func() (int, error) { o := <-done; return o.n, o.err }
}

// queued waits until so many calls wait for their turn.
func queued(t *testing.T, a singleton, n int) rt.Status {
	t.Helper()
	shared := share(t, a)
	var s rt.Status
	eventually(t, fmt.Sprintf("%d calls are queued", n), func() bool {
		var err error
		if s, err = shared.Status(context.Background()); err != nil {
			t.Fatal(err)
		}
		return len(s.Queued) == n
	})
	return s
}

func TestMethodsContext(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		c := connect(t, a)
		if d, err := c.Deadline(t.Context()); d != 0 || err != nil {
			t.Errorf("deadline %v, %v; want none", d, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if d, err := c.Deadline(ctx); d < 50*time.Second || d > time.Minute || err != nil {
			t.Errorf("deadline %v, %v; want about a minute", d, err)
		}
		timed := connect(t, a, func(c *rt.Config) { c.CallTimeout = time.Hour })
		if d, err := timed.Deadline(context.Background()); d < 50*time.Minute || err != nil {
			t.Errorf("deadline %v, %v; want CallTimeout", d, err)
		}
		ctx, cancel = context.WithCancel(t.Context())
		failed := make(chan error)
		go func() { failed <- c.EnterContext(ctx, "g") }()
		if err := c.Entered(t.Context(), "g"); err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := <-failed; !strings.Contains(err.Error(), "canceled by the caller") && !errors.Is(err, context.Canceled) {
			t.Errorf("the method's context ended with %v", err)
		}
	})
}

// A call may take longer than the time for connecting.
func TestSlowCallIsNotATimeout(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		c := connect(t, a, func(c *rt.Config) { c.ConnectTimeout = time.Second })
		if s, err := c.Sleep(t.Context(), 3*time.Second, "slow"); s != "slow" || err != nil {
			t.Errorf("got %q, %v", s, err)
		}
		if s, err := c.Ping(t.Context()); s != "pong" || err != nil {
			t.Errorf("the next call: %q, %v", s, err)
		}
	})
}

// A method that returns the object's own map is encoded before the next call
// may change it.
func TestOwnMapIsEncodedInTheTurn(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		total := 0
		for _, c := range releaseAll(t, 8, "words", a, withN(200)) {
			var n int
			c.wait(t, &n)
			total += n
		}
		words, err := connect(t, a).Words(t.Context(), "end")
		if err != nil {
			t.Fatal(err)
		}
		sum := 0
		for _, n := range words {
			sum += n
		}
		if sum != total+1 {
			t.Errorf("the map counts %d words, want %d", sum, total+1)
		}
	})
}

func wordsOf(ctx context.Context, c *objects.CounterClient, n int) (int, error) {
	for i := range n {
		word := fmt.Sprintf("word%d", i%50)
		words, err := c.Words(ctx, word)
		if err != nil {
			return 0, err
		}
		if words[word] < 1+i/50 {
			return 0, fmt.Errorf("%s was counted %d times, I did so %d times", word, words[word], 1+i/50)
		}
	}
	return n, nil
}

// Lock blocks until another process unlocks: in concurrent mode it does not
// hold the turn that Unlock needs.
func TestConcurrentMode(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		const each = 50
		for _, c := range releaseAll(t, 2, "lock", a, withN(each)) {
			var done int
			c.wait(t, &done)
		}
		shared := objects.ShareVault(a.vault())
		defer shared.Close()
		v, err := shared.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n, err := v.Put(t.Context(), 0); n != 2*each || err != nil {
			t.Errorf("content %d, %v; want %d", n, err, 2*each)
		}
	})
}

func (a singleton) vault() rt.Config {
	cfg := a.config()
	cfg.Name += "-vault"
	return cfg
}

// playLock has N critical sections of a Vault.
func playLock(ctx context.Context, _ *counterShared, a args) (any, error) {
	shared := objects.ShareVault(a.vault())
	defer shared.Close()
	v, err := shared.Connect(ctx)
	if err != nil {
		return nil, err
	}
	for range a.N {
		if err := v.Lock(ctx); err != nil {
			return nil, err
		}
		n, err := v.Put(ctx, 0)
		if err == nil {
			_, err = v.Put(ctx, n+1)
		}
		if err := errors.Join(err, v.Unlock(ctx)); err != nil {
			return nil, err
		}
	}
	return a.N, nil
}

func TestReadonlyRunTogether(t *testing.T) {
	c := connect(t, singleton{Dir: rttest.Dir(t), Name: "c"})
	var all sync.WaitGroup
	for _, gate := range []string{"a", "b"} { // each waits until the other is there
		other := map[string]string{"a": "b", "b": "a"}[gate]
		all.Go(func() {
			if err := c.Meet(t.Context(), gate, other); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestProxy(t *testing.T) {
	a := singleton{Dir: rttest.Dir(t), Name: "c"}
	faults := make(chan *rt.CallError, 1)
	shared := share(t, a, func(c *rt.Config) { c.OnFault = func(e *rt.CallError) { faults <- e } })
	p, err := shared.Proxy(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var api objects.CounterAPI = p
	if n := api.Inc(); n != 1 {
		t.Errorf("Inc returned %d", n)
	}
	if n, err := api.Check("sentinel"); n != 1 || err != objects.ErrNegative {
		t.Errorf("Check returned %d, %v", n, err)
	}
	if n := api.Misbehave("panic"); n != 0 {
		t.Errorf("a fault with a handler returned %d", n)
	}
	if e := <-faults; e.Outcome != rt.OutcomeExecuted {
		t.Errorf("the handler got %v", e)
	}
	strict, err := share(t, a).Proxy(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if e, ok := recover().(*rt.CallError); !ok || !strings.Contains(e.Error(), "misbehaved") {
			t.Errorf("without a handler it panicked with %v", e)
		}
	}()
	strict.Misbehave("panic")
	t.Error("without a handler a fault does not panic")
}
