package rundir

import (
	"fmt"
	"io/fs"
	"os"
)

// replacements is how often a directory that was just made may be found missing. Each
// process that makes the directory at the same moment renames its own over it while it is
// empty. A process that has opened the replaced one then finds nothing there.
const replacements = 1000

// checkDir returns an *UnsafeError unless path is a directory that only this user can have
// made and can change. It does not follow a symbolic link in the last element.
func checkDir(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return fmt.Errorf("looking at the run directory: %w", err)
	}
	return checkDirInfo(path, info)
}

// checkDirInfo is checkDir for a directory that was already examined.
func checkDirInfo(path string, info fs.FileInfo) error {
	unsafe := func(problem, remedy string) error {
		return &UnsafeError{Path: path, Problem: problem, Remedy: remedy}
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return unsafe("is a symbolic link", "remove the link")
	case !info.IsDir():
		return unsafe("is not a directory", "remove it")
	case !ownedByUser(info):
		return unsafe("belongs to another user", "remove it, or set "+baseDirVariable+" to a directory of your own")
	case !private(info):
		return unsafe(fmt.Sprintf("has mode %#o instead of 0700", info.Mode().Perm()), "look who could have changed it, then run: chmod 700 "+path)
	}
	return nil
}

// checkLockInfo returns an *UnsafeError unless info is that of a regular file of this user.
func checkLockInfo(path string, info fs.FileInfo) error {
	switch {
	case !info.Mode().IsRegular():
		return &UnsafeError{Path: path, Problem: "is not a regular file", Remedy: "remove it"}
	case !ownedByUser(info):
		return &UnsafeError{Path: path, Problem: "belongs to another user", Remedy: "remove it"}
	}
	return nil
}
