package rt_test

import (
	"debug/elf"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/loopgen/loopgen/rt/rttest"
)

// If nothing is mounted at /proc, a program still starts its daemon, itself or
// Config.Command, and the daemon keeps no descriptor of the client.
func TestStartWithoutProc(t *testing.T) {
	for name, command := range map[string][]string{"itself": nil, "Command": {os.Args[0]}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			read, write, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer read.Close()
			a := singleton{Dir: rttest.Dir(t), Name: "c", Command: command}
			cmd := mounted(t, `mount -t tmpfs none /proc; exec "$0"`, "increment", a, withN(1))
			cmd.ExtraFiles = []*os.File{nil, nil, nil, nil, write} // descriptor 7 of the client
			out, err := cmd.Output()
			write.Close()
			if err != nil || string(out) != "[1]\n" {
				t.Fatalf("a client: %s, %v", out, err)
			}
			if _, err := io.ReadAll(read); err != nil {
				t.Error(err)
			}
			if !a.alive(t) {
				t.Error("the daemon left when its client did, or keeps descriptors of it open")
			}
		})
	}
}

// A program whose file is gone, and that has no /proc to find it by, says what to
// do.
func TestStartWithoutProcAndFile(t *testing.T) {
	t.Parallel()
	program := filepath.Join(rttest.Dir(t), "program")
	a := singleton{Dir: rttest.Dir(t), Name: "c"}
	cmd := mounted(t, `cp "$0" "`+program+`"; mount -t tmpfs none /proc; exec "`+program+`"`, "connect", a, withBarrier())
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	ready := make([]byte, len("ready\n"))
	if _, err := io.ReadFull(stdout, ready); err != nil {
		t.Fatalf("the client says %q, %v", ready, err)
	}
	if err := os.Remove(program); err != nil {
		t.Fatal(err)
	}
	stdin.Close()
	if out, err := io.ReadAll(stdout); err != nil || !strings.Contains(string(out), "mount /proc, or name the program in Config.Command") {
		t.Errorf("Connect: %s, %v", out, err)
	}
}

// loader returns the dynamic loader that this program asks for.
func loader(t *testing.T) string {
	t.Helper()
	f, err := elf.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	section := f.Section(".interp")
	needs(t, "a test binary that is linked dynamically: CGO_ENABLED=1 and a C compiler", section != nil)
	path, err := section.Data()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimRight(string(path), "\x00")
}

// A program that was started through the dynamic loader starts itself as the
// daemon, and not the loader, which is what the kernel takes for its image.
func TestStartThroughLoader(t *testing.T) {
	loader := loader(t)
	dir, base := filepath.Split(os.Args[0])
	for name, test := range map[string]struct{ script, want string }{
		"absolute":          {`exec ` + loader + ` "$0"`, "[1]\n"},
		"relative":          {fmt.Sprintf(`cd %q; exec %s ./%s`, dir, loader, base), "[1]\n"},
		"with a false name": {`exec ` + loader + ` --argv0 /bin/true "$0"`, "[1]\n"},
	} {
		for _, command := range [][]string{nil, {os.Args[0]}} {
			t.Run(fmt.Sprint(name, len(command)), func(t *testing.T) {
				t.Parallel()
				a := singleton{Dir: rttest.Dir(t), Name: "c", Command: command}
				cmd := exec.Command("/bin/sh", "-euc", test.script, os.Args[0])
				cmd.Env = commandEnv(t, a)
				if out, err := cmd.Output(); err != nil || string(out) != test.want {
					t.Errorf("a client: %s, %v", out, err)
				}
			})
		}
	}
	t.Run("without proc", func(t *testing.T) {
		t.Parallel()
		a := singleton{Dir: rttest.Dir(t), Name: "c"}
		script := `mount -t tmpfs none /proc; exec ` + loader + ` "$0"`
		if out, err := mounted(t, script, "connect", a).Output(); err != nil || !strings.Contains(string(out), "Config.Command") {
			t.Errorf("a client: %s, %v; want one that is told what to do", out, err)
		}
		a.Command = []string{os.Args[0]}
		if out, err := mounted(t, script, "increment", a, withN(1)).Output(); err != nil || string(out) != "[1]\n" {
			t.Errorf("a client with a Command: %s, %v", out, err)
		}
	})
}

func commandEnv(t *testing.T, a singleton) []string { return command(t, "increment", a, withN(1)).Env }
