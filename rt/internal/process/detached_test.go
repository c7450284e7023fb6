//go:build unix

package process_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// client returns a command that runs this test binary in the role of an ordinary process.
func client(t *testing.T, program, part, argument string) *exec.Cmd {
	t.Helper()
	if program == "" {
		var err error
		if program, err = os.Executable(); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(limited(), program)
	cmd.Env = env(part, argument)
	return cmd
}

// ask sends one byte to a child in the role linger and waits for the answer.
func ask(socket, question string) error {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, question); err != nil {
		return err
	}
	answer, err := io.ReadAll(conn)
	if err == nil && string(answer) != question {
		err = errors.New("no answer")
	}
	return err
}

// TestPipesOfTheSpawner is x=$(client): the reader of the spawner's output sees its end
// while the child is still alive, even when the spawner has its output under further
// descriptors that it passes on unknowingly.
func TestPipesOfTheSpawner(t *testing.T) {
	socket := filepath.Join(shortDir(t), "s")
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	cmd := client(t, "", "linger", socket)
	cmd.Stdout, cmd.Stderr = write, write
	cmd.ExtraFiles = []*os.File{write, write, write, write, write}
	err = cmd.Start()
	write.Close()
	if err != nil {
		t.Fatal(err)
	}
	read.SetReadDeadline(time.Now().Add(30 * time.Second))
	text, err := io.ReadAll(read)
	if err != nil || string(text) != "listening\n" {
		t.Errorf("output %q, %v", text, err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if err := ask(socket, "q"); err != nil {
		t.Errorf("the child after the spawner's end: %v", err)
	}
}

func TestGroupOfTheSpawner(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGHUP, syscall.SIGKILL} {
		socket := filepath.Join(shortDir(t), "s")
		cmd := client(t, "", "linger and wait", socket)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(out).ReadString('\n'); line != "listening\n" {
			t.Fatalf("%q, %v", line, err)
		}
		if err := unix.Kill(-cmd.Process.Pid, sig); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err == nil {
			t.Errorf("the spawner survived %v", sig)
		}
		if err := ask(socket, "q"); err != nil {
			t.Errorf("the child after %v: %v", sig, err)
		}
	}
}

// TestSpawnerKilled kills spawners at random moments. Every process of the test has a fifo
// open for writing, so that the fifo's end shows that all have exited.
func TestSpawnerKilled(t *testing.T) {
	for range 20 {
		fifo := filepath.Join(t.TempDir(), "fifo")
		if err := unix.Mkfifo(fifo, 0o600); err != nil {
			t.Fatal(err)
		}
		read, err := os.OpenFile(fifo, os.O_RDONLY|unix.O_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		cmd := client(t, "", "writer", fifo)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			t.Fatalf("%q, %v", line, err)
		}
		<-time.After(rand.N(60 * time.Millisecond)) // the test needs a random moment
		cmd.Process.Kill()
		cmd.Wait()
		read.SetReadDeadline(time.Now().Add(30 * time.Second))
		if _, err := io.ReadAll(read); err != nil {
			t.Errorf("a child is still there: %v", err)
		}
		read.Close()
	}
}

func TestForged(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	defer write.Close()
	for name, test := range map[string]struct {
		marker string
		files  []*os.File
	}{
		"empty":          {"", nil},
		"garbage":        {"yes", nil},
		"nothing there":  {"1 3 4 -", nil},
		"other version":  {"2 3 4 -", []*os.File{read, write}},
		"not pipes":      {"1 3 4 -", []*os.File{null, null}},
		"wrong ends":     {"1 3 4 -", []*os.File{write, read}},
		"standard files": {"1 0 1 -", []*os.File{read, write}},
		"one pipe":       {"1 3 3 -", []*os.File{read, write}},
		"negative":       {"1 -1 4 -", []*os.File{read, write}},
	} {
		cmd := client(t, "", "grandchild", "")
		cmd.Env = append(cmd.Env, "LOOPGEN_DAEMON="+test.marker)
		cmd.ExtraFiles = test.files
		text, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != exitForged || !bytes.Contains(text, []byte("LOOPGEN_DAEMON")) {
			t.Errorf("%s: %v, %s", name, err, text)
		}
	}
}

// TestProgramReplaced writes a script over the program between the start of the program and
// the start of the child.
func TestProgramReplaced(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc/self/exe")
	}
	out, err := client(t, copyOfProgram(t), "remove", "").CombinedOutput()
	if err != nil || string(out) != "true true\n" {
		t.Errorf("got %s, %v; want the same build, and the path without a mark", out, err)
	}
}

// copyOfProgram returns a copy of this test binary that any user may run.
func copyOfProgram(t *testing.T) string {
	t.Helper()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(own)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(shortDir(t), "program")
	if err := os.Chmod(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDescriptorLimit(t *testing.T) {
	out, err := client(t, "", "few descriptors", "").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "ok") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestProcessLimit(t *testing.T) {
	program := copyOfProgram(t)
	cmd := client(t, program, "few processes", "")
	if os.Geteuid() == 0 { // root has no such limit
		for above := filepath.Dir(program); above != "/"; above = filepath.Dir(above) {
			if info, err := os.Stat(above); err != nil || info.Mode().Perm()&0o001 == 0 {
				t.Skipf("needs a directory for temporary files (TMPDIR) that every user can enter, unlike %s", above)
			}
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	cmd.Dir = "/"
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "ok") {
		t.Errorf("%v\n%s", err, out)
	}
}
