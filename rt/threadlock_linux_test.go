package rt_test

import (
	"context"
	"runtime"
	"syscall"
	"testing"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/rt/stub"
)

// wanderer has a method that changes what its thread sees, and leaves the end of the
// thread to the end of the goroutine, as runtime.LockOSThread describes.
type wanderer struct{}

func (wanderer) Leave(dir string) error {
	runtime.LockOSThread()
	if err := syscall.Unshare(syscall.CLONE_FS); err != nil {
		return err
	}
	return syscall.Chdir(dir)
}

func (wanderer) Where() (string, error) { return syscall.Getwd() }

var wandererService = &stub.Service{
	Name: "rt_test.wanderer",
	New:  func(context.Context, *stub.Decoder) (any, error) { return &wanderer{}, nil },
	Methods: []stub.Method{
		{Name: "Leave", Func: (*wanderer).Leave, Serve: func(run *stub.Run, target any) {
			var dir string
			stub.Decode(run.Args, &dir)
			if run.Begin() {
				run.Results.Error(target.(*wanderer).Leave(dir))
			}
		}},
		{Name: "Where", Func: (*wanderer).Where, Serve: func(run *stub.Run, target any) {
			if run.Begin() {
				dir, err := target.(*wanderer).Where()
				stub.Encode(run.Results, dir)
				run.Results.Error(err)
			}
		}},
	},
}

func init() { stub.Register(wandererService) }

// A method that locks its thread and changes it taints no later call, also where calls
// run on the goroutine that reads the connection.
func TestLockedThreadEndsWithItsCall(t *testing.T) {
	cfg := rt.Config{Scope: rt.ScopeDir(rttest.Dir(t)), Name: "wanderer"}
	shared := rt.NewShared(cfg, wandererService, func(c stub.Conn) stub.Conn { return c }, func(c stub.Conn) stub.Conn { return c }, nil)
	t.Cleanup(func() { shared.Close() })
	c, err := shared.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	where := func() (dir string) {
		t.Helper()
		err := stub.Call(t.Context(), c, "Where", nil, func(d *stub.Decoder) { stub.Decode(d, &dir) })
		if err != nil {
			t.Fatal(err)
		}
		return dir
	}
	home := where()
	elsewhere := t.TempDir()
	for range 20 { // the first calls of a method have a goroutine of their own
		err := stub.Call0(t.Context(), c, "Leave", stub.Args1(elsewhere))
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			if dir := where(); dir != home {
				t.Fatalf("a later call runs in %s, want %s", dir, home)
			}
		}
	}
}
