package rundir

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
)

const (
	socketPrefix = "s-"
	// maxSocketPath is the greatest length of a Unix socket's path in bytes. The
	// address has 104 bytes on the BSDs and macOS, with a final zero.
	maxSocketPath = 103
	// maxIncarnation bounds an incarnation in bytes.
	maxIncarnation = 64
	// maxSocketSuffix bounds the part of an incarnation in a socket's name, in
	// bytes. It only keeps a daemon whose directory was removed from its
	// successor in the same socket directory.
	maxSocketSuffix = 8
)

// SocketDir returns the directory for the socket and the log, which it makes with
// mode 0700: in XDG_RUNTIME_DIR if that is an absolute path of a directory of
// this user with mode 0700 that no other user can exchange, else in /run/user/<uid> if that is one, else the
// singleton's own directory. It is always the latter if the base directory is
// not the default one, nor one of a session or project in that. The endpoint tells clients what was chosen, so processes
// with different environments still meet.
//
// A directory of ours in there that is unsafe is an *UnsafeError. The answer is
// the same for the life of d.
func (d *Dir) SocketDir() (string, error) {
	d.socketOnce.Do(func() { d.socketDir, d.socketErr = d.chooseSocketDir() })
	return d.socketDir, d.socketErr
}

// SocketPath returns where the daemon with this incarnation listens, and makes
// the directory. The incarnation is 1 to 64 letters, digits, - and _, of which the
// socket's name has the first eight. The error is
// a *PathTooLongError if the path does not fit into a socket's address. That of a
// service does not depend on the incarnation.
func (d *Dir) SocketPath(incarnation string) (path string, err error) {
	if d.service {
		return d.ServiceSocket()
	}
	if !validIncarnation(incarnation) {
		return "", fmt.Errorf("naming the socket: incarnation %q; give 1 to %d letters, digits, - and _", incarnation, maxIncarnation)
	}
	dir, err := d.SocketDir()
	if err != nil {
		return "", err
	}
	return usable(filepath.Join(dir, socketPrefix+incarnation[:min(len(incarnation), maxSocketSuffix)]))
}

// usable returns the path of a socket, or an error if it is too long for one.
func usable(path string) (string, error) {
	if len(path) > maxSocketPath {
		return "", &PathTooLongError{Path: path, Length: len(path), Limit: maxSocketPath}
	}
	return path, nil
}

// LogPath returns the path of the daemon's log: beside the socket, or in the
// singleton's own directory if there is no safe directory for sockets. The file
// need not be there.
func (d *Dir) LogPath() string {
	dir, err := d.SocketDir()
	if err != nil {
		dir = d.path
	}
	return filepath.Join(dir, logName)
}

func (d *Dir) chooseSocketDir() (string, error) {
	for _, dir := range d.runtimeDirs() {
		base := filepath.Dir(filepath.Dir(dir))
		if checkParents(base) != nil || checkDir(base) != nil {
			continue
		}
		if err := makeAll(dir, base); err != nil {
			return "", fmt.Errorf("making the socket directory: %w", err)
		}
		for _, made := range []string{filepath.Dir(dir), dir} {
			if err := checkDir(made); err != nil {
				return "", err
			}
		}
		return dir, nil
	}
	return d.path, nil
}

// runtimeDirs returns where the socket may go instead of the singleton's own
// directory, best first. The base directory is part of the name: two machines or
// containers may share one runtime directory.
func (d *Dir) runtimeDirs() []string {
	base := userBaseDir(d.base)
	if filepath.Base(base) != HostID() && filepath.Base(base) != "loopgen" {
		return nil // not the default one: no need to ask the user database
	}
	if standard, err := defaultBaseDir(); err != nil || standard != base {
		return nil
	}
	var dirs []string
	below := filepath.Join("loopgen", digest(hashDigits, d.base, d.name))
	if dir := Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		dirs = append(dirs, filepath.Join(dir, below))
	}
	if dir, ok := userRuntimeDir(); ok {
		dirs = append(dirs, filepath.Join(dir, below))
	}
	return dirs
}

// removeSockets removes the sockets of earlier daemons from every directory
// where this process would look for one, and the one that the stale endpoint
// names: its daemon may have had another XDG_RUNTIME_DIR.
func (d *Dir) removeSockets(stale *Endpoint) []error {
	var errs []error
	dirs := append(d.runtimeDirs(), d.path)
	if stale != nil && stale.Network == "unix" {
		dir := filepath.Dir(stale.Address)
		if filepath.IsAbs(dir) && filepath.Base(dir) == digest(hashDigits, d.base, d.name) {
			dirs = append(dirs, dir)
		}
	}
	for _, dir := range dirs {
		root, err := (&Dir{path: dir}).openRoot()
		if err != nil {
			continue // nothing of ours, or not safe
		}
		entries, err := fs.ReadDir(root.FS(), ".")
		if err != nil {
			errs = append(errs, err)
		}
		for _, entry := range entries {
			if entry.Type()&fs.ModeSocket == 0 || !strings.HasPrefix(entry.Name(), socketPrefix) {
				continue
			}
			if err := root.Remove(entry.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, err)
			}
		}
		root.Close()
	}
	return errs
}

// RemoveSocket removes what is at the path of this daemon's socket in d, so that
// the daemon can listen there again. Nothing there is no error.
func (l *DaemonLock) RemoveSocket(d *Dir, incarnation string) error {
	if d.service {
		return l.RemoveServiceSocket()
	}
	path, err := d.SocketPath(incarnation)
	if err != nil {
		return err
	}
	root, err := (&Dir{path: filepath.Dir(path)}).openRoot()
	if err != nil {
		return fmt.Errorf("removing a file from the path of the socket: %w", err)
	}
	defer root.Close()
	if err := root.Remove(filepath.Base(path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing a file from the path of the socket: %w", err)
	}
	return nil
}

func validIncarnation(s string) bool {
	if s == "" || len(s) > maxIncarnation {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	}) < 0
}
