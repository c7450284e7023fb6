//go:build linux

package rt_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/stub"
	"github.com/loopgen/loopgen/testdata/objects"
)

func init() {
	addRole("serve", func(ctx context.Context, shared *counterShared, a args) (any, error) {
		return fmt.Sprint(shared.Serve(ctx)), nil
	})
	// impostor listens at the address that it gets, and prints what each client sends.
	addRole("impostor", func(_ context.Context, _ *counterShared, a args) (any, error) {
		ln, err := net.Listen("unix", a.Text[0])
		for err == nil {
			var conn net.Conn
			if conn, err = ln.Accept(); err == nil {
				var said []byte
				said, err = io.ReadAll(conn)
				fmt.Printf("%q\n", said)
			}
		}
		return nil, err
	})
	// old is a client of a version of the type that had another Ping, and a Pong.
	addRole("old", func(ctx context.Context, _ *counterShared, a args) (any, error) {
		ping := func(any) int { return 0 }
		self := func(c stub.Conn) stub.Conn { return c }
		shared := rt.NewShared(a.config(), &stub.Service{
			Name: "github.com/loopgen/loopgen/testdata/objects.Counter", Constructor: "NewCounter",
			New:     func(context.Context, *stub.Decoder) (any, error) { return nil, nil },
			Methods: []stub.Method{{Name: "Ping", Func: ping}, {Name: "Pong", Func: ping}},
		}, self, self, func(e *stub.Encoder) { stub.Encode(e, a.Options) })
		defer shared.Close()
		c, err := shared.Connect(ctx)
		if err != nil {
			return nil, err
		}
		return fmt.Sprint(stub.Call0(ctx, c, "Ping", nil), stub.Call0(ctx, c, "Pong", nil)), nil
	})
	addRole("serve odd", func(ctx context.Context, _ *counterShared, a args) (any, error) {
		return fmt.Sprint(shareOddWith(a.config()).Serve(ctx)), nil
	})
	addRole("restart", func(ctx context.Context, shared *counterShared, a args) (any, error) {
		return fmt.Sprint(shared.Restart(ctx)), nil
	})
	addRole("environment", func(ctx context.Context, shared *counterShared, a args) (any, error) {
		s, err := shared.Status(ctx)
		return strings.Join(s.Env, " "), err
	})
	addRole("shutdown", func(ctx context.Context, shared *counterShared, a args) (any, error) {
		return fmt.Sprint(shared.Shutdown(ctx, rt.ShutdownDrain)), nil
	})
}

// Users of the tests. None of them need be in the user database.
const (
	serviceUser = 64001
	guest       = 64002
	stranger    = 64003
	guests      = 64100 // a group
)

// service is an object of ScopeSystem, with the directory that the service
// manager has made for it.
type service struct {
	singleton
	base, dir string
	user      int      // who runs it
	options   []option // of its clients
}

// newService makes the directory of a service that user is to run.
func newService(t *testing.T, user int) *service {
	t.Helper()
	base, err := os.MkdirTemp("", "lg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(base); err != nil {
			t.Error(err)
		}
	})
	s := &service{base: base, dir: filepath.Join(base, "c"), user: user}
	s.singleton = singleton{Scope: rt.ScopeSystem, Name: "c"}
	err = errors.Join(os.Chmod(base, 0o755), os.Mkdir(s.dir, 0o700), os.Chmod(s.dir, 0o755), os.Chown(s.dir, user, -1))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// as returns a process of a user that plays a role there.
func (s *service) as(t *testing.T, user int, role string, groups ...uint32) *exec.Cmd {
	t.Helper()
	return s.become(t, command(t, role, s.singleton, s.options...), user, groups...)
}

func (s *service) become(t *testing.T, cmd *exec.Cmd, user int, groups ...uint32) *exec.Cmd {
	t.Helper()
	cmd.Env = append(cmd.Env, "LOOPGEN_DIR="+s.base)
	cmd.Stderr = os.Stderr
	cmd.Dir = "/"
	if user != os.Getuid() {
		needsStrangers(t)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(user), Gid: uint32(user), Groups: groups}}
		if cmd.Path == os.Args[0] {
			cmd.Path = "/proc/self/exe" // which needs no way to the file
		}
	}
	return cmd
}

// says returns what a process of a user says that plays a role there.
func (s *service) says(t *testing.T, user int, role string, groups ...uint32) string {
	t.Helper()
	out, err := s.as(t, user, role, groups...).Output()
	if err != nil {
		t.Errorf("%s: %s, %v", role, out, err)
	}
	said := strings.TrimSpace(string(out))
	var text string
	if json.Unmarshal(out, &text) == nil {
		return text
	}
	return said
}

// run starts the daemon and waits until it serves. wait returns the text of Serve's
// error.
func (s *service) run(t *testing.T) (wait func() string, daemon *os.Process) {
	t.Helper()
	return s.runs(t, s.as(t, s.user, "serve"))
}

func (s *service) runs(t *testing.T, cmd *exec.Cmd) (wait func() string, daemon *os.Process) {
	t.Helper()
	var out strings.Builder
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { // ends with the process
		cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-ended
	})
	eventually(t, "it serves", func() bool {
		select {
		case <-ended:
			t.Fatalf("the service ended: %s", &out)
		default:
		}
		text, err := os.ReadFile(filepath.Join(s.dir, "endpoint"))
		var e rundir.Endpoint
		return err == nil && e.UnmarshalText(text) == nil && e.PID == cmd.Process.Pid
	})
	return func() string {
		<-ended
		var text string
		if err := json.Unmarshal([]byte(out.String()), &text); err != nil {
			return out.String()
		}
		return text
	}, cmd.Process
}

// refuses checks that what a process says is a *StartError around a sentinel.
func refuses(t *testing.T, said string, stage rt.Stage, sentinel error, reason string) {
	t.Helper()
	kind := ""
	if sentinel != nil && sentinel != rt.ErrUnsafeDir { // whose text says more
		kind = sentinel.Error()
	}
	if !strings.Contains(said, string(stage)+": "+kind) || !strings.Contains(said, reason) {
		t.Errorf("got %q, want %q at stage %s", said, reason, stage)
	}
}

// The service manager starts it, clients find it, and make nothing.
func TestService(t *testing.T) {
	t.Parallel()
	s := newService(t, os.Getuid())
	s.options = []option{withN(1)}
	me := os.Getuid()
	refuses(t, s.says(t, me, "connect"), rt.StageConnect, rt.ErrNotRunning, "a client does not start an object of ScopeSystem, the service manager does (as in: systemctl start c)")
	if said := s.says(t, me, "shutdown"); said != "<nil>" {
		t.Errorf("Shutdown without a daemon: %s", said)
	}
	if entries, err := os.ReadDir(s.dir); err != nil || len(entries) != 0 {
		t.Errorf("clients have made %v, %v", entries, err)
	}
	wait, daemon := s.run(t)
	for _, want := range []string{"[1]", "[2]"} {
		if got := s.says(t, me, "increment"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	modes := map[string]fs.FileMode{}
	entries, err := os.ReadDir(s.dir)
	for _, entry := range entries {
		info, ierr := entry.Info()
		if ierr != nil {
			t.Fatal(ierr)
		}
		modes[entry.Name()] = info.Mode()
	}
	if err != nil || len(modes) != 3 || modes["endpoint"] != 0o644 || modes["life.lock"] != 0o600 || modes["socket"] != 0o666|fs.ModeSocket {
		t.Errorf("its files are %v, %v", modes, err)
	}
	refuses(t, s.says(t, s.user, "serve"), rt.StageDirectory, nil, "another daemon holds the lifetime lock")
	if said := s.says(t, me, "old"); strings.Count(said, rt.ErrIncompatible.Error()) != 2 || strings.Count(said, "systemctl restart c") != 2 {
		t.Errorf("a client of another version: %s", said)
	}
	if said := s.says(t, me, "restart"); !strings.Contains(said, "systemctl restart c") {
		t.Errorf("Restart: %s", said)
	}
	if got := s.says(t, me, "increment"); got != "[3]" {
		t.Errorf("got %s, want [3]", got)
	}
	daemon.Signal(syscall.SIGTERM)
	if said := wait(); said != "<nil>" {
		t.Errorf("Serve returned %s", said)
	}
	if entries, err := os.ReadDir(s.dir); err != nil || len(entries) != 3 {
		t.Errorf("it has left %v, %v; want its lock, its last endpoint and the numbers of calls", entries, err)
	}
	refuses(t, s.says(t, me, "status"), rt.StageConnect, rt.ErrNotRunning, "")
	wait, daemon = s.run(t)
	daemon.Kill()
	wait()
	refuses(t, s.says(t, me, "connect"), rt.StageConnect, rt.ErrNotRunning, "")
	wait, _ = s.run(t) // over what was left
	if got := s.says(t, me, "increment"); got != "[1]" {
		t.Errorf("after a kill: got %s, want [1]", got)
	}
	if said := s.says(t, me, "shutdown"); said != "<nil>" {
		t.Errorf("Shutdown: %s", said)
	}
	if said := wait(); said != "<nil>" {
		t.Errorf("Serve returned %s", said)
	}
}

// The user and the groups of the connecting process decide whether it may call, and its
// user decides whether it may end the daemon.
func TestServiceUsers(t *testing.T) {
	t.Parallel()
	needsStrangers(t)
	s := newService(t, serviceUser)
	s.options = []option{withN(1)}
	s.Users, s.Groups = []string{strconv.Itoa(guest)}, []string{strconv.Itoa(guests)}
	wait, _ := s.run(t)
	for _, test := range []struct {
		user   int
		groups []uint32
		want   string
	}{
		{serviceUser, nil, "[1]"},
		{guest, nil, "[2]"},
		{stranger, []uint32{7, guests, 8}, "[3]"},
		{guests, nil, "[4]"}, // its own group
		{stranger, []uint32{7, 8}, ""},
		{0, nil, ""},
	} {
		said := s.says(t, test.user, "increment", test.groups...)
		if test.want == "" {
			refuses(t, said, rt.StageConnect, rt.ErrNotAllowed, fmt.Sprintf("user %d is not among those that the service admits", test.user))
		} else if said != test.want {
			t.Errorf("user %d in groups %v: got %s, want %s", test.user, test.groups, said, test.want)
		}
	}
	refuses(t, s.says(t, stranger, "status"), rt.StageConnect, rt.ErrNotAllowed, "")
	if said := s.says(t, guest, "status"); said != "<nil>" {
		t.Errorf("Status of a guest: %s", said)
	}
	refuses(t, s.says(t, guest, "shutdown"), rt.StageConnect, rt.ErrNotAllowed, fmt.Sprintf("user %d may not control a daemon of user %d", guest, serviceUser))
	if got := s.says(t, guest, "increment"); got != "[5]" {
		t.Errorf("after a guest's Shutdown: got %s, want [5]", got)
	}
	if out, err := s.become(t, exec.Command("/bin/sh", "-c", "exec 3<>"+s.dir+"/life.lock"), guest).CombinedOutput(); err == nil {
		t.Errorf("a guest can open the lock: %s", out)
	}
	if said := s.says(t, serviceUser, "shutdown"); said != "<nil>" {
		t.Errorf("its own user's Shutdown: %s", said)
	}
	if said := wait(); said != "<nil>" {
		t.Errorf("Serve returned %s", said)
	}
}

// A method learns which of the users calls.
func TestServiceCaller(t *testing.T) {
	t.Parallel()
	needsStrangers(t)
	s := newService(t, serviceUser)
	s.Groups = []string{strconv.Itoa(guests)}
	s.runs(t, s.as(t, serviceUser, "serve odd"))
	for _, user := range []int{serviceUser, guest, stranger} {
		cmd := s.as(t, user, "caller", guests)
		out, err := cmd.Output()
		var got rt.Caller
		if err == nil {
			err = json.Unmarshal(out, &got)
		}
		if err != nil || got.UID != user || got.PID != cmd.Process.Pid || user != serviceUser && got.Executable != "" {
			t.Errorf("user %d: the caller is %+v (%s), %v", user, got, out, err)
		}
	}
}

// Root may end it where it may call.
func TestServiceEndedByRoot(t *testing.T) {
	t.Parallel()
	needsStrangers(t)
	s := newService(t, serviceUser)
	s.Users = []string{"root"}
	wait, _ := s.run(t)
	if said := s.says(t, 0, "shutdown"); said != "<nil>" {
		t.Errorf("Shutdown: %s", said)
	}
	if said := wait(); said != "<nil>" {
		t.Errorf("Serve returned %s", said)
	}
}

// No process uses a directory that another user could have made, or could change.
func TestServiceInUnsafeDirectory(t *testing.T) {
	t.Parallel()
	me := os.Getuid()
	for name, test := range map[string]struct {
		make    func(s *service) error
		client  int
		problem string
	}{
		"writable":       {func(s *service) error { return os.Chmod(s.dir, 0o777) }, me, "has mode 0777, so that others than its owner can write to it"},
		"group-writable": {func(s *service) error { return os.Chmod(s.dir, 0o775) }, me, "has mode 0775"},
		"link":           {func(s *service) error { return errors.Join(os.Rename(s.dir, s.dir+"d"), os.Symlink("cd", s.dir)) }, me, "is a symbolic link"},
		"file":           {func(s *service) error { return errors.Join(os.Remove(s.dir), os.WriteFile(s.dir, nil, 0o644)) }, me, "is not a directory"},
		"writable above": {func(s *service) error { return os.Chmod(s.base, 0o777) }, me, "others could put another directory in the place"},
		"sticky above": {func(s *service) error {
			return errors.Join(os.Chmod(s.base, fs.ModeSticky|0o777), os.Chown(s.dir, guest, -1))
		}, stranger, "others could put another directory in the place"},
		"another's, above": {func(s *service) error { return os.Chown(s.base, guest, -1) }, stranger, "belongs to user 64002, who could put another directory"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.client != me {
				needsStrangers(t)
			}
			s := newService(t, me)
			if err := test.make(s); err != nil {
				t.Fatal(err)
			}
			for _, role := range []string{"connect", "status", "serve"} {
				refuses(t, s.says(t, test.client, role), rt.StageDirectory, rt.ErrUnsafeDir, test.problem)
			}
		})
	}
	t.Run("of another user", func(t *testing.T) {
		t.Parallel()
		needsStrangers(t)
		s := newService(t, serviceUser)
		refuses(t, s.says(t, guest, "serve"), rt.StageDirectory, rt.ErrUnsafeDir, "belongs to user 64001, and this is user 64002")
	})
	t.Run("missing", func(t *testing.T) {
		t.Parallel()
		s := newService(t, me)
		if err := os.Remove(s.dir); err != nil {
			t.Fatal(err)
		}
		refuses(t, s.says(t, me, "serve"), rt.StageDirectory, nil, "RuntimeDirectory=loopgen/c")
		refuses(t, s.says(t, me, "connect"), rt.StageConnect, rt.ErrNotRunning, "")
	})
	t.Run("not for others", func(t *testing.T) {
		t.Parallel()
		needsStrangers(t)
		s := newService(t, serviceUser)
		if err := os.Chmod(s.dir, 0o700); err != nil {
			t.Fatal(err)
		}
		s.run(t)
		refuses(t, s.says(t, guest, "connect"), rt.StageDirectory, rt.ErrNotAllowed, "")
	})
}

// A client sends nothing to another user's socket at the daemon's path.
func TestServiceImpostor(t *testing.T) {
	t.Parallel()
	needsStrangers(t)
	s := newService(t, serviceUser)
	wait, daemon := s.run(t)
	endpoint, err := os.ReadFile(filepath.Join(s.dir, "endpoint"))
	if err != nil {
		t.Fatal(err)
	}
	daemon.Kill()
	wait()
	theirs := newService(t, guest)
	theirs.options = []option{withText(filepath.Join(theirs.dir, "x"))}
	var said strings.Builder
	squatter := theirs.as(t, guest, "impostor")
	squatter.Stdout = &said
	if err := squatter.Start(); err != nil {
		t.Fatal(err)
	}
	defer squatter.Process.Kill()
	path := filepath.Join(s.dir, "socket")
	eventually(t, "it listens", func() bool { return os.Rename(filepath.Join(theirs.dir, "x"), path) == nil })
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	if now, err := os.ReadFile(filepath.Join(s.dir, "endpoint")); err != nil || string(now) != string(endpoint) {
		t.Fatalf("the endpoint is not there any more: %v", err)
	}
	s.Timeout = 2 * time.Second
	refuses(t, s.says(t, serviceUser, "connect"), rt.StageConnect, rt.ErrAuth, "the socket "+path+" is that of user 64002, its directory belongs to user 64001")
	squatter.Process.Kill()
	squatter.Wait()
	if heard := strings.Fields(said.String()); len(heard) == 0 || slices.ContainsFunc(heard, func(line string) bool { return line != `""` }) {
		t.Errorf("the impostor heard %s", heard)
	}
}

// manager is a service manager that listens in the place of a service, and starts
// it when somebody connects.
type manager struct {
	*service
	ln      *net.UnixListener
	file    *os.File
	starts  int
	stopped chan struct{}
}

// manage listens for s until the test ends, and starts it with those lines of
// shell in front of it.
func (s *service) manage(t *testing.T, shell string) *manager {
	t.Helper()
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(s.dir, "socket"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Open(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	m := &manager{service: s, ln: ln, stopped: make(chan struct{})}
	if m.file, err = ln.File(); err == nil {
		err = os.Chmod(ln.Addr().String(), 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	t.Cleanup(func() {
		close(stop)
		<-m.stopped
		program.Close()
		m.file.Close()
		m.ln.Close()
	})
	go func() { // ends with the test
		defer close(m.stopped)
		for {
			ready := []unix.PollFd{{Fd: int32(m.file.Fd()), Events: unix.POLLIN}}
			n, _ := unix.Poll(ready, 10)
			select {
			case <-stop:
				return
			default:
			}
			if n == 0 {
				continue
			}
			m.starts++
			cmd := s.become(t, command(t, "serve", s.singleton, withShell(shell)), s.user)
			cmd.ExtraFiles = []*os.File{m.file, program}
			cmd.Args[len(cmd.Args)-1] = "/proc/self/fd/4" // which needs no way to the file
			if err := cmd.Start(); err != nil {
				t.Error(err)
				return
			}
			ended := make(chan struct{})
			go func() { // ends with the process
				cmd.Wait()
				close(ended)
			}()
			select {
			case <-ended:
			case <-stop:
				cmd.Process.Kill()
				<-ended
				return
			}
		}
	}()
	return m
}

// The service manager's socket is the daemon's socket, again and again. Clients see the
// daemon there as their peer, not the service manager.
func TestServiceActivation(t *testing.T) {
	t.Parallel()
	users := []int{os.Getuid()}
	if os.Getuid() == 0 {
		users = append(users, serviceUser)
	}
	for _, user := range users {
		t.Run(strconv.Itoa(user), func(t *testing.T) {
			t.Parallel()
			s := newService(t, user)
			m := s.manage(t, "export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=c.socket")
			if said := s.says(t, user, "status"); !strings.Contains(said, rt.ErrNotRunning.Error()) {
				t.Errorf("Status before the first call: %s", said)
			}
			pids := map[string]bool{}
			for range 3 {
				pid := s.says(t, user, "pid")
				if again := s.says(t, user, "pid"); again != pid || pids[pid] {
					t.Errorf("the daemon is %s, then %s", pid, again)
				}
				pids[pid] = true
				if env := s.says(t, user, "environment"); strings.Contains(env, "LISTEN_") {
					t.Errorf("in its environment: %s", env)
				}
				if said := s.says(t, user, "shutdown"); said != "<nil>" {
					t.Errorf("Shutdown: %s", said)
				}
			}
			if m.starts != 3 {
				t.Errorf("it was started %d times, want 3", m.starts)
			}
		})
	}
}

// After a daemon was killed, the next call gets another one.
func TestServiceActivationAfterKill(t *testing.T) {
	t.Parallel()
	s := newService(t, os.Getuid())
	s.manage(t, "export LISTEN_PID=$$ LISTEN_FDS=1")
	first := s.says(t, s.user, "pid")
	pid, err := strconv.Atoi(first)
	if err == nil {
		err = syscall.Kill(pid, syscall.SIGKILL)
	}
	if err != nil {
		t.Fatal(err)
	}
	if second := s.says(t, s.user, "pid"); second == first || second == "" {
		t.Errorf("the daemon is %s, then %s", first, second)
	}
}

// Descriptors that are not what they should be are not taken for a socket.
func TestServiceActivationGoneWrong(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		shell  string
		passed func(s *service) (*os.File, error)
		want   string
	}{
		"two":         {"export LISTEN_PID=$$ LISTEN_FDS=2", nil, `passed "2" sockets (LISTEN_FDS): give the socket unit one ListenStream`},
		"not a count": {"export LISTEN_PID=$$ LISTEN_FDS=", nil, `passed "" sockets`},
		"none":        {"exec 3>&-; export LISTEN_PID=$$ LISTEN_FDS=1", nil, "something else than one Unix socket that listens for streams"},
		"file":        {"export LISTEN_PID=$$ LISTEN_FDS=1", func(*service) (*os.File, error) { return os.Open(os.DevNull) }, "socket operation on non-socket"},
		"datagrams": {"export LISTEN_PID=$$ LISTEN_FDS=1", func(s *service) (*os.File, error) {
			c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: s.dir + "/socket", Net: "unixgram"})
			if err != nil {
				return nil, err
			}
			return c.File()
		}, "a socket of another kind"},
		"tcp": {"export LISTEN_PID=$$ LISTEN_FDS=1", func(s *service) (*os.File, error) {
			ln, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
			if err != nil {
				return nil, err
			}
			return ln.File()
		}, "a socket of another kind"},
		"elsewhere": {"export LISTEN_PID=$$ LISTEN_FDS=1", func(s *service) (*os.File, error) {
			ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: s.base + "/socket", Net: "unix"})
			if err != nil {
				return nil, err
			}
			return ln.File()
		}, "where no client looks: set ListenStream="},
		"connected": {"export LISTEN_PID=$$ LISTEN_FDS=1", func(s *service) (*os.File, error) {
			fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
			if err != nil {
				return nil, err
			}
			return os.NewFile(uintptr(fds[0]), "socket"), unix.Close(fds[1])
		}, "a socket of another kind"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t, os.Getuid())
			cmd := s.become(t, command(t, "serve", s.singleton, withShell(test.shell)), s.user)
			if test.passed != nil {
				f, err := test.passed(s)
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				cmd.ExtraFiles = []*os.File{f}
			}
			out, err := cmd.Output()
			if err != nil {
				t.Error(err)
			}
			refuses(t, string(out), rt.StageListen, nil, strings.ReplaceAll(test.want, `"`, `\"`))
		})
	}
	t.Run("for another process", func(t *testing.T) {
		t.Parallel()
		s := newService(t, os.Getuid())
		s.runs(t, s.become(t, command(t, "serve", s.singleton, withShell("export LISTEN_PID=1 LISTEN_FDS=7")), s.user))
		if pid := s.says(t, s.user, "pid"); pid == "" {
			t.Error("it does not serve")
		}
	})
}

func TestServiceConfiguration(t *testing.T) {
	s := newService(t, os.Getuid())
	t.Setenv("LOOPGEN_DIR", s.base)
	for name, test := range map[string]struct {
		cfg   rt.Config
		serve bool
		want  string
	}{
		"tcp":           {rt.Config{Scope: rt.ScopeSystem, Name: "c", Transport: rt.TransportTCP}, false, "TransportTCP"},
		"environment":   {rt.Config{Scope: rt.ScopeSystem, Name: "c", Env: []string{}}, false, "Config.Env"},
		"policy":        {rt.Config{Scope: rt.ScopeSystem, Name: "c", OnMismatch: rt.MismatchPerBuild}, false, "Config.OnMismatch"},
		"command":       {rt.Config{Scope: rt.ScopeSystem, Name: "c", Command: []string{"program"}}, false, "Config.Command"},
		"no name":       {rt.Config{Scope: rt.ScopeSystem}, false, "lower-case letters"},
		"users":         {rt.Config{AllowUsers: []string{"root"}}, false, "Config.AllowUsers and AllowGroups are for ScopeSystem"},
		"groups":        {rt.Config{AllowGroups: []string{"root"}}, false, "Config.AllowUsers and AllowGroups are for ScopeSystem"},
		"other scope":   {rt.Config{}, true, "Serve is for ScopeSystem"},
		"unknown user":  {rt.Config{Scope: rt.ScopeSystem, Name: "c", AllowUsers: []string{"no such user"}}, true, "Config.AllowUsers: user: unknown user no such user"},
		"unknown group": {rt.Config{Scope: rt.ScopeSystem, Name: "c", AllowGroups: []string{"no such group"}}, true, "Config.AllowGroups: group: unknown group no such group"},
	} {
		shared := objects.ShareCounter(test.cfg, objects.Options{})
		_, err := shared.Connect(t.Context())
		if test.serve {
			err = shared.Serve(t.Context())
		}
		var e *rt.StartError
		if !errors.As(err, &e) || e.Stage != rt.StageDirectory || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want a *StartError at %s that says %q", name, err, rt.StageDirectory, test.want)
		}
		shared.Close()
	}
	for _, name := range []string{"", ".", "..", ".c", "-c", "a/b", "a b", "A", "é", strings.Repeat("n", 65)} {
		shared := objects.ShareCounter(rt.Config{Scope: rt.ScopeSystem, Name: name}, objects.Options{})
		if _, err := shared.Status(t.Context()); err == nil || !strings.Contains(err.Error(), "lower-case letters") {
			t.Errorf("the name %q: %v", name, err)
		}
	}
}

// A service that was closed, or whose constructor failed, says so.
func TestServiceThatCannotServe(t *testing.T) {
	t.Parallel()
	s := newService(t, os.Getuid())
	for how, want := range map[string]string{"error": "negative", "panic": "no counter today"} {
		s.Options.Fail = how
		refuses(t, s.says(t, s.user, "serve"), rt.StageConstructor, nil, want)
	}
	if entries, err := os.ReadDir(s.dir); err != nil || len(entries) != 2 {
		t.Errorf("it has left %v, %v; want its lock, and stats with the failed starts", entries, err)
	}
}

// The tool that systemd has for such services passes what its manager would.
func TestServiceActivationBySystemd(t *testing.T) {
	t.Parallel()
	needsTool(t, "systemd-socket-activate")
	s := newService(t, os.Getuid())
	serve := command(t, "serve", s.singleton)
	cmd := exec.Command("systemd-socket-activate", "--listen="+filepath.Join(s.dir, "socket"))
	for _, name := range []string{roleVar, argsVar} {
		cmd.Args = append(cmd.Args, "--setenv="+name)
	}
	cmd.Args = append(cmd.Args, "--setenv=LOOPGEN_DIR", os.Args[0])
	cmd.Env = serve.Env
	s.become(t, cmd, s.user)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	eventually(t, "it listens", func() bool { _, err := os.Stat(filepath.Join(s.dir, "socket")); return err == nil })
	if pid := s.says(t, s.user, "pid"); pid != strconv.Itoa(cmd.Process.Pid) {
		t.Errorf("the daemon is %s, want %d", pid, cmd.Process.Pid)
	}
	if said := s.says(t, s.user, "shutdown"); said != "<nil>" {
		t.Errorf("Shutdown: %s", said)
	}
}

// The units in the manual are right.
func TestServiceUnits(t *testing.T) {
	t.Parallel()
	needsTool(t, "systemd-analyze")
	text, err := os.ReadFile("OPERATIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	units := regexp.MustCompile("(?s)```ini\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(units) != 2 {
		t.Fatalf("the manual has %d units, want 2", len(units))
	}
	dir := t.TempDir()
	service := strings.NewReplacer("/usr/local/bin/limiterd", os.Args[0], "User=limiter", "User=root").Replace(units[0][1])
	err = errors.Join(
		os.WriteFile(filepath.Join(dir, "limiter.service"), []byte(service), 0o600),
		os.WriteFile(filepath.Join(dir, "limiter.socket"), []byte(units[1][1]), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("systemd-analyze", "verify", "limiter.service", "limiter.socket")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil || len(out) != 0 {
		t.Errorf("systemd says %s, %v", out, err)
	}
}
