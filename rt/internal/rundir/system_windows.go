package rundir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// safeOpen is empty: Windows has neither O_NOFOLLOW nor fifos among files, and symbolic
// links need a privilege. The opened file is checked all the same.
const safeOpen = 0

// ownedByUser, private and secret return true: an access list, not owner and mode, protects
// the directory; see makeDir. A directory that another program has made is accepted as it
// is.
func ownedByUser(fs.FileInfo) bool { return true }

func private(fs.FileInfo) bool { return true }

func secret(fs.FileInfo) bool { return true }

// fileID returns "": clients find sockets by their paths.
func fileID(fs.FileInfo) string { return "" }

// ownerOf returns -1: on Windows owners have no numbers.
func ownerOf(fs.FileInfo) int { return -1 }

// checkParents accepts every directory with any access list.
func checkParents(string) error { return nil }

// removeUnfinished does nothing: a directory is made in one step.
func removeUnfinished(string) error { return nil }

// makeAll makes the directory path and the missing ones above it. It does not use base.
func makeAll(path, base string) error {
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		return nil
	}
	if err == nil {
		return &fs.PathError{Op: "mkdir", Path: path, Err: errors.New("a file is in the way")}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(path)
	if parent == path {
		return err
	}
	if err := makeAll(parent, base); err != nil {
		return err
	}
	err = makeDir(path)
	for try := 0; errors.Is(err, fs.ErrNotExist) && try < replacements; try++ {
		err = makeDir(path)
	}
	return err
}

// makeDir makes one directory with an access list of its own: this user, and the system,
// which has access anyway. Files in the directory inherit the list. The directory itself
// inherits nothing from the one above, so that a key is safe outside of the user's profile
// as well. makeDir returns nil if another process has made the directory meanwhile.
func makeDir(path string) error {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return fmt.Errorf("mkdir %s: asking who this user is: %w", path, err)
	}
	access, err := windows.SecurityDescriptorFromString("D:P(A;OICI;FA;;;" + user.User.Sid.String() + ")(A;OICI;FA;;;SY)")
	if err != nil {
		return fmt.Errorf("mkdir %s: making its access list: %w", path, err)
	}
	name, err := windows.UTF16PtrFromString(path)
	if err == nil {
		err = windows.CreateDirectory(name, &windows.SecurityAttributes{
			Length:             uint32(unsafe.Sizeof(windows.SecurityAttributes{})),
			SecurityDescriptor: access,
		})
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("mkdir %s: %w", path, err)
	}
	return nil
}

func foreign(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, windows.ERROR_CANT_ACCESS_FILE)
}

func interrupted(error) bool { return false }

// replace renames within root and replaces an existing file; remove removes one. Both
// system calls fail while a process has the file open.
func replace(root *os.Root, from, to string) error {
	return unhindered(func() error { return root.Rename(from, to) })
}

func remove(root *os.Root, name string) error {
	return unhindered(func() error { return root.Remove(name) })
}

// unhindered retries for a second a call that fails while a file is open. Readers have the
// file open for a moment, and so do virus scanners.
func unhindered(do func() error) error {
	deadline := time.Now().Add(time.Second)
	for {
		err := do()
		busy := errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_ACCESS_DENIED)
		if !busy || time.Now().After(deadline) {
			return err
		}
		<-time.After(5 * time.Millisecond)
	}
}
