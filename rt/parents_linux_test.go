package rt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/testdata/objects"
)

// exchanged is what another user does with a directory: it puts a symbolic link to
// target in the place of each new entry whose name begins with .loopgen-.
func exchanged(_ context.Context, _ *counterShared, a args) (any, error) {
	dir, target := a.Text[0], a.Text[1]
	fd, err := syscall.InotifyInit1(0)
	if err != nil {
		return nil, err
	}
	if _, err := syscall.InotifyAddWatch(fd, dir, syscall.IN_CREATE); err != nil {
		return nil, err
	}
	fmt.Println("watching")
	var buf [4096]byte
	for i := 0; ; i++ {
		n, err := syscall.Read(fd, buf[:])
		if err != nil {
			return nil, err
		}
		for at := 0; at < n; {
			event := (*syscall.InotifyEvent)(unsafe.Pointer(&buf[at]))
			at += syscall.SizeofInotifyEvent
			name := string(bytes.TrimRight(buf[at:at+int(event.Len)], "\x00"))
			at += int(event.Len)
			if strings.HasPrefix(name, ".loopgen-") {
				path := filepath.Join(dir, name)
				_ = os.Rename(path, fmt.Sprint(filepath.Join(dir, "gone"), i)) // may be too late
				_ = os.Symlink(target, path)
			}
		}
	}
}

func init() { addRole("exchange", exchanged) }

// A user who owns a directory above the base directory cannot give a file of
// another user's another mode.
func TestForeignParentDoesNotLeadAstray(t *testing.T) {
	t.Parallel()
	needsStrangers(t)
	dir, target := rttest.Dir(t), filepath.Join(t.TempDir(), "target")
	if err := errors.Join(os.Chown(dir, nobody, nobody), os.WriteFile(target, nil, 0o644), os.Chmod(target, 0o644)); err != nil {
		t.Fatal(err)
	}
	cmd := asNobody(command(t, "exchange", singleton{}, withText(dir, target)))
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	line := make([]byte, len("watching\n"))
	if _, err := out.Read(line); err != nil || string(line) != "watching\n" {
		t.Fatalf("the other user says %q, %v", line, err)
	}
	for i, end := 0, time.Now().Add(200*time.Millisecond); time.Now().Before(end); i++ {
		a := singleton{Dir: filepath.Join(dir, fmt.Sprint("run", i)), Name: "c"}
		_, err := objects.ShareCounter(a.config(), a.Options).Status(t.Context())
		if !errors.Is(err, rt.ErrUnsafeDir) || !strings.Contains(err.Error(), dir) {
			t.Errorf("Status: %v, want %v that names %s", err, rt.ErrUnsafeDir, dir)
		}
		if info, err := os.Stat(target); err != nil || info.Mode() != 0o644 {
			t.Fatalf("the file's mode is now %v, %v", info.Mode(), err)
		}
		if t.Failed() {
			return
		}
	}
}

// A user who owns the base directory, or one above it, cannot give the clients of
// one singleton the object of another.
func TestForeignParentSwapsSingletons(t *testing.T) {
	t.Parallel()
	needsStrangers(t)
	for name, base := range map[string]string{"base": "", "parent": "base"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := rttest.Dir(t)
			a := singleton{Dir: filepath.Join(dir, base), Name: "payroll", IdleTTL: time.Minute}
			b := a
			b.Name = "lunch"
			connect(t, b)
			connect(t, a)
			swapped := [2]string{a.place(t), b.place(t)}
			if base != "" { // the second base directory looks like the first one
				other := singleton{Dir: dir + "/other", Name: "payroll", IdleTTL: time.Minute}
				connect(t, other)
				swapped = [2]string{a.Dir, other.Dir}
			}
			before := a.endpoint(t).Incarnation
			if err := os.Chown(dir, nobody, nobody); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.Chown(dir, 0, 0) })
			cmd := exec.Command("sh", "-ec", `mv "$0" "$0-" && mv "$1" "$0" && mv "$0-" "$1"`, swapped[0], swapped[1])
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%s, %v", out, err)
			}
			s, err := share(t, a).Status(t.Context())
			if !errors.Is(err, rt.ErrUnsafeDir) || !strings.Contains(err.Error(), dir+" belongs to user 65534") {
				t.Errorf("Status: %s of %s, which was %s: %v; want %v that names %s", s.Incarnation, s.Name, before, err, rt.ErrUnsafeDir, dir)
			}
		})
	}
}

// Directories with the mode of umask 002, in which each user has a private group,
// are used.
func TestPrivateGroup(t *testing.T) {
	t.Parallel()
	needsStrangers(t)
	const user = 64101 // is in no database, nor is the group
	dir := rttest.Dir(t)
	base := filepath.Join(dir, "base")
	if err := os.Mkdir(base, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, base} {
		if err := errors.Join(os.Chown(path, user, user), os.Chmod(path, 0o775)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := asNobody(command(t, "connect", singleton{Dir: base, Name: "c"}))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
	if out, err := cmd.Output(); err != nil || !strings.Contains(string(out), "nil") {
		t.Errorf("Connect: %s, %v", out, err)
	}
	if err := os.Chown(base, -1, nobody); err != nil {
		t.Fatal(err)
	}
	cmd = asNobody(command(t, "connect", singleton{Dir: base, Name: "c"}))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
	if out, err := cmd.Output(); err != nil || !strings.Contains(string(out), base+" has mode 0775 and group 65534") {
		t.Errorf("Connect below a directory of the group of others: %s, %v", out, err)
	}
}
