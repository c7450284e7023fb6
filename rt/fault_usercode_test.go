//go:build unix

package rt_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/rt/stub"
)

// How the methods of the types below misbehave.
const (
	oddPanics = "panics"
	oddExits  = "exits its goroutine"
	oddBlocks = "blocks"
)

// misbehave does what how says, or returns.
func misbehave(how string) {
	switch how {
	case oddPanics:
		panic("misbehaved")
	case oddExits:
		runtime.Goexit()
	case oddBlocks:
		select {}
	}
}

// oddValue is a value whose String method misbehaves.
type oddValue struct{ how string }

func (v oddValue) String() string { misbehave(v.how); return "odd value" }

// oddError is an error one of whose methods misbehaves.
type oddError struct{ method, how string }

func (e *oddError) in(method string) {
	if e.method == method {
		misbehave(e.how)
	}
}

func (e *oddError) Error() string { e.in("Error"); return "odd error" }
func (e *oddError) Unwrap() error { e.in("Unwrap"); return nil }
func (e *oddError) As(any) bool   { e.in("As"); return false }
func (e *oddError) Is(error) bool { e.in("Is"); return e.how == "agrees" }

// OddText is a value, and an error, whose own encoding misbehaves: its MarshalText
// in the daemon when it is "marshal how", and its UnmarshalText in the daemon when
// it is "daemon how" and in a client when it is "client how".
type OddText struct{ text string }

func (o OddText) Error() string { return "odd text" }

func (o OddText) MarshalText() ([]byte, error) {
	if how, ok := strings.CutPrefix(o.text, "marshal "); ok && daemonProcess() {
		misbehave(how)
	}
	return []byte(o.text), nil
}

func (o *OddText) UnmarshalText(text []byte) error {
	o.text = string(text)
	side, how, _ := strings.Cut(o.text, " ")
	if side == "daemon" && daemonProcess() || side == "client" && !daemonProcess() {
		misbehave(how)
		if side == "daemon" {
			return &oddError{"Is", how}
		}
	}
	return nil
}

// oddly returns the error that what asks for.
func oddly(what, how string) error {
	switch what {
	case "panic value":
		panic(oddValue{how})
	case "OddText":
		return OddText{how}
	}
	return &oddError{what, how}
}

// moody is an object whose failures misbehave when they are described.
type moody struct{ closing, how string }

func (o *moody) Fail(what, how string) error { return oddly(what, how) }
func (o *moody) Give(text string) OddText    { return OddText{text} }
func (o *moody) Take(OddText)                {}
func (o *moody) Close() error                { return oddly(o.closing, o.how) }

// The order is that of moodyService.Methods.
const (
	moodyFail = iota
	moodyGive
	moodyTake
)

var moodyService = &stub.Service{
	Name:        "rt_test.moody",
	Constructor: "newMoody",
	ErrorTypes:  []stub.ErrorType{stub.ErrorTypeOf[OddText]("OddText")},
	New: func(_ context.Context, args *stub.Decoder) (any, error) {
		var failing, closing, how string
		stub.Decode(args, &failing)
		stub.Decode(args, &closing)
		stub.Decode(args, &how)
		if err := args.End(); err != nil {
			return nil, err
		}
		if failing != "" {
			return nil, oddly(failing, how)
		}
		return &moody{closing, how}, nil
	},
}

func init() {
	moodyService.Methods = []stub.Method{
		{Name: "Fail", Func: (*moody).Fail, Serve: func(run *stub.Run, target any) {
			var what, how string
			stub.Decode(run.Args, &what)
			stub.Decode(run.Args, &how)
			if run.Begin() {
				run.Results.Error(target.(*moody).Fail(what, how))
			}
		}},
		{Name: "Give", Func: (*moody).Give, Serve: func(run *stub.Run, target any) {
			var text string
			stub.Decode(run.Args, &text)
			if run.Begin() {
				stub.Encode(run.Results, target.(*moody).Give(text))
			}
		}},
		{Name: "Take", Func: (*moody).Take, Serve: func(run *stub.Run, target any) {
			var o OddText
			stub.Decode(run.Args, &o)
			if run.Begin() {
				target.(*moody).Take(o)
			}
		}},
	}
	stub.Register(moodyService)
}

// shareMoody shares a moody object whose constructor fails, or whose Close does.
func shareMoody(t *testing.T, dir, failing, closing, how string, change ...func(*rt.Config)) *rt.Shared[stub.Conn, stub.Conn] {
	self := func(c stub.Conn) stub.Conn { return c }
	cfg := rt.Config{Scope: rt.ScopeDir(dir), Name: "moody", IdleTTL: 50 * time.Millisecond, StartTimeout: time.Minute}
	for _, c := range change {
		c(&cfg)
	}
	shared := rt.NewShared(cfg, moodyService, self, self, func(e *stub.Encoder) {
		stub.Encode(e, failing)
		stub.Encode(e, closing)
		stub.Encode(e, how)
	})
	t.Cleanup(func() { shared.Close() })
	return shared
}

// moodyCall is a call to which the daemon's answer is an error.
type moodyCall struct {
	method    int
	arguments []string
	want      string // in the error
}

// check makes the call and fails the test unless it is answered as it should be.
func (o moodyCall) check(t *testing.T, conn stub.Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	args := func(e *stub.Encoder) {
		if o.method == moodyTake {
			stub.Encode(e, OddText{o.arguments[0]})
			return
		}
		for _, a := range o.arguments {
			stub.Encode(e, a)
		}
	}
	results := func(d *stub.Decoder) {
		if o.method == moodyGive {
			var given OddText
			stub.Decode(d, &given)
		}
	}
	err := stub.Call(ctx, conn, moodyService.Methods[o.method].Name, args, results)
	var remote *rt.RemoteError
	var call *rt.CallError
	if !errors.As(err, &remote) && !errors.As(err, &call) || ctx.Err() != nil || !strings.Contains(fmt.Sprint(err), o.want) {
		t.Errorf("%s%q: got %v (%[3]T), want an error with %q", moodyService.Methods[o.method].Name, o.arguments, err, o.want)
	}
	if call != nil && call.Outcome == rt.OutcomeUnknown {
		t.Errorf("%s%q: got %v, want an answer of the daemon", moodyService.Methods[o.method].Name, o.arguments, err)
	}
}

// Whatever the methods of a panic's value, of an error or of a result do, the call
// is answered, the next one gets its turn, and the daemon leaves when it is idle.
func TestCallsAreAnsweredWhenDescribingThemMisbehaves(t *testing.T) {
	calls := map[string][]moodyCall{
		"panicking": {
			{moodyFail, []string{"panic value", oddPanics}, "%!v(PANIC=String method: misbehaved)"},
			{moodyFail, []string{"Error", oddPanics}, "panic in its Error method: misbehaved"},
			{moodyFail, []string{"Unwrap", oddPanics}, "odd error"},
			{moodyFail, []string{"Is", oddPanics}, "odd error"},
			{moodyFail, []string{"As", oddPanics}, "odd error"},
			{moodyFail, []string{"OddText", "marshal " + oddPanics}, "odd text"},
			{moodyGive, []string{"marshal " + oddPanics}, "panicked: misbehaved"},
			{moodyTake, []string{"daemon " + oddPanics}, "bad arguments: misbehaved"},
			{moodyTake, []string{"daemon agrees"}, "bad arguments: argument 1"},
		},
		"exiting": {
			{moodyFail, []string{"panic value", oddExits}, "a method called runtime.Goexit"},
			{moodyFail, []string{"Error", oddExits}, "its Error method called runtime.Goexit"},
			{moodyFail, []string{"Unwrap", oddExits}, "odd error"},
			{moodyFail, []string{"Is", oddExits}, "odd error"},
			{moodyFail, []string{"As", oddExits}, "odd error"},
			{moodyFail, []string{"OddText", "marshal " + oddExits}, "odd text"},
			{moodyGive, []string{"marshal " + oddExits}, "runtime.Goexit was called"},
			{moodyTake, []string{"daemon " + oddExits}, "bad arguments: runtime.Goexit was called"},
		},
		"blocking":       {{moodyFail, []string{"panic value", oddBlocks}, "a method did not return within 1s"}},
		"blocking Error": {{moodyFail, []string{"Error", oddBlocks}, "its Error method did not return within 1s"}},
	}
	for name, calls := range calls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := rttest.Dir(t)
			shared := shareMoody(t, dir, "", "", "")
			conn, err := shared.Connect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, call := range calls {
				call.check(t, conn)
			}
			if s, err := shared.Status(t.Context()); err != nil || len(s.Running) > 0 {
				t.Errorf("still running: %v, %v", s.Running, err)
			}
			shared.Close()
			a := singleton{Dir: dir, Name: "moody"}
			eventually(t, "the idle daemon has left", func() bool { return !a.alive(t) })
		})
	}
}

// Whatever the methods of a constructor's error or panic value do, the client that
// waits gets an error that says so, and the daemon exits.
func TestStartsFailWhenDescribingThemMisbehaves(t *testing.T) {
	for _, test := range []struct{ failing, how, want string }{
		{"panic value", oddPanics, "%!v(PANIC=String method: misbehaved)"},
		{"panic value", oddExits, "a method called runtime.Goexit"},
		{"panic value", oddBlocks, "a method did not return within 1s"},
		{"Error", oddPanics, "panic in its Error method: misbehaved"},
		{"Error", oddExits, "its Error method called runtime.Goexit"},
		{"Error", oddBlocks, "its Error method did not return within 1s"},
		{"Is", oddExits, "odd error"},
		{"Is", "agrees", "odd error"},
		{"As", oddExits, "odd error"},
		{"OddText", "client " + oddPanics, "odd text"}, // while the client holds spawn.lock
		{"OddText", "client " + oddExits, "odd text"},
	} {
		t.Run(test.failing+" "+test.how, func(t *testing.T) {
			t.Parallel()
			dir := rttest.Dir(t)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			_, err := shareMoody(t, dir, test.failing, "", test.how).Connect(ctx)
			if e := startError(t, err, rt.StageConstructor); !strings.Contains(e.Error(), test.want) {
				t.Errorf("got %v, want %q in it", e, test.want)
			}
			a := singleton{Dir: dir, Name: "moody"}
			eventually(t, "the daemon has exited", func() bool { return !a.alive(t) })
			release, ok, err := a.directory(t).TrySpawnLock()
			if !ok || err != nil {
				t.Fatalf("spawn.lock is held: %v, %v", ok, err)
			}
			release()
		})
	}
}

// Whatever the methods of an error or a panic value of Close do, the daemon leaves,
// and the log says what Close did.
func TestCloseFailsWhenDescribingItMisbehaves(t *testing.T) {
	for _, test := range []struct{ closing, how, want string }{
		{"panic value", oddPanics, "%!v(PANIC=String method: misbehaved)"},
		{"panic value", oddExits, "a method called runtime.Goexit"},
		{"Error", oddPanics, "%!v(PANIC=Error method: misbehaved)"},
		{"Error", oddExits, "a method called runtime.Goexit"},
		{"Error", oddBlocks, "a method did not return within 1s"},
	} {
		t.Run(test.closing+" "+test.how, func(t *testing.T) {
			t.Parallel()
			dir := rttest.Dir(t)
			shared := shareMoody(t, dir, "", test.closing, test.how)
			if err := shared.EnsureStarted(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := shared.Shutdown(t.Context(), rt.ShutdownDrain); err != nil {
				t.Fatal(err)
			}
			log, err := os.ReadFile(singleton{Dir: dir, Name: "moody"}.directory(t).LogPath())
			if err != nil || !strings.Contains(string(log), test.want) {
				t.Errorf("the log does not contain %q: %v\n%s", test.want, err, log)
			}
		})
	}
}

// An error whose own decoding misbehaves in the client comes back as a RemoteError.
func TestErrorsAreReturnedWhenDecodingThemMisbehaves(t *testing.T) {
	t.Parallel()
	shared := shareMoody(t, rttest.Dir(t), "", "", "")
	conn, err := shared.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, how := range []string{oddPanics, oddExits} {
		returned := make(chan error, 1)
		go func() { // ends with the call, or with its goroutine
			defer close(returned)
			returned <- stub.Call(t.Context(), conn, "Fail", func(e *stub.Encoder) {
				stub.Encode(e, "OddText")
				stub.Encode(e, "client "+how)
			}, nil)
		}()
		err := <-returned
		var remote *rt.RemoteError
		if !errors.As(err, &remote) || remote.Message != "odd text" {
			t.Errorf("an error whose decoding %s: got %v (%[2]T), want a RemoteError", how, err)
		}
	}
}

// An OnRestart that does not return refuses the new object.
func TestOnRestartMisbehaves(t *testing.T) {
	for how, want := range map[string]string{oddPanics: "OnRestart panicked: misbehaved", oddExits: "OnRestart panicked: runtime.Goexit was called"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			a := singleton{Dir: rttest.Dir(t), Name: "c"}
			shared := share(t, a, func(c *rt.Config) {
				c.OnRestart = func(string, string) error { misbehave(how); return nil }
			})
			c, err := shared.Connect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			a.kill(t)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			eventually(t, "the call is refused", func() bool {
				_, err = c.Inc(ctx)
				var call *rt.CallError
				return errors.As(err, &call) && call.Outcome == rt.OutcomeNotSent
			})
			if !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q in it", err, want)
			}
		})
	}
}

// oddHandler is the handler of a logger that misbehaves.
type oddHandler struct{ how string }

func (h oddHandler) Enabled(context.Context, slog.Level) bool  { return true }
func (h oddHandler) Handle(context.Context, slog.Record) error { misbehave(h.how); return nil }
func (h oddHandler) WithAttrs([]slog.Attr) slog.Handler        { return h }
func (h oddHandler) WithGroup(string) slog.Handler             { return h }

// A client whose logger misbehaves starts its daemon, and lets other clients start
// theirs.
func TestLoggerMisbehaves(t *testing.T) {
	for _, how := range []string{oddPanics, oddExits, oddBlocks} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			dir := rttest.Dir(t)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			shared := shareMoody(t, dir, "", "", "", func(c *rt.Config) { c.Logger = slog.New(oddHandler{how}) })
			if err := shared.EnsureStarted(ctx); err != nil {
				t.Fatal(err)
			}
			release, ok, err := singleton{Dir: dir, Name: "moody"}.directory(t).TrySpawnLock()
			if !ok || err != nil {
				t.Fatalf("spawn.lock is held: %v, %v", ok, err)
			}
			release()
		})
	}
}
