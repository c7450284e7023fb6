//go:build linux

package rt_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/rt/stub"
)

// frail is a type whose birth goes wrong in a way, and whose methods do.
type frail struct {
	dir   string
	calls int
}

// note says in a file of the test that something happened.
func (f *frail) note(what string) error {
	log, err := os.OpenFile(filepath.Join(f.dir, what), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	_, err = log.WriteString("x")
	return err
}

func (f *frail) Close() error { return f.note("closed") }

func (f *frail) Count() int { f.calls++; return f.calls }

// Fail panics with a text that does not travel as it is, or returns it as an
// error.
func (f *frail) Fail(how string) error {
	f.calls++
	text := "huge: " + strings.Repeat("x", 20<<20)
	if strings.HasPrefix(how, "odd") {
		text = "odd: \xff"
	}
	if strings.HasSuffix(how, "panic") {
		panic(text)
	}
	return errors.New(text)
}

// Chat waits for a signal of the test, fills the log, and waits until the log was
// rotated.
func (f *frail) Chat(ctx context.Context, log string) error {
	if _, err := os.ReadFile(filepath.Join(f.dir, "tell")); err != nil { // a fifo
		return err
	}
	fmt.Println(strings.Repeat("x", 9<<20))
	for ctx.Err() == nil {
		if _, err := os.Stat(log + ".1"); err == nil {
			return nil
		}
		time.Sleep(time.Millisecond)
	}
	return ctx.Err()
}

var frailService = &stub.Service{
	Name:        "rt_test.frail",
	Constructor: "newFrail",
	New: func(_ context.Context, args *stub.Decoder) (any, error) {
		var dir, how string
		stub.Decode(args, &dir)
		stub.Decode(args, &how)
		if err := args.End(); err != nil {
			return nil, err
		}
		f := &frail{dir: dir}
		if err := f.note("born"); err != nil {
			return nil, err
		}
		switch how {
		case "exits when it serves":
			const report = "/proc/self/fd/4" // the pipe to whoever started it
			pipe, err := os.Readlink(report)
			if err != nil {
				return nil, err
			}
			go func() {
				for now := pipe; now == pipe; now, _ = os.Readlink(report) {
				}
				os.Exit(3)
			}()
		case "fails when it is told":
			os.ReadFile(filepath.Join(dir, "tell")) // a fifo
			return nil, errors.New("told to fail")
		}
		return f, nil
	},
}

func init() {
	frailService.Methods = []stub.Method{
		{Name: "Chat", Func: (*frail).Chat, Serve: func(run *stub.Run, target any) {
			var log string
			stub.Decode(run.Args, &log)
			if run.Begin() {
				run.Results.Error(target.(*frail).Chat(run.Context(), log))
			}
		}},
		{Name: "Count", Func: (*frail).Count, Serve: func(run *stub.Run, target any) {
			if run.Begin() {
				stub.Encode(run.Results, target.(*frail).Count())
			}
		}},
		{Name: "Fail", Func: (*frail).Fail, Serve: func(run *stub.Run, target any) {
			var how string
			stub.Decode(run.Args, &how)
			if run.Begin() {
				run.Results.Error(target.(*frail).Fail(how))
			}
		}},
	}
	stub.Register(frailService)
	addRole("moved", func(ctx context.Context, shared *counterShared, _ args) (any, error) {
		for { // until the log is where the daemon says, or the context ends
			s, err := shared.Status(ctx)
			if err != nil {
				return nil, err
			}
			if _, err := os.Stat(s.Log); err == nil {
				return s, nil
			}
			time.Sleep(10 * time.Millisecond)
		}
	})
	addRole("after death", playAfterDeath)
	addRole("frail", func(ctx context.Context, _ *counterShared, a args) (any, error) {
		return nil, shareFrail(a.Dir, "", rt.Config{Name: a.Name}).EnsureStarted(ctx)
	})
}

func shareFrail(dir, how string, cfg rt.Config) *rt.Shared[stub.Conn, stub.Conn] {
	self := func(c stub.Conn) stub.Conn { return c }
	cfg.Scope = rt.ScopeDir(dir)
	return rt.NewShared(cfg, frailService, self, self, func(e *stub.Encoder) {
		stub.Encode(e, dir)
		stub.Encode(e, how)
	})
}

// noted returns how often a frail object of that directory noted something.
func noted(t *testing.T, dir, what string) int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, what))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return len(b)
}

// A daemon that dies as soon as it serves is started again, but not as fast as
// the machine can.
func TestDaemonThatDiesWhenItServes(t *testing.T) {
	t.Parallel()
	dir := rttest.Dir(t)
	shared := shareFrail(dir, "exits when it serves", rt.Config{StartTimeout: time.Second})
	defer shared.Close()
	began := time.Now()
	var e *rt.StartError
	// A client may have connected before it died. A later client cannot.
	if err := shared.EnsureStarted(t.Context()); err != nil && !errors.As(err, &e) {
		t.Errorf("got %v, want a *StartError", err)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("with a StartTimeout of a second that took %v", took)
	}
	if n := noted(t, dir, "born"); n > 16 {
		t.Errorf("%d daemons were started", n)
	}
}

// A failed start is an error only for clients that wait for a daemon of the same
// configuration. Other configurations may start.
func TestFailureOfAnotherConfiguration(t *testing.T) {
	t.Parallel()
	dir := rttest.Dir(t)
	tell := filepath.Join(dir, "tell")
	if err := syscall.Mkfifo(tell, 0o600); err != nil {
		t.Fatal(err)
	}
	bad, same, good := shareFrail(dir, "fails when it is told", rt.Config{}), shareFrail(dir, "fails when it is told", rt.Config{}), shareFrail(dir, "", rt.Config{})
	defer bad.Close()
	defer same.Close()
	defer good.Close()
	failed := make(chan error, 1)
	go func() { failed <- bad.EnsureStarted(context.Background()) }()
	eventually(t, "the bad one is made", func() bool { return noted(t, dir, "born") == 1 })
	for _, waiting := range []*rt.Shared[stub.Conn, stub.Conn]{same, good} { // the attempts go on
		waits(t, waiting.EnsureStarted)
	}
	if err := os.WriteFile(tell, nil, 0); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; err == nil || !strings.Contains(err.Error(), "told to fail") {
		t.Errorf("who started it: %v", err)
	}
	if err := good.EnsureStarted(t.Context()); err != nil {
		t.Errorf("who waited with another configuration: %v", err)
	}
	if err := same.EnsureStarted(t.Context()); err == nil {
		t.Error("who waited with the same configuration got the other's object")
	}
}

// A daemon that cannot publish where it is leaves no socket behind, and closes
// its object.
func TestPublishFails(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: strings.Repeat("long", 200)} // an endpoint of more than 512 bytes
	cmd := command(t, "frail", a, withShell("ulimit -f 1"))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	var said struct{ Error string }
	if jerr := json.Unmarshal(out, &said); err != nil || jerr != nil || said.Error == "" {
		t.Errorf("the client said %q: %v, %v", out, err, jerr)
	}
	eventually(t, "the daemon is gone", func() bool { return !a.alive(t) })
	for _, path := range strays(t, a) {
		if name := filepath.Base(path); name != "born" && name != "closed" {
			t.Errorf("left behind: %s", path)
		}
	}
	if _, err := os.Stat(filepath.Join(a.Dir, "closed")); err != nil {
		t.Errorf("the object was not closed: %v", err)
	}
}

// A log that its writer was killed over, before it had its mode, keeps no
// daemon from self.Starting.
func TestLogWithoutMode(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c"}
	d, err := rundir.Open(a.Dir, a.Name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.LogPath(), nil, 0); err != nil {
		t.Fatal(err)
	}
	connect(t, a)
	if info, err := os.Stat(d.LogPath()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the log: %v, %v; want mode 0600", info.Mode(), err)
	}
}

// A client that is closed while it waits for an answer at a dead daemon's address starts
// no daemon any more.
func TestClosedWhileGreeting(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c", Transport: rt.TransportTCP}
	var e *rundir.Endpoint
	var silent net.Listener
	eventually(t, "the port of a dead daemon is free", func() bool { // unless somebody has taken it
		if err := share(t, a).EnsureStarted(t.Context()); err != nil {
			t.Fatal(err)
		}
		e = a.endpoint(t)
		a.kill(t)
		var err error
		silent, err = net.Listen("tcp", e.Address)
		return err == nil
	})
	defer silent.Close()
	if err := os.Remove(e.Log); err != nil {
		t.Fatal(err)
	}
	shared := share(t, a)
	closed := make(chan error, 1)
	go func() { closed <- shared.EnsureStarted(context.Background()) }()
	conn, err := silent.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	shared.Close()
	if err := <-closed; !errors.Is(err, rt.ErrClosed) {
		t.Errorf("got %v, want %v", err, rt.ErrClosed)
	}
	if _, err := os.Stat(e.Log); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a daemon was started: it has a log (%v)", fmt.Sprint(err))
	}
}

// The value of a method's panic, or its error, need not be text that can be encoded. The
// call was executed all the same, and the connection is not lost.
func TestTextsThatCannotTravel(t *testing.T) {
	t.Parallel()
	shared := shareFrail(rttest.Dir(t), "", rt.Config{})
	defer shared.Close()
	c, err := shared.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, how := range []string{"huge panic", "odd panic", "huge error", "odd error"} {
		err := stub.Call0(t.Context(), c, "Fail", stub.Args1(how))
		var fault *rt.CallError
		var p *rt.PanicError
		var remote *rt.RemoteError
		switch {
		case errors.As(err, &p) != strings.HasSuffix(how, "panic"),
			errors.As(err, &fault) && fault.Outcome != rt.OutcomeExecuted,
			!errors.As(err, &fault) && !errors.As(err, &remote):
			t.Errorf("%s: %T %.200v", how, err, err)
		}
		var n int
		if err := stub.Call(t.Context(), c, "Count", nil, func(d *stub.Decoder) { stub.Decode(d, &n) }); n != 2*(i+1) || err != nil {
			t.Errorf("after %s: the count is %d, %v; want %d", how, n, err, 2*(i+1))
		}
		if _, err := shared.Status(t.Context()); err != nil {
			t.Errorf("after %s: Status: %v", how, err)
		}
	}
}

// The log of a daemon that takes long to leave is capped, too.
func TestLogWhileLeaving(t *testing.T) {
	t.Parallel()
	dir := rttest.Dir(t)
	tell := filepath.Join(dir, "tell")
	if err := syscall.Mkfifo(tell, 0o600); err != nil {
		t.Fatal(err)
	}
	shared := shareFrail(dir, "", rt.Config{})
	defer shared.Close()
	c, err := shared.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s, err := shared.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	chatted, down := make(chan error, 1), make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		chatted <- stub.Call0(ctx, c, "Chat", stub.Args1(s.Log))
	}()
	eventually(t, "it runs", func() bool {
		s, err := shared.Status(t.Context())
		return err == nil && len(s.Running) == 1
	})
	go func() { down <- shared.Shutdown(context.Background(), rt.ShutdownDrain) }()
	eventually(t, "it leaves", func() bool {
		s, err := shared.Status(t.Context())
		return err == nil && s.Leaving != ""
	})
	if err := os.WriteFile(tell, nil, 0); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(<-chatted, <-down); err != nil {
		t.Error(err)
	}
}

// When the user's runtime directory is removed, as at the last logout, the daemon's log
// moves with its socket. Otherwise no client would find the log, and nothing would limit
// it.
func TestRuntimeDirectoryGoes(t *testing.T) {
	t.Parallel()
	for _, transport := range []rt.Transport{rt.TransportUnix, rt.TransportTCP} {
		t.Run(string(transport), func(t *testing.T) {
			t.Parallel()
			found := homes(t, `mkdir -m 0700 /run/user/$uid; without; rm -r /run/user/$uid; export `+roleVar+`=moved; without`,
				singleton{Name: "c", Transport: transport, IdleTTL: 10 * time.Second})
			if len(found) != 2 || found[0].PID != found[1].PID || !strings.HasPrefix(found[0].Log, "/run/") || strings.HasPrefix(found[1].Log, "/run/") {
				t.Errorf("daemons: %+v", found)
			}
		})
	}
}

// A client that takes its replies slowly, but takes them, does not keep a daemon
// that is to leave at once.
func TestSlowReaderOfALeavingDaemon(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(t *testing.T, a singleton) {
		const calls, size = 200, 200 << 10
		shared := share(t, a)
		if err := shared.EnsureStarted(t.Context()); err != nil {
			t.Fatal(err)
		}
		r := a.greet(t)
		for id := range uint64(calls) {
			if _, err := r.conn.Write(encoded(t, r.call(t, id+1, "Bytes", size))); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, "all calls are executed", func() bool {
			s, err := shared.Status(t.Context())
			return err == nil && s.Calls == calls
		})
		slow := time.NewTicker(250 * time.Millisecond)
		defer slow.Stop()
		done := make(chan error, 1)
		began := time.Now()
		go func() { done <- shared.Shutdown(context.Background(), rt.ShutdownNow) }()
		for buf := make([]byte, size); ; {
			select {
			case err := <-done:
				if took := time.Since(began); err != nil || took > 30*time.Second {
					t.Errorf("that took %v: %v", took, err)
				}
				return
			case <-slow.C:
				if _, err := io.ReadFull(r.conn, buf); err != nil {
					slow.Stop()
				}
			}
		}
	})
}

// playAfterDeath calls N times right after the daemon was killed, before anything
// else in this process could have noticed, and returns what came of it.
func playAfterDeath(ctx context.Context, shared *counterShared, a args) (any, error) {
	var failed []string
	for range a.N {
		c, err := shared.Connect(ctx)
		if err != nil {
			return nil, err
		}
		s, err := c.Environment(ctx)
		if err != nil {
			return nil, err
		}
		dir, err := rundir.Open(a.Dir, a.Name)
		if err != nil {
			return nil, err
		}
		e, err := dir.ReadEndpoint()
		if err != nil {
			return nil, err
		}
		if err := syscall.Kill(s.PID, syscall.SIGKILL); err != nil {
			return nil, err
		}
		for dead := false; !dead; {
			dead = closedAll(s.PID) && !established(e)
		}
		if _, err := c.Inc(ctx); err != nil {
			failed = append(failed, err.Error())
		}
	}
	return failed, nil
}

// closedAll reports whether a process that was killed has closed its sockets. Its
// first thread may be a zombie before the last has done so, and a look into
// /proc/<pid>/task may miss threads while others end.
func closedAll(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // see proc_pid_stat(5)
	fields := strings.Fields(rest)
	state, threads := fields[0], fields[17]
	return state == "Z" && threads == "1"
}

// established reports whether the kernel has yet to deliver the end of a TCP
// connection to an endpoint: on a busy machine that takes a moment.
func established(e *rundir.Endpoint) bool {
	_, port, err := net.SplitHostPort(e.Address)
	if e.Network != "tcp" || err != nil {
		return false
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return false
	}
	table, err := os.ReadFile("/proc/self/net/tcp") // see proc_pid_net(5)
	return err == nil && strings.Contains(string(table), fmt.Sprintf(":%04X 01 ", n))
}

// A call that begins after the daemon has died was not sent to it: the next one
// gets it.
func TestCallAfterDeath(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(t *testing.T, a singleton) {
		var failed []string
		start(t, "after death", a, withN(8), withEnv(single)).wait(t, &failed)
		for _, err := range failed {
			t.Error(err)
		}
	})
}
