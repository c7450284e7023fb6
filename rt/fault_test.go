//go:build unix

package rt_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/testdata/objects"
)

// aloneVar makes a test run that needs a process of its own.
const aloneVar = "RT_TEST_ALONE"

// alone runs the test in a process of its own and reports whether this is it.
func alone(t *testing.T) bool {
	t.Helper()
	if os.Getenv(aloneVar) != "" {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), aloneVar+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

// A client that is closed during a start gets ErrClosed. No other client gets an error
// for that.
func TestClosedWhileStarting(t *testing.T) {
	a := singleton{Dir: rttest.Dir(t), Name: "c", Options: objects.Options{Fail: "sleep:700ms"}}
	impatient := share(t, a)
	gaveUp := make(chan error, 1)
	go func() {
		_, err := impatient.Connect(context.Background())
		gaveUp <- err
	}()
	eventually(t, "a daemon is starting", func() bool { return a.alive(t) })
	patient := make(chan error, 1)
	go func() {
		_, err := share(t, a).Connect(context.Background())
		patient <- err
	}()
	impatient.Close()
	if err := <-gaveUp; !errors.Is(err, rt.ErrClosed) {
		t.Errorf("who closed was told: %v; want %v", err, rt.ErrClosed)
	}
	if err := <-patient; err != nil {
		t.Errorf("who waited was told: %v", err)
	}
}

// A client that could not look at first takes no failure for its own that may have
// been there before it came.
func TestOldFailureIsNoNews(t *testing.T) {
	old, looks := errors.New("of long ago"), 0
	shared := objects.ShareCounter(singleton{Dir: rttest.Dir(t), Name: "c"}.config(), objects.Options{})
	defer shared.Close()
	shared.Use(rt.Place{
		Find: func() (*rundir.Endpoint, error) { return nil, rundir.ErrAbsent },
		LastFailure: func() (uint64, error) {
			if looks++; looks == 1 {
				return math.MaxUint64, nil
			}
			return 5, old
		},
	})
	_, err := shared.Connect(t.Context())
	if errors.Is(err, old) || looks < 2 || !strings.Contains(err.Error(), "starts no daemon") {
		t.Errorf("after %d looks: %v", looks, err)
	}
}

// A context that ends is that caller's affair: the start goes on for others.
func TestContextEndsWhileStarting(t *testing.T) {
	a := singleton{Dir: rttest.Dir(t), Name: "c", Options: objects.Options{Fail: "sleep:300ms"}}.witnessed()
	shared := share(t, a)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := shared.Connect(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
	}
	if n, err := mustConnect(t, shared).Inc(t.Context()); n != 1 || err != nil {
		t.Errorf("the next: %d, %v", n, err)
	}
	if births := a.births(t); births != 1 {
		t.Errorf("%d objects were made, want one", births)
	}
	a.failures(t, 0)
}

// A client that waits for a daemon to drain until StartTimeout gets ErrDraining.
func TestDrainingForTooLong(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		open, result := gated(t, connect(t, a))
		down := a.shutDown(t)
		_, err := share(t, a, func(c *rt.Config) { c.StartTimeout = 2 * time.Second }).Connect(t.Context())
		var e *rt.StartError
		if !errors.As(err, &e) || !errors.Is(err, rt.ErrDraining) {
			t.Errorf("got %v, want a *StartError around %v", err, rt.ErrDraining)
		}
		open()
		if n, err := result(); n != 1 || err != nil {
			t.Errorf("the running call: %d, %v", n, err)
		}
		if err := down(); err != nil {
			t.Error(err)
		}
	})
}

// If the caller's context ends before StartTimeout, as most do, the error says what the
// client waited for, not only that time was up.
func TestGivingUpTellsWhatWasWaitedFor(t *testing.T) {
	const moment = 50 * time.Millisecond
	tells := func(t *testing.T, what, text string, do func(context.Context) error) {
		t.Helper()
		eventually(t, fmt.Sprintf("%s says %q", what, text), func() bool { // the first may be too early to know
			ctx, cancel := context.WithTimeout(t.Context(), moment)
			defer cancel()
			err := do(ctx)
			return errors.Is(err, context.DeadlineExceeded) && strings.Contains(err.Error(), text)
		})
	}
	t.Run("draining", func(t *testing.T) {
		eachTransport(t, func(t *testing.T, a singleton) {
			open, result := gated(t, connect(t, a))
			down := a.shutDown(t)
			shared, admin := share(t, a), share(t, a)
			const text = "the daemon is leaving"
			tells(t, "Connect", text+": shut down by process "+strconv.Itoa(os.Getpid())+"; it waits for calls that run: 1; ", func(ctx context.Context) error {
				_, err := shared.Connect(ctx)
				return err
			})
			tells(t, "Shutdown", text, func(ctx context.Context) error { return admin.Shutdown(ctx, rt.ShutdownDrain) })
			open()
			if n, err := result(); n != 1 || err != nil {
				t.Errorf("the running call: %d, %v", n, err)
			}
			if err := down(); err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("starting", func(t *testing.T) {
		a := singleton{Dir: rttest.Dir(t), Name: "c", Options: objects.Options{Fail: "hang"}}.witnessed()
		first := share(t, a)
		const text = ": a daemon is starting or leaving: "
		tells(t, "who starts it", text, func(ctx context.Context) error {
			_, err := first.Connect(ctx)
			return err
		})
		child := a.born(t, 1)
		defer func() { // no Shutdown reaches it
			syscall.Kill(child, syscall.SIGKILL)
			eventually(t, "the child was ended and reaped", func() bool { return errors.Is(syscall.Kill(child, 0), syscall.ESRCH) })
		}()
		_, err := share(t, a, func(c *rt.Config) { c.StartTimeout = moment }).Connect(t.Context())
		if !errors.Is(err, rt.ErrUnresponsive) || !strings.Contains(err.Error(), text) {
			t.Errorf("who waits for it: %v; want %q in it", err, text)
		}
	})
}

// Daemons that drain are no reason for a call to fail, to be lost or to run
// twice, however often they do.
func TestDrainStorm(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		ctx, cancel := context.WithTimeout(t.Context(), long(2*time.Second))
		defer cancel()
		var mu sync.Mutex
		seen := map[string]map[int]bool{}
		var callers sync.WaitGroup
		for range 4 {
			shared := share(t, a)
			for range 8 {
				callers.Go(func() {
					c, err := shared.Connect(context.Background())
					for err == nil && ctx.Err() == nil {
						var life string
						var n int
						if life, n, err = c.Life(context.Background()); err != nil {
							break
						}
						mu.Lock()
						if seen[life] == nil {
							seen[life] = map[int]bool{}
						}
						if seen[life][n] {
							t.Errorf("%d was returned twice", n)
						}
						seen[life][n] = true
						mu.Unlock()
					}
					if err != nil {
						t.Error(err)
					}
				})
			}
		}
		admin := share(t, a)
		for ctx.Err() == nil {
			if err := admin.Shutdown(context.Background(), rt.ShutdownDrain); err != nil {
				t.Error(err)
			}
		}
		callers.Wait()
		for life, values := range seen {
			for n := range values {
				if n > len(values) {
					t.Errorf("life %s: %d was reached, and %d calls were acknowledged", life, n, len(values))
					break
				}
			}
		}
	})
}

// Status is asked while daemons come and go: there is one, or there is none.
func TestStatusStorm(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for ctx.Err() == nil {
					_, err := share(t, a).Status(context.Background())
					var fault rt.Error
					if err != nil && (!errors.Is(err, rt.ErrNotRunning) || !errors.As(err, &fault)) {
						t.Errorf("Status: %v", err)
						return
					}
				}
			})
		}
		admin := share(t, a)
		for ctx.Err() == nil {
			if err := admin.Restart(context.Background()); err != nil {
				t.Error(err)
			}
		}
		all.Wait()
	})
}

// A drain may take longer than StartTimeout, also while other clients want the daemon.
// Restart waits for it, and starts the next one.
func TestRestartAfterALongDrain(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		const startTimeout = 2 * time.Second
		short := func(c *rt.Config) { c.StartTimeout = startTimeout }
		admin := share(t, a, short)
		slow := mustConnect(t, admin)
		done := make(chan error, 1)
		go func() {
			_, err := slow.Sleep(context.Background(), 2*startTimeout, "")
			done <- err
		}()
		running(t, a, "Sleep")
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for range 4 {
			c := connect(t, a, short)
			all.Go(func() {
				for ctx.Err() == nil {
					c.Inc(ctx) // fails as long as the daemon drains
				}
			})
		}
		if err := admin.Restart(t.Context()); err != nil {
			t.Error(err)
		}
		cancel()
		all.Wait()
		if err := <-done; err != nil {
			t.Errorf("the call that ran: %v", err)
		}
	})
}

// running waits until a call of that method runs.
func running(t *testing.T, a singleton, method string) {
	t.Helper()
	shared := share(t, a)
	eventually(t, method+" runs", func() bool {
		s, err := shared.Status(context.Background())
		return err == nil && len(s.Running) == 1 && s.Running[0].Method == method
	})
}
