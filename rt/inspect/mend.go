package inspect

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/loopgen/loopgen/rt/internal/rundir"
)

// protect returns the command after which no other user can replace dir or an entry of it.
// The directory at path, which is dir or above it, allows that now. base says that dir is a
// base directory, and service that several users share it.
func protect(path, dir string, base, service bool) string {
	info, err := os.Lstat(path)
	word := shellWord(path)
	if err != nil {
		return "ls -ld " + word
	}
	as := sudoFor(info)
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return as + "rm " + word
	case !info.IsDir():
		return as + "mv " + word + " " + word + ".old"
	case service && !rundir.Trusted(info):
		return as + "chown root " + word
	case service:
		return as + "chmod go-w " + word
	case path == dir && !rundir.Owned(info):
		return open(path, base)
	case path == dir:
		return "chmod 700 " + word
	case !rundir.Trusted(info): // it may be the home of a user
		return elsewhere(nil)
	}
	return as + "chmod go-w " + word
}

// open returns the command that lets this user read and change a directory. Of a base
// directory only the directory itself: others may have made directories in it.
func open(path string, base bool) string {
	info, err := os.Lstat(path)
	word := shellWord(path)
	switch {
	case err != nil:
		return "ls -ld " + word
	case !info.IsDir():
		return sudoFor(info) + "mv " + word + " " + word + ".old"
	case rundir.Owned(info):
		return "chmod u+rwx " + word
	case base:
		return fmt.Sprintf("%schown %d %s", sudoFor(info), os.Geteuid(), word)
	}
	return takeOver(path)
}

// takeOver returns the command that gives a directory and its files to this user. As a rule
// a program that sudo started has made them.
func takeOver(path string) string {
	return fmt.Sprintf("%schown -R %d %s", sudo(), os.Geteuid(), shellWord(path))
}

// sudo returns what precedes a command that only root may run.
func sudo() string {
	if os.Geteuid() == 0 {
		return ""
	}
	return "sudo "
}

// sudoFor returns what precedes a command that changes a file.
func sudoFor(info fs.FileInfo) string {
	if rundir.Owned(info) {
		return ""
	}
	return sudo()
}

// readable returns the command after which the files of d can be read.
func readable(d *Daemon) string {
	entries, _ := os.ReadDir(d.Dir)
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && !d.dir.Service() && !rundir.Owned(info) {
			return takeOver(d.Dir)
		}
	}
	life, _ := d.dir.LockPaths()
	switch pids := holders(life); {
	case d.State == Running && len(pids) == 1: // a daemon whose endpoint has another format
		return fmt.Sprintf("kill %d", pids[0])
	case d.State == Killed:
		return "rm " + shellWord(filepath.Join(d.Dir, "endpoint"))
	case d.State == Exited:
		return "rm " + shellWord(filepath.Join(d.Dir, "last"))
	}
	return "ls -la " + shellWord(d.Dir)
}

// elsewhere returns the command that chooses another base directory for the programs of the
// shell. It has no influence on a daemon with a ScopeDir: only its programs name that.
func elsewhere(d *Daemon) string {
	if d != nil && d.scopeKind() == "dir" {
		return "ls -ld " + shellWord(filepath.Dir(d.Dir))
	}
	if dir, ok := runtimeDir(); ok {
		return "export LOOPGEN_DIR=" + shellWord(filepath.Join(dir, "loopgen"))
	}
	dir := fmt.Sprintf("/tmp/loopgen-%d", os.Geteuid())
	return "mkdir -p -m 700 " + dir + " && export LOOPGEN_DIR=" + dir
}

// runtimeDir returns the directory of this user for sockets, and whether there is one.
func runtimeDir() (path string, ok bool) {
	path = fmt.Sprintf("/run/user/%d", os.Geteuid())
	info, err := os.Lstat(path)
	return path, err == nil && info.IsDir() && rundir.Owned(info) && writable(path)
}

// existing returns the nearest directory of a path that exists.
func existing(path string) string {
	for {
		if _, err := os.Stat(path); err == nil || path == filepath.Dir(path) {
			return path
		}
		path = filepath.Dir(path)
	}
}

// mountPoint returns the root of the file system of a path.
func mountPoint(path string) string {
	for path != filepath.Dir(path) && rundir.SameFileSystem(path, filepath.Dir(path)) {
		path = filepath.Dir(path)
	}
	return path
}

// restart returns the command that replaces a daemon.
func restart(d *Daemon) string {
	if d.dir.Service() {
		return sudo() + "systemctl restart " + shellWord(d.Name)
	}
	return loopctl("restart", d)
}

// loopctl returns a command of loopctl for a daemon.
func loopctl(command string, d *Daemon) string {
	return fmt.Sprintf("loopctl %s -dir %s %s", command, shellWord(d.Dir), shellWord(d.Name))
}

func orUnset(value string) string {
	if value == "" {
		return "not set"
	}
	return value
}

// shellWord returns text as one word of a shell.
func shellWord(text string) string {
	plain := strings.IndexFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("/._-+:@%,", r)
	}) < 0
	if plain && text != "" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
