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
	// maxSocketSuffix bounds the part of an incarnation in a socket's name, in bytes.
	// The part only distinguishes a daemon whose directory was removed from its
	// successor in the same socket directory.
	maxSocketSuffix = 8
)

// SocketDir returns the directory for the socket and the log, and makes it with mode 0700.
// It is in XDG_RUNTIME_DIR if that is the absolute path of a directory of this user with
// mode 0700 that no other user can replace. Else it is in /run/user/<uid> if that is such a
// directory, else it is the singleton's own directory. It is always the latter unless the
// base directory is the default one, or that of a session or project in the default one.
// The endpoint names the directory, so clients with another environment still connect.
//
// The error is an *UnsafeError if loopgen's own directory in the runtime directory is
// unsafe. The result never changes for one d.
func (d *Dir) SocketDir() (string, error) {
	d.socketOnce.Do(func() { d.socketDir, d.socketErr = d.chooseSocketDir() })
	return d.socketDir, d.socketErr
}

// SocketPath returns the path of the socket of the daemon with this incarnation, and makes
// the directory. The incarnation has 1 to 64 letters, digits, - and _, and the socket's name
// contains the first eight. The path of a service's socket does not depend on the
// incarnation. The error is a *PathTooLongError if the path does not fit into a socket's
// address.
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

// usable returns the path of a socket, or a *PathTooLongError.
func usable(path string) (string, error) {
	if len(path) > maxSocketPath {
		return "", &PathTooLongError{Path: path, Length: len(path), Limit: maxSocketPath}
	}
	return path, nil
}

// LogPath returns the path of the daemon's log: beside the socket, or in the singleton's
// own directory if there is no safe directory for sockets. The file need not exist.
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

// runtimeDirs returns the directories for the socket that are better than the singleton's
// own, best first. The base directory is part of the name: two machines or containers may
// share one runtime directory.
func (d *Dir) runtimeDirs() []string {
	base := userBaseDir(d.base)
	if filepath.Base(base) != HostID() && filepath.Base(base) != "loopgen" {
		return nil // not the default base directory: no need to ask the user database
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

// removeSockets removes the sockets of earlier daemons from every directory that this
// process could choose, and from the directory that the stale endpoint names: its daemon
// may have had another XDG_RUNTIME_DIR.
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
			continue // missing or unsafe
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

// RemoveSocket removes the file at the path of this daemon's socket in d, so that the
// daemon can listen there again. It returns nil if there is no file.
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
