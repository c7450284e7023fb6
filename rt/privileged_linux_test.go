package rt_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
)

// setID returns a copy of this program with a set-user-ID bit, for serviceUser, in
// a directory that every user can enter.
func setID(t *testing.T) string {
	t.Helper()
	own, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	dir := rttest.Dir(t)
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		t.Fatal(err)
	}
	needs(t, "a TMPDIR that is not mounted nosuid", fs.Flags&unix.ST_NOSUID == 0)
	program := filepath.Join(dir, "program")
	err = errors.Join(os.Chmod(dir, 0o755), os.WriteFile(program, own, 0o755),
		os.Chown(program, serviceUser, serviceUser), os.Chmod(program, 0o755|os.ModeSetuid|os.ModeSetgid))
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// A set-user-ID program starts its daemon, and the environment of the user who runs
// the program does not say where, or how.
func TestSetUserIDProgramIgnoresEnvironment(t *testing.T) {
	t.Parallel()
	needsTool(t, "setpriv")
	needsStrangers(t)
	theirs := rttest.Dir(t)
	if err := os.Chown(theirs, guest, guest); err != nil {
		t.Fatal(err)
	}
	a := singleton{Name: "c"}
	cmd := mounted(t, fmt.Sprintf(`
mount -t tmpfs -o mode=0755 none /run
mkdir -p -m 0755 /run/user
mkdir -m 0700 /run/user/%d
chown %[1]d:%[1]d /run/user/%[1]d
client() { setpriv --reuid %[2]d --regid %[2]d --clear-groups %[3]q; }
client
%[4]s="shut down" client
`, serviceUser, guest, setID(t), roleVar), "where", a)
	cmd.Env = append(cmd.Env, "LOOPGEN_DIR="+theirs, "LOOPGEN_MODE=inprocess", "LOOPGEN_DEV=x", "LOOPGEN_LOG=x", "XDG_RUNTIME_DIR="+theirs)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	said, _, _ := strings.Cut(string(out), "\n")
	var s rt.Status
	if err := json.Unmarshal([]byte(said), &s); err != nil || s.PID == 0 {
		t.Fatalf("the program says %s, %v", said, err)
	}
	if want := fmt.Sprintf("/run/user/%d/loopgen/", serviceUser); !strings.HasPrefix(s.Address, want) || !strings.HasPrefix(s.Log, want) {
		t.Errorf("the daemon listens at %s and logs to %s, want both below %s", s.Address, s.Log, want)
	}
	if entries, err := os.ReadDir(theirs); err != nil || len(entries) > 0 {
		t.Errorf("in the directory of the user who runs it: %v, %v", entries, err)
	}
}

// It does not look up Config.Command in that user's PATH.
func TestSetUserIDProgramIgnoresPath(t *testing.T) {
	t.Parallel()
	needsTool(t, "setpriv")
	needsStrangers(t)
	dir := rttest.Dir(t)
	if err := os.Chown(dir, serviceUser, serviceUser); err != nil {
		t.Fatal(err)
	}
	program := setID(t)
	cmd := mounted(t, fmt.Sprintf(`exec setpriv --reuid %d --regid %[1]d --clear-groups %[2]q`, guest, program),
		"connect", singleton{Dir: dir, Name: "c", Command: []string{"program"}})
	cmd.Env = append(cmd.Env, "PATH="+filepath.Dir(program)+":"+os.Getenv("PATH"))
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "give an absolute path") {
		t.Errorf("Connect: %s, %v", out, err)
	}
}
