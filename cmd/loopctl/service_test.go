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
	deprived    = 64004
)

// openDir returns a new directory that all users can enter. It skips the test if this process
// cannot be several users.
func openDir(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 || !enterable(os.TempDir()) {
		if os.Getenv("LOOPGEN_TEST_ALL") != "" {
			t.Fatal("this machine lacks what the test needs: root, and a TMPDIR that every user can enter")
		}
		t.Skip("needs root, and a TMPDIR that every user can enter")
	}
	dir, err := os.MkdirTemp("", "lg")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// as returns a command of this binary that runs as a user, with that LOOPGEN_DIR.
func as(user uint32, base string, args ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe") // which needs no way to the file
	cmd.Args = args
	cmd.Env = []string{"LOOPGEN_DIR=" + base, "PATH=" + os.Getenv("PATH")}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
	return cmd
}

// The service of another user is listed. Users that it does not admit see no more, those
// that it admits see its state, and neither can stop it. A directory that they cannot read is an error, and keeps nothing else
// from them.
func TestServiceOfAnotherUser(t *testing.T) {
	t.Parallel()
	base := openDir(t)
	dir := filepath.Join(base, "limiter")
	unreadable := filepath.Join(base, "session-9")
	for _, err := range []error{os.Mkdir(dir, 0o755), os.Chown(dir, serviceUser, -1), os.Mkdir(unreadable, 0o700)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	service := as(serviceUser, base, "counters", "-serve", "-name", "limiter", "-admit", "64002")
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
		{stranger, "doctor", exitFailed, `cannot read a directory of daemons: open .*/session-9: permission denied\n    sudo chown -R 64003 .*/session-9\n`},
		{stranger, "status limiter", exitFailed, `^loopctl: not allowed: `},
		{stranger, "describe limiter Inc", 0, `^func Inc\(\) int\n$`},
		{stranger, "logs limiter", exitFailed, `the log of a service is in the journal: journalctl -u limiter`},
		{stranger, "stop limiter", exitNotExecuted, `^loopctl: not allowed: `},
		{stranger, "metrics", exitFailed, `(?s)loopctl: limiter: not allowed: .*loopgen_up{.*,name="limiter",.*} 0\n.*session-9: permission denied\n$`},
		{guest, "status limiter", 0, `^process \d+ serves `},
		{stranger, "call limiter Inc", exitNotExecuted, `^loopctl: not allowed: `},
		{guest, "call limiter Inc", 0, `^1\n$`},
		{serviceUser, "call limiter Value", 0, `^1\n$`},
		{guest, "stacks limiter", exitFailed, `^loopctl: not allowed: user 64002 may not control a daemon of user 64001\n$`},
		{stranger, "restart limiter", exitNotExecuted, `^loopctl: not allowed: `},
		{stranger, "stacks limiter", exitFailed, `^loopctl: not allowed: `},
		{stranger, "logs -f limiter", exitFailed, `the log of a service is in the journal: journalctl -u limiter`},
		{stranger, "complete -- call limiter I", 0, `^Inc\n$`},
		{stranger, "complete -- call l", 0, `^limiter\n$`},
		{guest, "ps", exitFailed, `(?m)^limiter +\d+ +running +0 +0 +0 .* system +github.com`},
		{guest, "doctor limiter", exitFailed, `session-9: permission denied`},
		{guest, "restart limiter", exitNotExecuted, `^loopctl: not allowed: user 64002 may not control a daemon of user 64001\n$`},
		{guest, "profile limiter heap", exitFailed, `^loopctl: not allowed: user 64002 may not control a daemon of user 64001\n$`},
		{guest, "stop limiter", exitNotExecuted, `^loopctl: not allowed: user 64002 may not control a daemon of user 64001\n$`},
		{guest, "metrics -scope system", exitFailed, `(?s)loopgen_calls_total{.*,method="Inc",outcome="ok"} 1\n`},
		{serviceUser, "stacks limiter", 0, `no call: 1 in state running`},
		{serviceUser, "profile -json limiter heap", 0, `^{"Name":"limiter","Kind":"heap","Profile":"`},
		{serviceUser, "status limiter", 0, `^process \d+ serves `},
		{serviceUser, "doctor limiter", exitFailed, `session-9: permission denied`},
		{serviceUser, "restart limiter", 0, `^limiter: process \d+ has exited; the service manager starts another one`},
		{serviceUser, "metrics", exitFailed, `(?s)loopgen_up{.*} 0\n.*loopgen_calls_total{.*,method="Inc",outcome="ok"} 1\n`},
		{stranger, "metrics", exitFailed, `(?s)loopctl: limiter: reading the totals: .*permission denied\n.*loopgen_up{.*} 0\n`},
		{stranger, "stop limiter", exitNotRunning, `start the service \(as in: systemctl start limiter\)`},
	} {
		var said bytes.Buffer
		cmd := as(test.user, base, append([]string{"loopctl"}, strings.Fields(test.command)...)...)
		cmd.Stdout, cmd.Stderr = &said, &said
		_ = cmd.Run() // the status says more
		if got := cmd.ProcessState.ExitCode(); got != test.status || !regexp.MustCompile(test.said).Match(said.Bytes()) {
			t.Errorf("user %d: loopctl %s: got status %d, %q; want %d, %q", test.user, test.command, got, &said, test.status, test.said)
		}
	}
}

// Directories that root has made in the place of a user's, as with sudo, are found by the
// user, and the commands give them back.
func TestDirectoriesOfRoot(t *testing.T) {
	t.Parallel()
	above := openDir(t)
	base := filepath.Join(above, "base")
	run := func(args ...string) (status int, said string) {
		cmd := as(deprived, base, args...)
		text, _ := cmd.CombinedOutput() // the status says more
		return cmd.ProcessState.ExitCode(), string(text)
	}
	expect := func(status int, said string, args ...string) string {
		t.Helper()
		got, text := run(args...)
		if got != status || !regexp.MustCompile(said).MatchString(text) {
			t.Fatalf("%q: got status %d, %q; want %d, %q", args, got, text, status, said)
		}
		return text
	}
	// mended runs the command that doctor prints, as root.
	mended := func(said string) {
		t.Helper()
		_, command, ok := strings.Cut(expect(exitFailed, said, "loopctl", "doctor"), "\n    sudo ")
		if !ok {
			t.Fatalf("no command of root for %q", said)
		}
		if text, err := exec.Command("sh", "-c", command).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v, %s", command, err, text)
		}
		expect(0, "^nothing is wrong\n$", "loopctl", "doctor")
	}
	expect(exitFailed, `^no daemon can start in `+base+`, because this user cannot write to `+above+`\n    .*export LOOPGEN_DIR=/`, "loopctl", "doctor")
	if err := os.Mkdir(base, 0o755); err != nil {
		t.Fatal(err)
	}
	expect(1, "permission denied", "counters")
	mended(`^no daemon can start in ` + base + `, because this user cannot write to ` + base + `\n    sudo chown 64004 ` + base + `\n$`)
	expect(0, `^1\n$`, "counters")
	expect(0, "has exited", "loopctl", "stop", "counters")
	dirs, err := filepath.Glob(filepath.Join(base, "counters-*"))
	if err != nil || len(dirs) != 1 {
		t.Fatalf("got %q, %v", dirs, err)
	}
	give := func(command string) {
		t.Helper()
		if text, err := exec.Command("sh", "-c", command).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v, %s", command, err, text)
		}
		expect(1, "belongs to another user", "counters")
	}
	give("chown -R 0 " + dirs[0])
	for command, status := range map[string]int{
		"ps": exitFailed, "status counters": exitFailed, "describe counters": exitFailed, "logs counters": exitFailed, "logs -f counters": exitFailed,
		"stacks counters": exitFailed, "doctor counters": exitFailed, "call counters Inc": exitNotExecuted, "stop counters": exitNotExecuted,
		"restart counters": exitNotExecuted,
	} {
		expect(status, `^loopctl: (no daemon runs\n)?(loopctl: )?open `+dirs[0]+`: permission denied\n$`, append([]string{"loopctl"}, strings.Fields(command)...)...)
	}
	expect(0, `^$`, "loopctl", "complete", "--", "call", "counters", "I")
	mended("cannot read a directory of daemons: open " + dirs[0] + ": permission denied\n")
	give("chown 0 " + dirs[0] + "/*")
	mended(`^counters-\w+: .*/(life|spawn)\.lock\b`)
	expect(0, `^1\n$`, "counters")
	expect(0, "has exited", "loopctl", "stop", "counters")
}
