//go:build unix

package rt_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/rttest"
)

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
