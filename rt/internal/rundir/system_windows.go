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

// safeOpen is empty: there is neither O_NOFOLLOW nor a fifo among files, and
// symbolic links need a privilege. What was opened is judged all the same.
const safeOpen = 0

// ownedByUser, private and secret are always true: an access list, not owner and mode, protects
// the directory; see makeDir. One that was not made by this program is taken as
// it is.
func ownedByUser(fs.FileInfo) bool { return true }

func private(fs.FileInfo) bool { return true }

func secret(fs.FileInfo) bool { return true }

// fileID is empty: sockets are found by their paths.
func fileID(fs.FileInfo) string { return "" }

// ownerOf knows no user: owners have no numbers here.
func ownerOf(fs.FileInfo) int { return -1 }

// checkParents accepts every directory: access lists are taken as they are.
func checkParents(string) error { return nil }

// removeUnfinished has nothing to do: a directory is made in one step.
func removeUnfinished(string) error { return nil }

// makeAll makes the directory path and the missing ones above it. base is of no
// use here.
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

// makeDir makes one directory with an access list of its own, which what is made
// in it inherits: this user, and the system, which may anyway. What the directory
// above would pass on does not count, so that a key is safe outside of the user's
// profile as well. That it was made by somebody else meanwhile is no error.
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

// replace renames within root, over what is there; remove removes. Whoever has
// the file open at this moment makes that fail.
func replace(root *os.Root, from, to string) error {
	return unhindered(func() error { return root.Rename(from, to) })
}

func remove(root *os.Root, name string) error {
	return unhindered(func() error { return root.Remove(name) })
}

// unhindered tries for a second to do what fails as long as a file is open:
// readers have it open for a moment, as virus scanners do.
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
