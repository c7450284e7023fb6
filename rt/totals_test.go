//go:build unix

package rt_test

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
)

// methodsCalled returns the numbers of the methods that were called.
func methodsCalled(t *testing.T, shared *counterShared) map[string]rt.MethodStatus {
	t.Helper()
	s, err := shared.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	called := make(map[string]rt.MethodStatus)
	for _, m := range s.Methods {
		if m.Calls > 0 || m.Refused != nil {
			called[m.Name] = m
		}
	}
	return called
}

// hasCalls compares the number of calls of a method, and checks that the histograms agree.
func hasCalls(t *testing.T, m rt.MethodStatus, want uint64) {
	t.Helper()
	var ran, waited uint64
	for _, n := range m.RunTimes {
		ran += n
	}
	for _, n := range m.WaitTimes {
		waited += n
	}
	if m.Calls != want || ran != want || waited != want || m.Ran <= 0 || m.Waited <= 0 {
		t.Errorf("%d calls, %d in RunTimes, %d in WaitTimes, %v and %v; want %d", m.Calls, ran, waited, m.Ran, m.Waited, want)
	}
}

// The numbers of calls of many processes are exact, outlast the daemon, and go on with the
// next one. A killed daemon loses its own numbers only.
func TestTotals(t *testing.T) {
	t.Parallel()
	const processes, calls = 20, 25
	a := singleton{Dir: rttest.Dir(t), Name: "c", IdleTTL: time.Minute}
	for _, c := range releaseAll(t, processes, "increment", a, withN(calls)) {
		var values []int
		c.wait(t, &values)
	}
	shared := share(t, a)
	c, err := shared.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Check(t.Context(), "eof"); err == nil {
		t.Fatal("no error")
	}
	if _, err := c.Misbehave(t.Context(), "panic"); err == nil {
		t.Fatal("no panic")
	}
	if _, err := c.Echo(t.Context(), make([]byte, 10_000)); err != nil {
		t.Fatal(err)
	}
	refusedInQueue(t, a)
	first := methodsCalled(t, shared)
	hasCalls(t, first["Inc"], processes*calls)
	if m := first["Check"]; m.Calls != 1 || m.Errors != 1 || m.Failed != nil {
		t.Errorf("an error of the method: %+v", m)
	}
	if m := first["Misbehave"]; m.Calls != 1 || m.Errors != 0 || !reflect.DeepEqual(m.Failed, map[string]uint64{"panic": 1}) {
		t.Errorf("a panic: %+v", m)
	}
	if m := first["Echo"]; m.Calls != 1 || m.Received < 10_000 || m.Received > 10_020 || m.Sent < 10_000 || m.Sent > 10_020 {
		t.Errorf("10,000 bytes: %+v", m)
	}
	if m := first["Value"]; m.Calls != 0 || !reflect.DeepEqual(m.Refused, map[string]uint64{"canceled": 1}) {
		t.Errorf("a canceled call: %+v", m)
	}
	if err := shared.Shutdown(t.Context(), rt.ShutdownDrain); err != nil {
		t.Fatal(err)
	}

	for range 2 { // the second time after a daemon that was killed
		if _, err := c.Inc(t.Context()); err != nil {
			t.Fatal(err)
		}
		second := methodsCalled(t, shared)
		hasCalls(t, second["Inc"], processes*calls+1)
		delete(first, "Inc")
		delete(second, "Inc")
		if !reflect.DeepEqual(second, first) {
			t.Errorf("after the exit: got\n%+v, want\n%+v", second, first)
		}
		if s, err := shared.Status(t.Context()); err != nil || s.Calls != 1 || s.Starts["ok"] != 2 || s.Starts["failed"] != 0 {
			t.Errorf("the next daemon says that it has executed %d calls, and of starts %v, %v", s.Calls, s.Starts, err)
		}
		a.kill(t)
	}

	// What is no file of totals is not believed.
	file := filepath.Join(a.directory(t).Path(), "stats")
	for _, damage := range []func() error{
		func() error { return os.Truncate(file, 10) },
		func() error { return os.Chmod(file, 0o666) },
		func() error { return os.Remove(file) },
		func() error { return os.Symlink("/etc/passwd", file) },
	} {
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Inc(t.Context()); err != nil {
			t.Fatal(err)
		}
		hasCalls(t, methodsCalled(t, shared)["Inc"], 1)
		a.kill(t)
	}
}

// refusedInQueue has a call of Value that is canceled while it waits for its turn.
func refusedInQueue(t *testing.T, a singleton) {
	t.Helper()
	holder := connect(t, a)
	entered := make(chan error, 1)
	ctx, leave := context.WithCancel(t.Context())
	go func() { entered <- holder.EnterContext(ctx, "totals") }() // ends with leave
	running(t, a, "EnterContext")
	waiting, cancel := context.WithCancel(t.Context())
	refused := make(chan error, 1)
	waiter, shared := connect(t, a), share(t, a)
	go func() { // ends with cancel
		_, err := waiter.Value(waiting)
		refused <- err
	}()
	eventually(t, "Value waits", func() bool {
		s, err := shared.Status(t.Context())
		return err == nil && s.Waiting == 1
	})
	cancel()
	if err := <-refused; err == nil {
		t.Error("Value was called")
	}
	leave()
	<-entered
}
