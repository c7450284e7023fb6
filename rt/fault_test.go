//go:build unix

package rt_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
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

// command returns a client process that plays a role, not yet started. shell,
// if it is not empty, is what a shell does before it becomes that process.
func command(t *testing.T, shell, role string, a args) *exec.Cmd {
	t.Helper()
	told, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	if shell != "" {
		cmd = exec.Command("/bin/sh", "-c", shell+`; exec "$0"`, os.Args[0])
	}
	cmd.Env = append(os.Environ(), roleVar+"="+role, argsVar+"="+string(told))
	return cmd
}

// Calls of a client that died are not begun; the one that runs is finished.
func TestClientKilledInTheQueue(t *testing.T) {
	eachTransport(t, func(t *testing.T, a args) {
		c := connect(t, a)
		open, result := gated(t, c)
		a.N = 1
		doomed := start(t, "increment", a)
		queued(t, a, 1)
		if err := doomed.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		queued(t, a, 0)
		open()
		if n, err := result(); n != 1 || err != nil {
			t.Errorf("the running call: %d, %v", n, err)
		}
		if n, err := c.Value(t.Context()); n != 1 || err != nil {
			t.Errorf("value %d, %v; want 1", n, err)
		}
	})
}

// A client that gives up a start, by closing, is told so, and nobody else is
// told that the start failed.
func TestClosedWhileStarting(t *testing.T) {
	a := args{Dir: rttest.Dir(t), Name: "c", Options: objects.Options{Fail: "sleep:700ms"}}
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

// A context that ends is that caller's affair: the start goes on for others.
func TestContextEndsWhileStarting(t *testing.T) {
	a := args{Dir: rttest.Dir(t), Name: "c", Options: objects.Options{Fail: "sleep:300ms"}}
	shared := share(t, a)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := shared.Connect(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
	}
	if n, err := mustConnect(t, shared).Inc(t.Context()); n != 1 || err != nil {
		t.Errorf("the next: %d, %v", n, err)
	}
	d, err := rundir.Open(a.Dir, a.Name)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := d.ReadStart(); err != nil || s.Sequence != 1 || !s.OK {
		t.Errorf("starts: %+v, %v; want one", s, err)
	}
}

// Who waits for a daemon that leaves, and leaves, learns that it does.
func TestDrainingForTooLong(t *testing.T) {
	eachTransport(t, func(t *testing.T, a args) {
		open, result := gated(t, connect(t, a))
		down := a.shutDown(t)
		_, err := share(t, a, func(c *rt.Config) { c.StartTimeout = 300 * time.Millisecond }).Connect(t.Context())
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

// Daemons that drain are no reason for a call to fail, to be lost or to run
// twice, however often they do.
func TestDrainStorm(t *testing.T) {
	eachTransport(t, func(t *testing.T, a args) {
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
	eachTransport(t, func(t *testing.T, a args) {
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

// What a client's process has open, and its terminal, the daemon does not keep.
func TestNothingIsInherited(t *testing.T) {
	a := args{Dir: rttest.Dir(t), Name: "c"}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	cmd := command(t, "", "pid", a)
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

// Directories and files are this user's alone whatever the umask, and the
// client's own directory may be gone.
func TestUmaskAndDirectoryOfTheClient(t *testing.T) {
	for name, shell := range map[string]string{
		"umask 0":     "umask 0",
		"umask 777":   "umask 777",
		"removed cwd": "d=$(mktemp -d); cd $d; rmdir $d",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := args{Dir: rttest.Dir(t), Name: "c"}
			if out, err := command(t, shell, "pid", a).CombinedOutput(); err != nil || strings.Contains(string(out), "error") {
				t.Fatalf("%s, %v", out, err)
			}
			err := filepath.WalkDir(a.Dir, func(path string, entry os.DirEntry, err error) error {
				if err != nil || path == a.Dir {
					return err
				}
				info, err := entry.Info()
				if err != nil {
					return err
				}
				want := os.FileMode(0o600)
				if info.IsDir() {
					want = 0o700
				}
				if info.Mode().Perm() != want {
					t.Errorf("%s has mode %v, want %v", path, info.Mode(), want)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// Too few descriptors are an error that says so, at once, and do no harm.
func TestFewDescriptors(t *testing.T) {
	a := args{Dir: rttest.Dir(t), Name: "c"}
	for n := 5; n <= 16; n++ {
		cmd := command(t, fmt.Sprintf("ulimit -n %d", n), "connect", a)
		out, err := cmd.Output()
		if err != nil {
			continue // a program of Go does not even start
		}
		if said := string(out); !strings.Contains(said, "<nil>") && !strings.Contains(said, "too many open files") {
			t.Errorf("with %d descriptors: %s", n, said)
		}
		if err := share(t, a).Shutdown(t.Context(), rt.ShutdownNow); err != nil {
			t.Errorf("with %d descriptors: %v", n, err)
		}
	}
	if n, err := connect(t, a).Inc(t.Context()); n != 1 || err != nil {
		t.Errorf("with enough: %d, %v", n, err)
	}
}

// A daemon that runs out of descriptors serves those whom it has, and others
// again when there are some.
func TestDaemonOutOfDescriptors(t *testing.T) {
	eachTransport(t, func(t *testing.T, a args) {
		holder := command(t, "ulimit -n 40", "hold", a)
		if err := holder.Start(); err != nil {
			t.Fatal(err)
		}
		defer holder.Wait()
		defer holder.Process.Kill()
		eventually(t, "it serves", func() bool {
			s, err := share(t, a).Status(context.Background())
			return err == nil && len(s.Clients) == 1
		})
		c := connect(t, a)
		var admitted []*raw
		for range 60 {
			r := a.dial(t)
			r.write(t, opening(t, r.hello()))
			admitted = append(admitted, r)
		}
		if n, err := c.Inc(t.Context()); n != 1 || err != nil {
			t.Errorf("who was there before: %d, %v", n, err)
		}
		for _, r := range admitted {
			r.conn.Close()
		}
		if n, err := connect(t, a).Inc(t.Context()); n != 2 || err != nil {
			t.Errorf("who came after: %d, %v", n, err)
		}
	})
}

// The image that runs is the image that serves, whatever became of its file.
func TestProgramReplaced(t *testing.T) {
	a := args{Dir: rttest.Dir(t), Name: "c", Barrier: true}
	image, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(program, image, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := command(t, "", "pid", a)
	cmd.Path = program
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it runs", func() bool {
		exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", cmd.Process.Pid))
		return err != nil || exe == program
	})
	if err := errors.Join(os.Remove(program), os.WriteFile(program, []byte("#!/bin/sh\necho wrong\n"), 0o700)); err != nil {
		t.Fatal(err)
	}
	stdin.Close()
	if err := cmd.Wait(); err != nil || !strings.Contains(out.String(), fmt.Sprint(a.endpoint(t).PID)) {
		t.Errorf("the client said %q, %v", out.String(), err)
	}
	if n, err := connect(t, args{Dir: a.Dir, Name: a.Name}).Inc(t.Context()); n != 1 || err != nil {
		t.Errorf("a client of another build: %d, %v", n, err)
	}
}

// What stands in the endpoint's place is no endpoint, and holds nobody up.
func TestOddEndpoints(t *testing.T) {
	for name, place := range map[string]func(path string) error{
		"fifo":     func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"link":     func(path string) error { return os.Symlink("/dev/zero", path) },
		"1 MiB":    func(path string) error { return os.WriteFile(path, make([]byte, 1<<20), 0o600) },
		"empty":    func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"binary":   func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("\x9f", 1000)), 0o600) },
		"dead":     func(path string) error { return os.WriteFile(path, []byte(deadEndpoint), 0o600) },
		"unlocked": func(path string) error { return os.WriteFile(path, []byte("loopgen 1\nend\n"), 0o666) },
		"long line": func(path string) error {
			return os.WriteFile(path, []byte("loopgen 1\n"+strings.Repeat("x", 200<<10)), 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := args{Dir: rttest.Dir(t), Name: "c"}
			d, err := rundir.Open(a.Dir, a.Name)
			if err == nil {
				err = place(filepath.Join(d.Path(), "endpoint"))
			}
			if err != nil {
				t.Fatal(err)
			}
			if n, err := connect(t, a).Inc(t.Context()); n != 1 || err != nil {
				t.Errorf("got %d, %v", n, err)
			}
		})
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

// An endpoint of a later version is not an absent one.
func TestEndpointOfAnotherVersion(t *testing.T) {
	a := args{Dir: rttest.Dir(t), Name: "c"}
	d, err := rundir.Open(a.Dir, a.Name)
	if err == nil {
		err = os.WriteFile(filepath.Join(d.Path(), "endpoint"), []byte("loopgen 2\nwhatever\n"), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := share(t, a).Connect(t.Context()); !errors.Is(err, rt.ErrIncompatible) {
		t.Errorf("got %v, want %v", err, rt.ErrIncompatible)
	}
	if a.alive(t) {
		t.Error("a daemon was started beside another version's")
	}
}

// Many clients of a daemon that is stopped are told so, all in good time.
func TestStoppedDaemonAndManyClients(t *testing.T) {
	eachTransport(t, func(t *testing.T, a args) {
		connect(t, a)
		pid := a.endpoint(t).PID
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		defer syscall.Kill(pid, syscall.SIGCONT)
		began := time.Now()
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				_, err := share(t, a, func(c *rt.Config) { c.ConnectTimeout = 300 * time.Millisecond }).Connect(context.Background())
				if !errors.Is(err, rt.ErrUnresponsive) {
					t.Errorf("got %v, want %v", err, rt.ErrUnresponsive)
				}
			})
		}
		all.Wait()
		if took := time.Since(began); took > 1500*time.Millisecond {
			t.Errorf("with a ConnectTimeout of 300ms that took %v", took)
		}
	})
}
