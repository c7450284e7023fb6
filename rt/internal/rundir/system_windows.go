package rundir

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// safeOpen is empty: there is neither O_NOFOLLOW nor a fifo among files, and
// symbolic links need a privilege. What was opened is judged all the same.
const safeOpen = 0

// ours is always true: the base directory is in the user's own profile, whose
// access list no other ordinary user passes.
func ours(fs.FileInfo) bool { return true }

// ownerOf knows no user: owners have no numbers here.
func ownerOf(fs.FileInfo) int { return -1 }

// private is always true: access lists, not modes, protect the profile.
func private(fs.FileInfo) bool { return true }

func odd(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, windows.ERROR_CANT_ACCESS_FILE)
}

func interrupted(error) bool { return false }

// replace renames within root, over what is there. A reader that has the file
// open at this moment makes that fail, so it is tried for a second.
func replace(root *os.Root, from, to string) error {
	deadline := time.Now().Add(time.Second)
	for {
		err := root.Rename(from, to)
		busy := errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_ACCESS_DENIED)
		if !busy || time.Now().After(deadline) {
			return err
		}
		<-time.After(5 * time.Millisecond)
	}
}
