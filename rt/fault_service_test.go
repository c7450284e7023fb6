//go:build unix

package rt_test

import (
	"context"
	"errors"
	"os"
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
type odd struct{ calls int }

// trap fails when it is decoded in another process than the one that set it:
// whoever encodes decodes, too, to see that nothing is lost.
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

// reenter calls the daemon's own object, and another daemon's, by way of rt.
func reenter(dir string) string {
	own := shareOdd(dir)
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
	oddCount = iota
	oddGive
	oddLazy
	oddReenter
	oddSpring
)

var oddService = &stub.Service{
	Name: "rt_test.odd",
	New:  func(context.Context, *stub.Decoder) (any, error) { return &odd{}, nil },
}

// In init, since Reenter refers to the service.
func init() {
	oddService.Methods = []stub.Method{
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

func shareOdd(dir string) *rt.Shared[*rt.Conn, *rt.Conn] {
	self := func(c *rt.Conn) *rt.Conn { return c }
	return rt.NewShared(rt.Config{Scope: rt.ScopeDir(dir), Name: "odd"}, oddService, self, self, nil)
}

func connectOdd(t *testing.T) (c *rt.Conn, dir string) {
	t.Helper()
	dir = rttest.Dir(t)
	shared := shareOdd(dir)
	t.Cleanup(func() { shared.Close() })
	c, err := shared.Connect(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return c, dir
}

func count(t *testing.T, c *rt.Conn, want int) {
	t.Helper()
	var n int
	err := c.Call(t.Context(), oddCount, nil, func(d *stub.Decoder) { stub.Decode(d, &n) })
	if n != want || err != nil {
		t.Errorf("Count returned %d, %v; want %d", n, err, want)
	}
}

// A method may use other singletons; its own it is refused.
func TestMethodThatConnects(t *testing.T) {
	c, dir := connectOdd(t)
	var said string
	err := c.Call(t.Context(), oddReenter, func(e *stub.Encoder) { stub.Encode(e, dir) }, func(d *stub.Decoder) { stub.Decode(d, &said) })
	if said != "ok" || err != nil {
		t.Errorf("got %q, %v", said, err)
	}
}

// Code of the user that is run by decoding is held to the same as a method.
func TestDecodingThatPanics(t *testing.T) {
	c, _ := connectOdd(t)
	for _, how := range []string{"panic", "error"} {
		var n int
		err := c.Call(t.Context(), oddSpring, func(e *stub.Encoder) { stub.Encode(e, setTrap(how)) }, func(d *stub.Decoder) { stub.Decode(d, &n) })
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
		var got trap
		err := c.Call(t.Context(), oddGive, nil, func(d *stub.Decoder) { stub.Decode(d, &got) })
		t.Errorf("got %q, %v", got, err)
	}()
	count(t, c, 3)
}

// A table that never asks for the turn has called no method, and holds nothing
// up.
func TestServeWithoutBegin(t *testing.T) {
	c, _ := connectOdd(t)
	if err := c.Call(t.Context(), oddLazy, nil, nil); err != nil {
		t.Error(err)
	}
	count(t, c, 1)
}

// In one process, too, whoever asks a daemon to leave that leaves already gets
// an answer.
func TestInProcessShutdownTwice(t *testing.T) {
	t.Setenv("LOOPGEN_MODE", "inprocess")
	a := args{Dir: rttest.Dir(t), Name: t.Name()}
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
		case <-time.After(4 * time.Second):
			t.Fatal("Shutdown does not return")
		}
	}
	if entries, err := os.ReadDir(a.Dir); err != nil || len(entries) != 0 {
		t.Errorf("files were made: %v, %v", entries, err)
	}
}
