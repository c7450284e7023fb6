//go:build unix

package rt_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/rt/stub"
)

func (o *odd) Caller(ctx context.Context) (rt.Caller, bool) { return rt.CallerFrom(ctx) }

func init() {
	addRole("caller", func(ctx context.Context, _ *counterShared, a args) (any, error) {
		shared := shareOddWith(a.config())
		defer shared.Close()
		c, err := shared.Connect(ctx)
		if err != nil {
			return nil, err
		}
		return callerOf(ctx, c)
	})
}

// callerOf returns who calls through c, as the method sees it.
func callerOf(ctx context.Context, c stub.Conn) (caller rt.Caller, err error) {
	var ok bool
	err = stub.Call(ctx, c, "Caller", nil, func(d *stub.Decoder) {
		stub.Decode(d, &caller)
		stub.Decode(d, &ok)
	})
	if err == nil && !ok {
		caller = rt.Caller{PID: -1, UID: -1}
	}
	return caller, err
}

// thisProgram is what a method may know of a caller that is a process of this
// test's.
func thisProgram(t *testing.T, pid int, transport rt.Transport) rt.Caller {
	t.Helper()
	want := rt.Caller{PID: pid, UID: os.Geteuid()}
	if transport == rt.TransportUnix && runtime.GOOS == "freebsd" {
		want.PID = 0
	}
	if transport == rt.TransportUnix && runtime.GOOS == "linux" {
		path, err := os.Executable()
		if err == nil {
			path, err = filepath.EvalSymlinks(path)
		}
		if err != nil {
			t.Fatal(err)
		}
		want.Executable = path
	}
	return want
}

// A method learns which process calls it, each of several.
func TestCallerFrom(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		shared := shareOdd(a.Dir, a.Transport)
		defer shared.Close()
		c, err := shared.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			a.Name = "odd"
			other := start(t, "caller", a)
			var got rt.Caller
			other.wait(t, &got)
			if want := thisProgram(t, other.cmd.Process.Pid, a.Transport); got != want {
				t.Errorf("another process: %+v, want %+v", got, want)
			}
		}
		if got, err := callerOf(t.Context(), c); err != nil || got != thisProgram(t, os.Getpid(), a.Transport) {
			t.Errorf("this process: %+v, %v, want %+v", got, err, thisProgram(t, os.Getpid(), a.Transport))
		}
	})
}

// A client's own word about itself counts only if the kernel says nothing.
func TestCallerThatLies(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		shared := shareOdd(a.Dir, a.Transport)
		defer shared.Close()
		if err := shared.EnsureStarted(t.Context()); err != nil {
			t.Fatal(err)
		}
		a.Name = "odd"
		r := a.dial(t)
		hello := r.hello()
		hello.PID = 1
		if _, err := wire.Greet(r.reader, r.conn, r.endpoint.Key, hello); err != nil {
			t.Fatal(err)
		}
		r.send(t, r.call(t, 1, "Caller"))
		var caller rt.Caller
		var ok bool
		d, err := stub.NewDecoder(oddService, r.next(t).Body)
		if err != nil {
			t.Fatal(err)
		}
		stub.Decode(d, &caller)
		stub.Decode(d, &ok)
		want := thisProgram(t, os.Getpid(), a.Transport)
		if a.Transport == rt.TransportTCP {
			want.PID = 1
		}
		if err := d.End(); err != nil || !ok || caller != want {
			t.Errorf("got %+v, %v, %v, want %+v", caller, ok, err, want)
		}
	})
}

// In one process the caller is this process.
func TestCallerInProcess(t *testing.T) {
	t.Setenv("LOOPGEN_MODE", "inprocess")
	shared := shareOdd(rttest.Dir(t), "")
	defer shared.Close()
	c, err := shared.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := thisProgram(t, os.Getpid(), rt.TransportUnix)
	want.PID = os.Getpid()
	if got, err := callerOf(t.Context(), c); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

// A context that is not a call's has no caller.
func TestCallerOfNobody(t *testing.T) {
	if c, ok := rt.CallerFrom(t.Context()); ok || c != (rt.Caller{}) {
		t.Errorf("got %+v, %v", c, ok)
	}
}
