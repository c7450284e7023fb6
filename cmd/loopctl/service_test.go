//go:build linux

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt/inspect"
)

// The users of the test, who need not be in the user database.
const (
	serviceUser = 64001
	guest       = 64002
	stranger    = 64003
)

// The service of another user is listed. Users that it does not admit see no more, those
// that it admits see its state, and neither can stop it. A directory that they cannot read is an error, and keeps nothing else
// from them.
func TestServiceOfAnotherUser(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 || !enterable(os.TempDir()) {
		if os.Getenv("LOOPGEN_TEST_ALL") != "" {
			t.Fatal("this machine lacks what the test needs: root, and a TMPDIR that every user can enter")
		}
		t.Skip("needs root, and a TMPDIR that every user can enter")
	}
	base, err := os.MkdirTemp("", "lg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	dir := filepath.Join(base, "limiter")
	unreadable := filepath.Join(base, "session-9")
	for _, err := range []error{os.Chmod(base, 0o755), os.Mkdir(dir, 0o755), os.Chown(dir, serviceUser, -1), os.Mkdir(unreadable, 0o700)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	as := func(user uint32, args ...string) *exec.Cmd {
		cmd := exec.Command("/proc/self/exe") // which needs no way to the file
		cmd.Args = args
		cmd.Env = []string{"LOOPGEN_DIR=" + base, "PATH=" + os.Getenv("PATH")}
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
		return cmd
	}
	service := as(serviceUser, "counters", "-serve", "-name", "limiter", "-admit", "64002")
	if err := service.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { // ends with the process
		service.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		service.Process.Kill()
		<-ended
	})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		if d, err := inspect.Find(inspect.Where{Dir: base}, "limiter"); err == nil && d.State == inspect.Running {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the service does not run")
		}
	}
	for _, test := range []struct {
		user    uint32
		command string
		status  int
		said    string
	}{
		{stranger, "ps", exitFailed, `(?m)^limiter +\d+ +not allowed .* system +github.com`},
		{stranger, "ps", exitFailed, `(?m)^loopctl: open .*/session-9: permission denied$`},
		{stranger, "doctor", exitFailed, `cannot read a directory of daemons: open .*/session-9: permission denied\n    sudo chown 64003 .*/session-9\n`},
		{stranger, "status limiter", exitFailed, `^loopctl: not allowed: `},
		{stranger, "describe limiter Inc", 0, `^func Inc\(\) int\n$`},
		{stranger, "logs limiter", exitFailed, `the log of a service is in the journal: journalctl -u limiter`},
		{stranger, "stop limiter", exitNotExecuted, `^loopctl: not allowed: `},
		{guest, "status limiter", 0, `^process \d+ serves `},
		{stranger, "call limiter Inc", exitNotExecuted, `^loopctl: not allowed: `},
		{guest, "call limiter Inc", 0, `^1\n$`},
		{serviceUser, "call limiter Value", 0, `^1\n$`},
		{guest, "stacks limiter", exitFailed, `^loopctl: not allowed: user 64002 may not control a daemon of user 64001\n$`},
		{guest, "stop limiter", exitNotExecuted, `^loopctl: not allowed: user 64002 may not control a daemon of user 64001\n$`},
		{serviceUser, "stacks limiter", 0, `no call: 1 in state running`},
		{serviceUser, "status limiter", 0, `^process \d+ serves `},
		{serviceUser, "doctor limiter", exitFailed, `session-9: permission denied`},
		{serviceUser, "restart limiter", 0, `^limiter: process \d+ has exited; the service manager starts another one`},
		{stranger, "stop limiter", exitNotRunning, `start the service \(as in: systemctl start limiter\)`},
	} {
		var said bytes.Buffer
		cmd := as(test.user, append([]string{"loopctl"}, strings.Fields(test.command)...)...)
		cmd.Stdout, cmd.Stderr = &said, &said
		_ = cmd.Run() // the status says more
		if got := cmd.ProcessState.ExitCode(); got != test.status || !regexp.MustCompile(test.said).Match(said.Bytes()) {
			t.Errorf("user %d: loopctl %s: got status %d, %q; want %d, %q", test.user, test.command, got, &said, test.status, test.said)
		}
	}
}
