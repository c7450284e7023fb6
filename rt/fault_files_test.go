//go:build unix

package rt_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/testdata/objects"
)

// E14. The daemon keeps neither the open files of a client's process nor its terminal.
func TestNothingIsInherited(t *testing.T) {
	a := singleton{Dir: rttest.Dir(t), Name: "c"}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	cmd := command(t, "pid", a)
	cmd.ExtraFiles = []*os.File{nil, nil, nil, nil, write} // descriptor 7 of the client
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.Output() // as in x=$(client): returns when nobody has the pipe any more
	if err != nil {
		t.Fatal(err)
	}
	write.Close()
	if _, err := io.ReadAll(read); err != nil {
		t.Error(err)
	}
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("somebody is left in the client's process group: %v", err)
	}
	if want := fmt.Sprintln(a.endpoint(t).PID); string(out) != want || !a.alive(t) {
		t.Errorf("the client said %q, want the pid of a daemon that lives, %q", out, want)
	}
}

const deadEndpoint = `loopgen 1
network tcp
address 127.0.0.1:1
key 0000000000000000000000000000000000000000000000000000000000000000
incarnation dead
pid 999999
protocol 1-1
end
`

// unsafeDir says that Connect refuses a directory, names it, and leaves it and
// its mode alone.
func unsafeDir(t *testing.T, a singleton, path string) {
	t.Helper()
	before, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = share(t, a).Connect(t.Context())
	var e *rt.StartError
	if !errors.Is(err, rt.ErrUnsafeDir) || !errors.As(err, &e) || e.Stage != rt.StageDirectory || !strings.Contains(err.Error(), path) {
		t.Errorf("Connect returned %v, want %v naming %s", err, rt.ErrUnsafeDir, path)
	}
	after, err := os.Lstat(path)
	if err != nil || after.Mode() != before.Mode() || !os.SameFile(after, before) {
		t.Errorf("it was changed: %v, then %v, %v", before.Mode(), after.Mode(), err)
	}
}

// place returns the directory of a's singleton.
func (a singleton) place(t *testing.T) string {
	t.Helper()
	d, err := rundir.Open(a.Dir, a.Name)
	if err != nil {
		t.Fatal(err)
	}
	return d.Path()
}

const nobody = 65534

// B01. A directory of another user is rejected.
func TestDirectoryOfAnotherUser(t *testing.T) {
	t.Parallel()
	needsRoot(t)
	a := singleton{Dir: rttest.Dir(t), Name: "c"}
	path := a.place(t)
	if err := os.Chown(path, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	unsafeDir(t, a, path)
	if err := os.Chown(path, os.Getuid(), os.Getgid()); err != nil {
		t.Fatal(err)
	}
	if n, err := connect(t, a).Inc(t.Context()); n != 1 || err != nil {
		t.Errorf("once it is ours: %d, %v", n, err)
	}
}

// B02. A directory with a mode other than 0700 is rejected.
func TestDirectoryOpenToOthers(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c"}
	path := a.place(t)
	for _, mode := range []os.FileMode{0o777, 0o750, 0o701, 0o777 | os.ModeSticky} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		unsafeDir(t, a, path)
	}
	if err := os.Chmod(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if n, err := connect(t, a).Inc(t.Context()); n != 1 || err != nil {
		t.Errorf("once it is private: %d, %v", n, err)
	}
}

// B03. A directory that is a symbolic link is rejected and not followed.
func TestDirectoryIsALink(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c"}
	path, elsewhere := a.place(t), filepath.Join(a.Dir, "elsewhere")
	if err := errors.Join(os.Remove(path), os.Mkdir(elsewhere, 0o700), os.Symlink(elsewhere, path)); err != nil {
		t.Fatal(err)
	}
	unsafeDir(t, a, path)
	if entries, err := os.ReadDir(elsewhere); err != nil || len(entries) != 0 {
		t.Errorf("the link was followed: %v, %v", entries, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if n, err := connect(t, a).Inc(t.Context()); n != 1 || err != nil {
		t.Errorf("without the link: %d, %v", n, err)
	}
}

func init() {
	addRole("where", func(ctx context.Context, shared *counterShared, _ args) (any, error) {
		if err := shared.EnsureStarted(ctx); err != nil {
			return nil, err
		}
		return shared.Status(ctx)
	})
	addRole("shut down", func(ctx context.Context, shared *counterShared, _ args) (any, error) {
		return nil, shared.Shutdown(ctx, rt.ShutdownNow)
	})
}

// mounted returns a shell that may mount anything. No other process sees the mounts, and
// they are gone with the last process that the shell has started. The program that the
// shell finds as $0 plays a role.
func mounted(t *testing.T, script, role string, a singleton, options ...option) *exec.Cmd {
	t.Helper()
	needsRoot(t)
	needsTool(t, "unshare")
	cmd := exec.Command("unshare", "--mount", "--propagation", "private", "/bin/sh", "-euc", script, os.Args[0])
	cmd.Env = command(t, role, a, options...).Env
	return cmd
}

// homes runs a script in which the user's home and /run are empty, and returns
// where the daemons of its clients were.
func homes(t *testing.T, script string, a singleton) (found []rt.Status) {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	script = `
mount -t tmpfs -o mode=0700 none "$home"
mount -t tmpfs -o mode=0755 none /run
mkdir /run/user
client() { echo; "$program"; }
with() { XDG_RUNTIME_DIR=$1 client; }
without() { (unset XDG_RUNTIME_DIR; client); }
down() { echo; ` + roleVar + `="shut down" "$program"; }
program=$0
trap down EXIT
` + script
	cmd := mounted(t, script, "where", a)
	cmd.Env = append(cmd.Env, "LOOPGEN_DIR=", "home="+me.HomeDir, "uid="+me.Uid)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		var s rt.Status
		if line = strings.TrimSpace(line); line == "" || line == "null" {
			continue
		}
		if err := json.Unmarshal([]byte(line), &s); err != nil || s.PID == 0 {
			t.Fatalf("a client said %s, %v", line, err)
		}
		found = append(found, s)
	}
	return found
}

// B04. A runtime directory that cannot be had, or trusted, moves the socket and not
// the rendezvous.
func TestUnusableRuntimeDirectory(t *testing.T) {
	t.Parallel()
	needsRoot(t)
	dir := rttest.Dir(t)
	for name, make := range map[string]func(path string) error{
		"private": func(path string) error { return os.Mkdir(path, 0o700) },
		"open":    func(path string) error { return errors.Join(os.Mkdir(path, 0o700), os.Chmod(path, 0o777)) },
		"foreign": func(path string) error { return errors.Join(os.Mkdir(path, 0o700), os.Chown(path, nobody, nobody)) },
		"file":    func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"link":    func(path string) error { return errors.Join(os.Mkdir(path+"-", 0o700), os.Symlink(path+"-", path)) },
		"missing": func(string) error { return nil },
	} {
		if err := make(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	const runtimeDir = "/run/user"
	for name, test := range map[string]struct{ spawner, below string }{
		"private":  {`with "` + dir + `/private"`, dir + "/private/"},
		"open":     {`with "` + dir + `/open"`, ""},
		"foreign":  {`with "` + dir + `/foreign"`, ""},
		"file":     {`with "` + dir + `/file"`, ""},
		"link":     {`with "` + dir + `/link"`, ""},
		"missing":  {`with "` + dir + `/missing"`, ""},
		"relative": {`with some/where`, ""},
		"empty":    {`with ""`, ""},
		"unset":    {`without`, ""},
		"default":  {`mkdir -m 0700 /run/user/$uid; without`, runtimeDir},
		"fallback": {`mkdir -m 0700 /run/user/$uid; with "` + dir + `/open"`, runtimeDir},
		"unsafe":   {`mkdir -m 0755 /run/user/$uid; without`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := homes(t, test.spawner+`; with "`+dir+`/private"; without; with /`, singleton{Name: "b04 " + name})
			if len(found) != 4 {
				t.Fatalf("%d clients answered", len(found))
			}
			if below := test.below; !strings.HasPrefix(found[0].Address, below) || below == "" && !strings.Contains(found[0].Address, "/.cache/loopgen/") {
				t.Errorf("the socket is %s, want it below %q", found[0].Address, cmp.Or(below, "the base directory"))
			}
			for _, s := range found[1:] {
				if s.Incarnation != found[0].Incarnation {
					t.Errorf("two daemons: %s and %s", s.Address, found[0].Address)
				}
			}
		})
	}
}

// B05. Clients meet whatever their XDG_RUNTIME_DIR, and whether the system's own
// comes or goes meanwhile.
func TestRuntimeDirectoriesDiffer(t *testing.T) {
	t.Parallel()
	dir := rttest.Dir(t)
	for name, script := range map[string]string{
		"comes": `all; mkdir -m 0700 /run/user/$uid; all`,
		"goes":  `mkdir -m 0700 /run/user/$uid; without; all; rm -r /run/user/$uid; all`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, other := filepath.Join(dir, name+"-1"), filepath.Join(dir, name+"-2")
			if err := errors.Join(os.Mkdir(one, 0o700), os.Mkdir(other, 0o700)); err != nil {
				t.Fatal(err)
			}
			all := `all() { with "` + one + `"; with "` + other + `"; without; }; `
			a := singleton{Name: "b05"}
			a.Options.Witness = filepath.Join(dir, name)
			found := homes(t, all+script, a)
			if len(found) < 6 {
				t.Fatalf("%d clients answered", len(found))
			}
			for _, s := range found[1:] {
				if s.Incarnation != found[0].Incarnation {
					t.Errorf("two daemons: %s and %s", s.Address, found[0].Address)
				}
			}
			if n := a.births(t); n != 1 {
				t.Errorf("%d objects were made, want 1", n)
			}
		})
	}
}

// B06. A file that is no endpoint delays no client. A daemon that lives puts its endpoint
// there again.
func TestOddEndpoints(t *testing.T) {
	t.Parallel()
	for name, place := range map[string]func(path string) error{
		"fifo":      func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"link":      func(path string) error { return os.Symlink("/dev/zero", path) },
		"1 MiB":     func(path string) error { return os.WriteFile(path, make([]byte, 1<<20), 0o600) },
		"empty":     func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"garbage":   func(path string) error { return os.WriteFile(path, []byte("garbage"), 0o600) },
		"CBOR bomb": func(path string) error { return os.WriteFile(path, bytes.Repeat([]byte{0x9b, 0xff}, 50_000), 0o600) },
		"nested":    func(path string) error { return os.WriteFile(path, bytes.Repeat([]byte{0x81}, 100_000), 0o600) },
		"dead":      func(path string) error { return os.WriteFile(path, []byte(deadEndpoint), 0o600) },
		"too short": func(path string) error { return os.WriteFile(path, []byte("loopgen 1\nend\n"), 0o666) },
		"long line": func(path string) error {
			return os.WriteFile(path, []byte("loopgen 1\n"+strings.Repeat("x", 200<<10)), 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := singleton{Dir: rttest.Dir(t), Name: "c"}.witnessed()
			path := filepath.Join(a.place(t), "endpoint")
			if err := place(path); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			if n, err := connect(t, a).Inc(t.Context()); n != 1 || err != nil {
				t.Errorf("without a daemon: %d, %v", n, err)
			}
			pid := a.endpoint(t).PID
			if err := errors.Join(os.Remove(path), place(path)); err != nil {
				t.Fatal(err)
			}
			a.serves(t, pid, 2)
			if took := time.Since(began); took > 30*time.Second { // the daemon looks every second
				t.Errorf("that took %v", took)
			}
		})
	}
}

// B06. An endpoint file that was cut at any byte is not used.
func TestCutEndpoint(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c", Transport: rt.TransportTCP}
	shared := share(t, a)
	if err := shared.EnsureStarted(t.Context()); err != nil {
		t.Fatal(err)
	}
	e, path := a.endpoint(t), filepath.Join(a.place(t), "endpoint")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	a.kill(t)
	ln, err := net.Listen("tcp4", e.Address) // whoever is led there is seen
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	var visits atomic.Int32
	go func() { // ends with ln
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			visits.Add(1)
			conn.Close()
		}
	}()
	for n := range len(whole) {
		if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := shared.Status(t.Context()); !errors.Is(err, rt.ErrNotRunning) {
			t.Errorf("the first %d of %d bytes: %v, want %v", n, len(whole), err, rt.ErrNotRunning)
		}
	}
	if n := visits.Load(); n != 0 {
		t.Errorf("%d of %d cuts were taken for an endpoint", n, len(whole))
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := shared.Status(t.Context()); !errors.Is(err, rt.ErrNotRunning) || visits.Load() == 0 {
		t.Errorf("the whole of it: %v after %d visits; want one, in vain", err, visits.Load())
	}
	if n, err := connect(t, a).Inc(t.Context()); n != 1 || err != nil {
		t.Errorf("the next start: %d, %v", n, err)
	}
}

// B08. The files of a killed daemon are no obstacle. The next call costs a start, and
// less than 100 ms more.
func TestStaleEndpoint(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		timed := func(c *objects.CounterClient) time.Duration {
			began := time.Now()
			if n, err := c.Inc(context.Background()); n != 1 || err != nil {
				t.Fatalf("got %d, %v; want 1 of a fresh object", n, err)
			}
			return time.Since(began)
		}
		fresh, healed := time.Hour, time.Hour
		for i := range 4 {
			a := a
			a.Name = strconv.Itoa(i)
			shared := share(t, a)
			began := time.Now()
			c := mustConnect(t, shared)
			timed(c)
			fresh = min(fresh, time.Since(began))
			stale := a.endpoint(t)
			a.kill(t)
			if _, err := os.Stat(filepath.Join(a.place(t), "endpoint")); err != nil {
				t.Fatal(err)
			}
			eventually(t, "its client knows", func() bool { return strings.Contains(shared.String(), "not connected") })
			healed = min(healed, timed(c))
			if stale.Network == "unix" {
				if _, err := os.Lstat(stale.Address); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("the dead daemon's socket is left: %v", err)
				}
			}
		}
		if healed > fresh+time.Second {
			t.Errorf("a call took %v after a kill, and %v without any daemon", healed, fresh)
		}
	})
}

// B10. A daemon whose directory was removed finishes its running calls and exits. The
// next client gets another daemon, in a new directory.
func TestDirectoryRemoved(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		idle := a
		idle.Name, idle.IdleTTL = "idle", -1
		for _, a := range []singleton{a, idle} {
			connect(t, a)
		}
		pid, idlePID := a.endpoint(t).PID, idle.endpoint(t).PID
		open, result := gated(t, connect(t, a))
		for _, a := range []singleton{a, idle} {
			if err := os.RemoveAll(a.place(t)); err != nil {
				t.Fatal(err)
			}
		}
		removed := time.Now()
		if n, err := connect(t, a).Inc(t.Context()); n != 1 || err != nil { // both live now
			t.Errorf("who comes next: %d, %v; want 1 of a fresh object", n, err)
		}
		next := a.endpoint(t)
		if next.PID == pid {
			t.Errorf("process %d serves on", pid)
		}
		eventually(t, "who has nothing to do has left", func() bool { return ended(idlePID) })
		if took := time.Since(removed); took > 30*time.Second { // want 2 s
			t.Errorf("it took %v", took)
		}
		if ended(pid) {
			t.Error("the daemon did not wait for the call that runs")
		}
		open()
		if n, err := result(); n != 1 || err != nil {
			t.Errorf("the running call: %d, %v", n, err)
		}
		eventually(t, "it has left", func() bool { return ended(pid) })
		if n, err := connect(t, a).Inc(t.Context()); n != 2 || err != nil || a.endpoint(t).Incarnation != next.Incarnation {
			t.Errorf("the next daemon, after the old one's end: %d, %v", n, err)
		}
	})
}

// ended reports whether a process is dead, reaped or not.
func ended(pid int) bool {
	state, err := exec.Command("ps", "-o", "state=", "-p", strconv.Itoa(pid)).Output()
	return err != nil || strings.HasPrefix(string(state), "Z")
}

// B12. A file that was removed alone comes back, and clients that come meanwhile find
// the same object.
func TestEndpointRemoved(t *testing.T) { removed(t, "endpoint") }

// B13. A socket that was removed comes back, too.
func TestSocketRemoved(t *testing.T) { removed(t, "s-*") }

func removed(t *testing.T, pattern string) {
	for _, holds := range []string{"with a client", "alone"} {
		t.Run(holds, func(t *testing.T) {
			t.Parallel()
			a := singleton{Dir: rttest.Dir(t), Name: "c", IdleTTL: time.Minute, Transport: rt.TransportUnix}.witnessed()
			shared := share(t, a)
			c := mustConnect(t, shared)
			if holds == "alone" {
				shared.Close()
			}
			old := a.endpoint(t)
			files, err := filepath.Glob(filepath.Join(a.place(t), pattern))
			if err != nil || len(files) != 1 {
				t.Fatal(files, err)
			}
			if err := os.Remove(files[0]); err != nil {
				t.Fatal(err)
			}
			var values []int
			for _, c := range releaseAll(t, 4, "increment", a, withN(1)) {
				var v []int
				c.wait(t, &v)
				values = append(values, v...)
			}
			if slices.Sort(values); !slices.Equal(values, []int{1, 2, 3, 4}) {
				t.Errorf("who came meanwhile got %v, want 1 to 4", values)
			}
			a.serves(t, old.PID, 5)
			if holds == "with a client" {
				if n, err := c.Inc(t.Context()); n != 6 || err != nil {
					t.Errorf("who was there before: %d, %v", n, err)
				}
			}
			if now := a.endpoint(t); now.Incarnation != old.Incarnation || now.Key != old.Key {
				t.Error("the endpoint is another one")
			}
		})
	}
}

// B15. A socket's address holds 103 bytes. Auto takes TCP then; Unix says what is too
// long, and what the limit is.
func TestLongSocketPath(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(rttest.Dir(t), strings.Repeat("d", 100))
	t.Cleanup(func() { share(t, singleton{Dir: dir, Name: "c"}).Shutdown(context.Background(), rt.ShutdownNow) })
	a := singleton{Dir: dir, Name: "c", Transport: rt.TransportUnix}
	_, err := share(t, a).Connect(t.Context())
	var e *rt.StartError
	if !errors.As(err, &e) || e.Stage != rt.StageListen {
		t.Fatalf("Unix: %v, want a *StartError at %q", err, rt.StageListen)
	}
	said := regexp.MustCompile(`(\S+/s-[0-9a-f]+)\D+(\d+) bytes\D+103`).FindStringSubmatch(err.Error())
	if said == nil || strconv.Itoa(len(said[1])) != said[2] || strings.Contains(err.Error(), "invalid argument") {
		t.Errorf("Unix: %v, want path, length and limit", err)
	}
	a.Transport = rt.TransportAuto
	if n, err := connect(t, a).Inc(t.Context()); n != 1 || err != nil || a.endpoint(t).Network != "tcp" {
		t.Errorf("Auto: %d, %v over %s; want 1 over tcp", n, err, a.endpoint(t).Network)
	}
	needsRoot(t)
	deep := filepath.Join(rttest.Dir(t), strings.Repeat("x", 80))
	if err := os.Mkdir(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	found := homes(t, `with "`+deep+`"; without`, singleton{Name: "b15"})
	if len(found) != 2 || found[0].Network != "tcp" || found[0].PID != found[1].PID {
		t.Errorf("a deep XDG_RUNTIME_DIR: %+v", found)
	}
}

func init() {
	addRole("full disk", func(ctx context.Context, shared *counterShared, a args) (any, error) {
		defer shared.Shutdown(ctx, rt.ShutdownNow)
		c, err := shared.Connect(ctx)
		if err != nil {
			return nil, err
		}
		filler := filepath.Join(a.Dir, "filler")
		if err := os.WriteFile(filler, make([]byte, 1<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
			return nil, fmt.Errorf("the disk is not full: %w", err)
		}
		if err := panics(ctx, c, 20); err != nil {
			return nil, err
		}
		if err := os.Remove(filler); err != nil {
			return nil, err
		}
		if err := panics(ctx, c, 1); err != nil {
			return nil, err
		}
		s, err := shared.Status(ctx)
		if err == nil && !fileContains(s.Log, "msg=panic") {
			err = errors.New("nothing is logged although there is room again")
		}
		return nil, err
	})
	addRole("panics", func(ctx context.Context, shared *counterShared, a args) (any, error) {
		c, err := shared.Connect(ctx)
		if err != nil {
			return nil, err
		}
		return nil, panics(ctx, c, a.N)
	})
}

// panics makes the daemon log a panic, some kilobytes, so many times, and sees
// that it lives on.
func panics(ctx context.Context, c *objects.CounterClient, n int) error {
	before, err := c.Value(ctx)
	if err != nil {
		return err
	}
	for range n {
		_, err := c.Misbehave(ctx, "panic")
		var p *rt.PanicError
		if !errors.As(err, &p) {
			return fmt.Errorf("a panic is reported as %w", err)
		}
	}
	if after, err := c.Inc(ctx); after != before+1 || err != nil {
		return fmt.Errorf("after %d panics: %d, %w; want %d", n, after, err, before+1)
	}
	return nil
}

// B16. A log that cannot be written is no reason to end.
func TestFullLog(t *testing.T) {
	t.Parallel()
	t.Run("disk", func(t *testing.T) {
		t.Parallel()
		a := singleton{Dir: rttest.Dir(t), Name: "c"}
		out, err := mounted(t, fmt.Sprintf(`mount -t tmpfs -o size=128k,mode=0700 none %q; exec "$0"`, a.Dir), "full disk", a).CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != "null" {
			t.Errorf("%s, %v", out, err)
		}
	})
	t.Run("limit", func(t *testing.T) {
		t.Parallel()
		a := singleton{Dir: rttest.Dir(t), Name: "c"}.witnessed()
		out, err := command(t, "panics", a, withShell("ulimit -f 64"), withN(60)).CombinedOutput() // 32 KiB
		if err != nil || strings.TrimSpace(string(out)) != "null" {
			t.Errorf("%s, %v", out, err)
		}
		e := a.endpoint(t)
		if info, err := os.Stat(e.Log); err != nil || info.Size() != 32<<10 {
			t.Errorf("the log was not filled: %v, %v", info, err)
		}
		a.serves(t, e.PID, 2)
	})
}

// B16. A log that was removed, or is no regular file, is created again. One that is too
// long is rotated, so that there are never more than two.
func TestOddLog(t *testing.T) {
	t.Parallel()
	target := filepath.Join(t.TempDir(), "target")
	if err := os.WriteFile(target, []byte("precious\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const huge = 100 << 20
	for name, place := range map[string]func(path string) error{
		"deleted":   func(string) error { return nil },
		"link":      func(path string) error { return os.Symlink(target, path) },
		"dangling":  func(path string) error { return os.Symlink("/nonexistent/log", path) },
		"fifo":      func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"directory": func(path string) error { return os.Mkdir(path, 0o700) },
		"100 MB":    func(path string) error { return errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, huge)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := singleton{Dir: rttest.Dir(t), Name: "c"}.witnessed()
			path := filepath.Join(a.place(t), "log")
			if err := place(path); err != nil {
				t.Fatal(err)
			}
			c := connect(t, a) // the log is opened by the client that starts
			proper := func() bool {
				info, err := os.Lstat(path)
				return err == nil && info.Mode() == 0o600 && info.Size() < 8<<20
			}
			eventually(t, "the daemon that was started has a proper log", func() bool { // it serves before it says so
				return proper() && fileContains(path, "msg=serving")
			})
			// The same again while it runs.
			if err := os.RemoveAll(path + ".1"); err != nil {
				t.Fatal(err)
			}
			if name == "100 MB" {
				if err := os.Truncate(path, huge); err != nil {
					t.Fatal(err)
				}
			} else if err := errors.Join(os.Remove(path), place(path)); err != nil {
				t.Fatal(err)
			}
			eventually(t, "it has a proper log again", proper)
			calls := 0
			eventually(t, "that is written to", func() bool { // it is there before it is used
				calls++
				if err := panics(t.Context(), c, 1); err != nil {
					t.Fatal(err)
				}
				return fileContains(path, "msg=panic")
			})
			a.serves(t, a.endpoint(t).PID, calls+1)
			logs, err := filepath.Glob(path + "*")
			if err != nil || len(logs) > 2 {
				t.Errorf("logs: %v, %v", logs, err)
			}
		})
	}
	t.Cleanup(func() { // when all of them have ended
		if b, err := os.ReadFile(target); err != nil || string(b) != "precious\n" {
			t.Errorf("what a link named was written to: %q, %v", b, err)
		}
	})
}
