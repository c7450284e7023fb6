//go:build unix

package rundir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// maxLinks bounds the symbolic links on the path to a directory, as kernels do.
const maxLinks = 40

// parent is a directory on the path to a base directory, or that directory.
type parent struct {
	path string
	info fs.FileInfo
	// sheltered: this directory or one above belongs to this user and excludes all
	// other users, so that modes and owners do not matter here.
	sheltered bool
	// unsafe says which other user can replace this directory or an entry of it; nil:
	// only root and this user can.
	unsafe *UnsafeError
}

// element is one element of a path that walkPath has not reached yet.
type element struct {
	name string
	// within says that the element is the base directory or is below it. A private
	// directory there shelters nothing, because its own name must be safe as well.
	within bool
}

// walkPath follows path as the kernel does and checks every directory on it: a directory is
// unsafe if another user than root can rename in it. It returns the last directory that
// exists, with the names that are missing below it, and an *UnsafeError if another user
// could replace that directory or an entry of it. base is path or a directory above it: the
// user's base directory.
//
// Below a directory of this user that excludes all other users every directory is safe, and
// the directories above it do not matter. That does not apply to base and the directories in
// it. A directory that contains a symbolic link on the path is checked like one on the path.
//
// Only root and this user can change the names of a safe path, so the result still holds
// when the path is used.
func walkPath(path, base string) (at parent, missing []string, err error) {
	if at, err = (parent{}).enter("/", false); err != nil {
		return at, nil, err
	}
	way := []parent{at}
	ahead, above := elements(path), len(elements(base))-1
	for i := range ahead {
		ahead[i].within = i >= above
	}
	for links := 0; len(ahead) > 0; {
		next := ahead[0]
		ahead = ahead[1:]
		at = way[len(way)-1]
		if next.name == ".." {
			way = way[:max(len(way)-1, 1)]
			continue
		}
		inside, err := at.enter(next.name, next.within)
		if errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, next.name)
			for _, e := range ahead {
				missing = append(missing, e.name)
			}
			return at, missing, at.verdict()
		}
		if err != nil {
			return at, nil, err
		}
		if inside.info.Mode()&fs.ModeSymlink == 0 {
			way = append(way, inside)
			continue
		}
		// A user that can replace the link decides where the path leads, so a private
		// directory there does not make the path safe.
		if inside.unsafe != nil {
			return at, nil, inside.unsafe
		}
		if links++; links > maxLinks {
			return at, nil, &fs.PathError{Op: "open", Path: path, Err: syscall.ELOOP}
		}
		target, err := os.Readlink(inside.path)
		if err != nil {
			return at, nil, err
		}
		if filepath.IsAbs(target) {
			way = way[:1]
		}
		targets := elements(target)
		if len(targets) > 0 {
			targets[len(targets)-1].within = next.within // the target replaces the link
		}
		ahead = append(targets, ahead...)
	}
	at = way[len(way)-1]
	return at, nil, at.verdict()
}

func elements(path string) (all []element) {
	for name := range strings.SplitSeq(path, "/") {
		if name != "" && name != "." {
			all = append(all, element{name: name})
		}
	}
	return all
}

func (p parent) verdict() error {
	if p.unsafe != nil {
		return p.unsafe
	}
	return nil
}

// enter examines and checks an entry of the directory p: a directory or a symbolic link.
func (p parent) enter(name string, within bool) (parent, error) {
	inside := parent{path: filepath.Join(p.path, name), sheltered: p.sheltered, unsafe: p.unsafe}
	var err error
	if inside.info, err = os.Lstat(inside.path); err != nil {
		return parent{}, err
	}
	switch mode := inside.info.Mode(); {
	case mode&fs.ModeSymlink != 0:
		if !p.sheltered && writable(p.info) && inside.unsafe == nil && !trustworthy(inside.info) {
			inside.unsafe = inside.problem("is a symbolic link of user %d, who can make it lead elsewhere", ownerOf(inside.info))
		}
	case !mode.IsDir():
		return parent{}, &fs.PathError{Op: "mkdir", Path: inside.path, Err: errors.New("a file is in the way")}
	case !within && ownedByUser(inside.info) && mode.Perm()&0o077 == 0:
		inside.sheltered, inside.unsafe = true, nil
	case !p.sheltered && inside.unsafe == nil:
		inside.unsafe = inside.others()
	}
	return inside, nil
}

// others says which users besides root and this one can rename in a directory. With a
// sticky bit they can rename only files of their own, and the owner of each file is checked.
func (p parent) others() *UnsafeError {
	mode := p.info.Mode()
	switch {
	case !trustworthy(p.info):
		return p.problem("belongs to user %d, who can exchange what is in it", ownerOf(p.info))
	case mode&fs.ModeSticky != 0:
		return nil
	case mode&0o002 != 0:
		return p.problem("has mode %#o, so that every user can exchange what is in it", mode.Perm())
	case mode&0o020 != 0 && !ownGroup(groupOf(p.info)):
		return p.problem("has mode %#o and group %d, so that other members of the group can exchange what is in it", mode.Perm(), groupOf(p.info))
	}
	return nil
}

func (p parent) problem(format string, args ...any) *UnsafeError {
	return &UnsafeError{
		Path: p.path, Problem: fmt.Sprintf(format, args...),
		Remedy: "use a base directory (" + baseDirVariable + ", ScopeDir) that only this user and root can exchange, as below a directory of this user with mode 0700",
	}
}

// groupOf returns the group of a file.
func groupOf(info fs.FileInfo) int { return int(info.Sys().(*syscall.Stat_t).Gid) }

// checkParents returns an *UnsafeError if another user than root can replace base or an
// entry of it.
func checkParents(base string) error {
	_, _, err := walkPath(base, base)
	return err
}
