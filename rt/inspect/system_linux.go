package inspect

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// runningDirs returns the directories whose life.lock a process of this user has open.
// Daemons in a ScopeDir, or started with another LOOPGEN_DIR, are in no directory that this
// process knows.
func runningDirs() []string {
	processes, err := filepath.Glob("/proc/[0-9]*/fd")
	if err != nil {
		return nil
	}
	var dirs []string
	for _, fds := range processes {
		if info, err := os.Stat(fds); err != nil || int(info.Sys().(*syscall.Stat_t).Uid) != os.Geteuid() {
			continue
		}
		entries, err := os.ReadDir(fds)
		if err != nil {
			continue // the process has ended
		}
		for _, entry := range entries {
			path, err := os.Readlink(filepath.Join(fds, entry.Name()))
			if err == nil && filepath.Base(path) == "life.lock" {
				dirs = append(dirs, filepath.Dir(path))
			}
		}
	}
	return dirs
}

// stopped reports whether a signal has stopped a process, or a debugger has.
func stopped(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	i := bytes.LastIndex(stat, []byte(") ")) // the name of the program may contain anything
	return i >= 0 && i+2 < len(stat) && strings.ContainsRune("Tt", rune(stat[i+2]))
}

// holders returns the processes that hold a lock on a file, as far as the kernel tells.
func holders(path string) (pids []int) {
	var stat unix.Stat_t
	locks, err := os.ReadFile("/proc/locks")
	if err != nil || unix.Stat(path, &stat) != nil {
		return nil
	}
	id := fmt.Sprintf("%02x:%02x:%d", unix.Major(stat.Dev), unix.Minor(stat.Dev), stat.Ino)
	for line := range strings.Lines(string(locks)) {
		fields := strings.Fields(line) // 1: FLOCK ADVISORY WRITE 71 08:01:1234 0 EOF
		if len(fields) < 6 || fields[1] == "->" || fields[5] != id {
			continue
		}
		if pid, err := strconv.Atoi(fields[4]); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	return pids
}

// innermost returns the number of a process in its own pid namespace, or pid if it is not
// known.
func innermost(pid int) int {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(status)) {
		if numbers, ok := strings.CutPrefix(line, "NSpid:"); ok {
			list := strings.Fields(numbers)
			if inner, err := strconv.Atoi(list[len(list)-1]); err == nil {
				return inner
			}
		}
	}
	return pid
}

// commandOf returns the short name of the program that a process runs, or "".
func commandOf(pid int) string {
	name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return strings.TrimSpace(string(name))
}

// imageOf returns a path of the program that a process runs, also if the file was removed,
// or "".
func imageOf(pid int) string { return fmt.Sprintf("/proc/%d/exe", pid) }

// writable reports whether this user can make entries in a directory.
func writable(path string) bool {
	return unix.Faccessat(unix.AT_FDCWD, path, unix.W_OK|unix.X_OK, unix.AT_EACCESS) == nil
}

// networkFileSystems are file systems by the number that statfs(2) returns. Locks on them
// need a server, and they hold no sockets of other machines.
var networkFileSystems = map[uint32]string{
	unix.NFS_SUPER_MAGIC: "NFS", unix.SMB_SUPER_MAGIC: "SMB", 0xff534d42: "CIFS", unix.SMB2_SUPER_MAGIC: "SMB2",
	unix.V9FS_MAGIC: "9p", unix.AFS_SUPER_MAGIC: "AFS", unix.CODA_SUPER_MAGIC: "Coda", unix.CEPH_SUPER_MAGIC: "Ceph",
	0x0bd00bd0: "Lustre", 0x47504653: "GPFS", unix.NCP_SUPER_MAGIC: "NCP",
}

// fuseFileSystems are the kinds of FUSE file systems that other machines serve.
var fuseFileSystems = []string{"sshfs", "glusterfs", "ceph", "ceph-fuse", "s3fs", "gcsfuse", "rclone", "davfs"}

// fuseKind returns the kind of the FUSE file system of a device, as 0:98, if other machines
// serve it. mounts is the content of /proc/self/mountinfo.
func fuseKind(mounts, device string) string {
	for line := range strings.Lines(mounts) {
		before, after, _ := strings.Cut(line, " - ") // 36 35 0:98 / /mnt rw,noatime - fuse.sshfs host:/dir rw
		fields := strings.Fields(before)
		kind, _, _ := strings.Cut(strings.TrimPrefix(after, "fuse."), " ")
		if len(fields) > 2 && fields[2] == device && slices.Contains(fuseFileSystems, kind) {
			return kind
		}
	}
	return ""
}

// examine returns what is wrong with the file system of a path.
func examine(path string) (disk fileSystem, ok bool) {
	var s unix.Statfs_t
	if unix.Statfs(path, &s) != nil {
		return fileSystem{}, false
	}
	network := networkFileSystems[uint32(s.Type)]
	var stat unix.Stat_t
	if uint32(s.Type) == unix.FUSE_SUPER_MAGIC && unix.Stat(path, &stat) == nil {
		mounts, _ := os.ReadFile("/proc/self/mountinfo")
		network = fuseKind(string(mounts), fmt.Sprintf("%d:%d", unix.Major(stat.Dev), unix.Minor(stat.Dev)))
	}
	return fileSystem{
		network:  network,
		readOnly: s.Flags&unix.ST_RDONLY != 0,
		full:     s.Bavail*uint64(s.Bsize) < leastSpace,
		noFiles:  s.Files > 0 && s.Ffree == 0,
	}, true
}
