package inspect

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/loopgen/loopgen/rt/internal/rundir"
)

// A full file system and one that cannot be written to are found, with nothing written.
func TestFileSystems(t *testing.T) {
	for _, test := range []struct {
		name, problem, command string
		spoil                  func(dir string) error
	}{
		{"full", "no space is left on the file system of ", "du -xh --max-depth=2 ", func(dir string) error {
			err := os.WriteFile(filepath.Join(dir, "full"), make([]byte, 1<<20), 0o600)
			if errors.Is(err, unix.ENOSPC) {
				return nil
			}
			return errors.Join(errors.New("the file system is not full"), err)
		}},
		{"without files", "holds no more files", "du -x --inodes --max-depth=2 ", func(dir string) error {
			for i := range 20 {
				if err := os.WriteFile(filepath.Join(dir, strconv.Itoa(i)), nil, 0o600); errors.Is(err, unix.ENOSPC) {
					return nil
				}
			}
			return errors.New("the file system takes more files")
		}},
		{"read-only", "is mounted read-only, so no daemon can publish its endpoint there", "mount -o remount,rw ", func(dir string) error {
			return unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, "")
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=256k,nr_inodes=10"); err != nil {
				t.Skipf("cannot mount a file system: %v", err)
			}
			t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
			base := filepath.Join(dir, "not", "made")
			x := &examination{examine: examine}
			x.directory(nil, base, rundir.CheckBase(base), false)
			if len(x.findings) != 0 {
				t.Fatalf("before: got %v", x.findings)
			}
			if err := test.spoil(dir); err != nil {
				t.Fatal(err)
			}
			x.disks = nil
			x.directory(nil, base, nil, false)
			if len(x.findings) != 1 || !strings.Contains(x.findings[0].Problem, test.problem) || !strings.HasPrefix(x.findings[0].Command, test.command+dir) {
				t.Errorf("got %v, want %q, %q", x.findings, test.problem, test.command+dir)
			}
		})
	}
}

// No machine of the tests has a network file system, so that its number is given. The
// command leads to a local directory, and a daemon in a ScopeDir is not helped by it.
func TestNetworkFileSystem(t *testing.T) {
	dir := t.TempDir()
	x := &examination{examine: func(string) (fileSystem, bool) {
		return fileSystem{network: networkFileSystems[unix.NFS_SUPER_MAGIC]}, true
	}}
	x.directory(nil, dir, nil, false)
	x.directory(nil, filepath.Join(dir, "not", "made"), nil, false) // the same file system
	want := dir + " is on a network file system (NFS), where locks and sockets do not work reliably"
	if len(x.findings) != 1 || x.findings[0].Problem != want || !strings.Contains(x.findings[0].Command, "export LOOPGEN_DIR=/") {
		t.Fatalf("got %v, want %q", x.findings, want)
	}
	command := exec.Command("sh", "-e", "-c", x.findings[0].Command+"\nprintf %s \"$LOOPGEN_DIR\"")
	base, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(string(base)) // it stays if daemons use it
	if disk, ok := examine(existing(string(base))); !ok || disk.network != "" || rundir.CheckBase(string(base)) != nil {
		t.Errorf("%s: got %v, %v, %v", base, disk, ok, rundir.CheckBase(string(base)))
	}
	x.disks = nil
	x.directory(&Daemon{Scope: "dir:" + dir, Dir: filepath.Join(dir, "x")}, dir, nil, false)
	if got := x.findings[1].Command; got != "ls -ld "+dir {
		t.Errorf("got %q", got)
	}
}

func TestNetworkFileSystemsAreKnown(t *testing.T) {
	for number, want := range map[uint32]string{0x6969: "NFS", 0xff534d42: "CIFS", 0xfe534d42: "SMB2", 0x01021997: "9p", unix.TMPFS_MAGIC: "", unix.EXT4_SUPER_MAGIC: ""} {
		if got := networkFileSystems[number]; got != want {
			t.Errorf("%#x: got %q, want %q", number, got, want)
		}
	}
}

// The kernel has the kind of a FUSE file system before its server answers.
func TestFUSE(t *testing.T) {
	const sample = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n36 22 0:98 / /home/a\\040b rw,noatime shared:1 - fuse.sshfs host:/dir rw\n37 22 0:99 / /media rw - fuse.ntfs-3g /dev/sdb1 rw\n"
	for device, want := range map[string]string{"0:98": "sshfs", "0:99": "", "8:1": "", "1:1": ""} {
		if got := fuseKind(sample, device); got != want {
			t.Errorf("%s: got %q, want %q", device, got, want)
		}
	}
	server, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("no FUSE: %v", err)
	}
	defer unix.Close(server)
	dir := t.TempDir()
	if err := unix.Mount("host:/dir", dir, "fuse.sshfs", 0, fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", server)); err != nil {
		t.Skipf("cannot mount a file system: %v", err)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	_ = unix.Unmount(dir, unix.MNT_DETACH)
	_, line, ok := strings.Cut(string(mounts), " "+dir+" ")
	before := strings.Fields(string(mounts[:max(len(mounts)-len(line)-len(dir)-2, 0)]))
	if err != nil || !ok || fuseKind(string(mounts), before[len(before)-2]) != "sshfs" {
		t.Errorf("%s is no sshfs in %s, %v", dir, mounts, err)
	}
}
