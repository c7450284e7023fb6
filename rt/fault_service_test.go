//go:build unix

package rt_test

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/rt/stub"
	"github.com/loopgen/loopgen/testdata/objects"
)

// odd is a type whose table was written by hand, to do in the daemon what no
// generated one does.
type odd struct {
	calls   int
	closing string        // what Close does
	lingers chan struct{} // a call to Linger has begun
	ended   chan error    // the context of a call to Linger, and why it ended
}

// trap fails when it is decoded in another process than the one that set it: the encoding
// side decodes, too, to check that nothing is lost.
type trap string

func setTrap(how string) trap { return trap(how + ":" + strconv.Itoa(os.Getpid())) }

func (v trap) MarshalText() ([]byte, error) { return []byte(v), nil }

func (v *trap) UnmarshalText(b []byte) error {
	*v = trap(b)
	how, pid, _ := strings.Cut(string(b), ":")
	if pid == strconv.Itoa(os.Getpid()) {
		return nil
	}
	switch how {
	case "panic":
		panic("sprung")
	case "error":
		return errors.New("sprung")
	}
	return nil
}

func (o *odd) Count() int                { o.calls++; return o.calls }
func (o *odd) Spring(trap) int           { return o.Count() }
func (o *odd) Give() trap                { o.calls++; return setTrap("panic") }
func (o *odd) Lazy()                     {}
func (o *odd) Reenter(dir string) string { return reenter(dir) }
func (o *odd) Closing(how string) int    { o.closing = how; return 0 }

// Linger stays until its context ends.
func (o *odd) Linger(ctx context.Context) {
	o.lingers <- struct{}{}
	<-ctx.Done()
	o.ended <- ctx.Err()
	o.ended <- context.Cause(ctx)
}

// Lingered waits for the end of a call to Linger, and returns how that ended.
func (o *odd) Lingered() string { return (<-o.ended).Error() + ": " + (<-o.ended).Error() }

// Lingers waits for the beginning of a call to Linger.
func (o *odd) Lingers() { <-o.lingers }

// Close does what Closing said.
func (o *odd) Close() error {
	switch o.closing {
	case "panic":
		panic("not closed")
	case "goexit":
		runtime.Goexit()
	case "error":
		return errors.New("not closed")
	}
	return nil
}

// reenter calls the daemon's own object, and another daemon's, by way of rt.
func reenter(dir string) string {
	own := shareOdd(dir, "")
	defer own.Close()
	_, err := own.Connect(context.Background())
	if !errors.Is(err, rt.ErrReentrant) {
		return "own: " + errorText(err)
	}
	other := objects.ShareCounter(rt.Config{Scope: rt.ScopeDir(dir), Name: "another", IdleTTL: time.Millisecond}, objects.Options{})
	defer other.Close()
	c, err := other.Connect(context.Background())
	if err != nil {
		return "other: " + err.Error()
	}
	if n, err := c.Inc(context.Background()); n != 1 || err != nil {
		return "other: " + errorText(err)
	}
	return "ok"
}

func errorText(err error) string {
	if err == nil {
		return "no error"
	}
	return err.Error()
}

// The order is that of the constants below.
const (
	oddCaller = iota
	oddClosing
	oddCount
	oddGive
	oddLazy
	oddLinger
	oddLingered
	oddLingers
	oddNeighbour
	oddReenter
	oddSpring
)

var oddService = &stub.Service{
	Name: "rt_test.odd",
	New: func(context.Context, *stub.Decoder) (any, error) {
		return &odd{lingers: make(chan struct{}, 1), ended: make(chan error, 2)}, nil
	},
}

// In init, since Reenter refers to the service.
func init() {
	oddService.Methods = []stub.Method{
		{Name: "Caller", Mode: stub.Concurrent, Func: (*odd).Caller, Serve: func(run *stub.Run, target any) {
			if run.Begin() {
				caller, ok := target.(*odd).Caller(run.Context())
				stub.Encode(run.Results, caller)
				stub.Encode(run.Results, ok)
			}
		}},
		{Name: "Closing", Func: (*odd).Closing, Serve: func(run *stub.Run, target any) {
			var how string
			stub.Decode(run.Args, &how)
			if run.Begin() {
				stub.Encode(run.Results, target.(*odd).Closing(how))
			}
		}},
		{Name: "Count", Func: (*odd).Count, Serve: func(run *stub.Run, target any) {
			if run.Begin() {
				stub.Encode(run.Results, target.(*odd).Count())
			}
		}},
		{Name: "Give", Func: (*odd).Give, Serve: func(run *stub.Run, target any) {
			if run.Begin() {
				stub.Encode(run.Results, target.(*odd).Give())
			}
		}},
		{Name: "Lazy", Func: (*odd).Lazy, Serve: func(*stub.Run, any) {}},
		{Name: "Linger", Mode: stub.Concurrent, Func: (*odd).Linger, Serve: func(run *stub.Run, target any) {
			if run.Begin() {
				target.(*odd).Linger(run.Context())
			}
		}},
		{Name: "Lingered", Mode: stub.Concurrent, Func: (*odd).Lingered, Serve: func(run *stub.Run, target any) {
			if run.Begin() {
				stub.Encode(run.Results, target.(*odd).Lingered())
			}
		}},
		{Name: "Lingers", Mode: stub.Concurrent, Func: (*odd).Lingers, Serve: func(run *stub.Run, target any) {
			if run.Begin() {
				target.(*odd).Lingers()
			}
		}},
		{Name: "Neighbour", Func: (*odd).Neighbour, Serve: func(run *stub.Run, target any) {
			var scope string
			stub.Decode(run.Args, &scope)
			if run.Begin() {
				stub.Encode(run.Results, target.(*odd).Neighbour(scope))
			}
		}},
		{Name: "Reenter", Func: (*odd).Reenter, Serve: func(run *stub.Run, target any) {
			var dir string
			stub.Decode(run.Args, &dir)
			if run.Begin() {
				stub.Encode(run.Results, target.(*odd).Reenter(dir))
			}
		}},
		{Name: "Spring", Func: (*odd).Spring, Serve: func(run *stub.Run, target any) {
			var v trap
			stub.Decode(run.Args, &v)
			if run.Begin() {
				stub.Encode(run.Results, target.(*odd).Spring(v))
			}
		}},
	}
	stub.Register(oddService)
}

func shareOdd(dir string, transport rt.Transport) *rt.Shared[stub.Conn, stub.Conn] {
	return shareOddWith(rt.Config{Scope: rt.ScopeDir(dir), Name: "odd", Transport: transport})
}

func shareOddWith(cfg rt.Config) *rt.Shared[stub.Conn, stub.Conn] {
	self := func(c stub.Conn) stub.Conn { return c }
	return rt.NewShared(cfg, oddService, self, self, nil)
}

func connectOdd(t *testing.T) (c stub.Conn, dir string) {
	t.Helper()
	dir = rttest.Dir(t)
	shared := shareOdd(dir, "")
	t.Cleanup(func() { shared.Close() })
	c, err := shared.Connect(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return c, dir
}

// callOdd calls a method with one argument or none, and returns its result.
func callOdd[T any](t *testing.T, c stub.Conn, method int, args ...string) (result T) {
	t.Helper()
	encode := func(e *stub.Encoder) {
		for _, arg := range args {
			stub.Encode(e, arg)
		}
	}
	if err := stub.Call(context.Background(), c, oddService.Methods[method].Name, encode, func(d *stub.Decoder) { stub.Decode(d, &result) }); err != nil {
		t.Error(err)
	}
	return result
}

func count(t *testing.T, c stub.Conn, want int) {
	t.Helper()
	n, err := stub.Call1[int](t.Context(), c, "Count", nil)
	if n != want || err != nil {
		t.Errorf("Count returned %d, %v; want %d", n, err, want)
	}
}

// A method may use other singletons; its own it is refused.
func TestMethodThatConnects(t *testing.T) {
	c, dir := connectOdd(t)
	said, err := stub.Call1[string](t.Context(), c, "Reenter", stub.Args1(dir))
	if said != "ok" || err != nil {
		t.Errorf("got %q, %v", said, err)
	}
}

// Code of the user that is run by decoding is held to the same as a method.
func TestDecodingThatPanics(t *testing.T) {
	c, _ := connectOdd(t)
	for _, how := range []string{"panic", "error"} {
		_, err := stub.Call1[int](t.Context(), c, "Spring", stub.Args1(setTrap(how)))
		callError(t, err, rt.OutcomeNotExecuted)
		if !errors.Is(err, rt.ErrBadArguments) || !strings.Contains(err.Error(), "sprung") {
			t.Errorf("%s: got %v, want %v", how, err, rt.ErrBadArguments)
		}
	}
	count(t, c, 1)
	// In the caller, it is the caller's.
	func() {
		defer func() {
			if v := recover(); v != "sprung" {
				t.Errorf("recovered %v", v)
			}
		}()
		got, err := stub.Call1[trap](t.Context(), c, "Give", nil)
		t.Errorf("got %q, %v", got, err)
	}()
	count(t, c, 3)
}

// A table that never asks for the turn has called no method, and holds nothing
// up.
func TestServeWithoutBegin(t *testing.T) {
	c, _ := connectOdd(t)
	if err := stub.Call0(t.Context(), c, "Lazy", nil); err != nil {
		t.Error(err)
	}
	count(t, c, 1)
}

func init() {
	addRole("linger", func(ctx context.Context, _ *counterShared, a args) (any, error) {
		c, err := shareOdd(a.Dir, "").Connect(ctx)
		if err == nil {
			err = stub.Call0(ctx, c, "Linger", nil)
		}
		return nil, err
	})
}

// The context of a call that runs ends with its caller, and says why.
func TestMethodOfDeadCaller(t *testing.T) {
	for _, test := range []struct {
		end, want string
	}{
		{"killed", "context canceled: the caller is gone"},
		{"closed", "context canceled: the caller is gone"},
		{"canceled", "context canceled: canceled by the caller"},
		{"late", "context deadline exceeded: context deadline exceeded"},
	} {
		t.Run(test.end, func(t *testing.T) {
			t.Parallel()
			c, dir := connectOdd(t)
			shared := shareOdd(dir, "")
			defer shared.Close()
			// Not by Status: a call may have the turn and not have begun.
			lingers := func() {
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				if err := stub.Call0(ctx, c, "Lingers", nil); err != nil {
					t.Fatal(err)
				}
			}
			if test.end == "killed" {
				caller := start(t, "linger", singleton{Dir: dir})
				lingers()
				caller.cmd.Process.Kill()
			} else {
				caller, err := shared.Connect(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if test.end == "late" {
					ctx, cancel = context.WithTimeout(ctx, 2*time.Second)
					defer cancel()
				}
				done := make(chan error, 1)
				go func() { done <- stub.Call0(ctx, caller, "Linger", nil) }()
				lingers()
				switch test.end {
				case "closed":
					shared.Close()
				case "canceled":
					cancel()
				}
				<-done
			}
			if got := callOdd[string](t, c, oddLingered); got != test.want {
				t.Errorf("the context: %q, want %q", got, test.want)
			}
		})
	}
}

// In one process, too, a second Shutdown of a daemon that drains gets an answer.
func TestInProcessShutdownTwice(t *testing.T) {
	t.Setenv("LOOPGEN_MODE", "inprocess")
	a := singleton{Dir: rttest.Dir(t), Name: t.Name()}
	open, result := gated(t, connect(t, a))
	done := make(chan error, 2)
	down := func() { done <- share(t, a).Shutdown(context.Background(), rt.ShutdownDrain) }
	go down()
	eventually(t, "it is leaving", func() bool {
		s, err := share(t, a).Status(context.Background())
		return err == nil && s.Leaving != ""
	})
	go down()
	eventually(t, "both have asked", func() bool {
		_, err := share(t, a).Status(context.Background())
		return err == nil
	})
	open()
	if n, err := result(); n != 1 || err != nil {
		t.Errorf("the running call: %d, %v", n, err)
	}
	for range 2 {
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(time.Minute):
			t.Fatal("Shutdown does not return")
		}
	}
	if entries, err := os.ReadDir(a.Dir); err != nil || len(entries) != 0 {
		t.Errorf("files were made: %v, %v", entries, err)
	}
}

// A call error says which object was called even if the result cannot be decoded. A
// method that the table lacks is never another method.
func TestCallErrorsOfHelpers(t *testing.T) {
	c, _ := connectOdd(t)
	_, err := stub.Call1[string](t.Context(), c, "Count", nil)
	if call := callError(t, err, rt.OutcomeExecuted); call.Incarnation == "" {
		t.Errorf("a result of another type: %v has no incarnation", call)
	}
	err = stub.Call0(t.Context(), c, "Counted", nil)
	if callError(t, err, rt.OutcomeNotSent); !errors.Is(err, rt.ErrNoMethod) {
		t.Errorf("an unknown method: got %v, want rt.ErrNoMethod", err)
	}
	c.Close()
	_, err = stub.Call1[int](t.Context(), c, "Count", nil)
	if callError(t, err, rt.OutcomeNotSent); !errors.Is(err, rt.ErrClosed) {
		t.Errorf("a closed handle: got %v, want rt.ErrClosed", err)
	}
	defer func() {
		if fault, ok := recover().(*rt.CallError); !ok || !errors.Is(fault, rt.ErrClosed) {
			t.Errorf("Must1 panicked with %v, want the call's error", fault)
		}
	}()
	stub.Must1(stub.Call1[int](t.Context(), c, "Count", nil))
}
