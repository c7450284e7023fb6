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

// maxLinks bounds the symbolic links on the way to a directory, as kernels do.
const maxLinks = 40

// parent is a directory on the way to a base directory, or that directory.
type parent struct {
	path string
	info fs.FileInfo
	// sheltered: a directory above, or this one, belongs to this user and keeps all
	// others out, so that modes and owners do not matter here.
	sheltered bool
	// unsafe says who else can exchange this directory or an entry of it; nil:
	// nobody but root and this user.
	unsafe *UnsafeError
}

// element is one element of a path that is yet to be followed.
type element struct {
	name string
	// within says that the element is the base directory or lies in it. A private
	// directory there shelters nothing: its own name is at stake.
	within bool
}

// walkPath follows path as the kernel does and judges every directory on the way:
// it is unsafe if another user than root can rename in it. It returns the last
// directory that exists, with the names that are missing below it, and an
// *UnsafeError if another user could exchange it or an entry of it. base is path
// or a directory above it: the user's base directory.
//
// Below a directory of this user that keeps all others out every directory is safe,
// and those above it are not judged. That does not hold for base and the directories
// in it. A directory that holds a symbolic link on the way is judged
// like one on the way.
//
// A safe verdict is about names that only root and this user can change, so that
// it still holds when the path is used.
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
		// A user that can exchange the link decides where the path leads, so no
		// private directory there makes up for it.
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
			targets[len(targets)-1].within = next.within // stands for the link itself
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

// enter looks at an entry of the directory p and judges it: a directory, or a
// symbolic link.
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

// others says which users besides root and this one can rename in a directory. A
// sticky bit lets them rename only what belongs to them, which is judged by its
// owner.
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

// checkParents returns an *UnsafeError if another user than root can exchange base
// or what is in it.
func checkParents(base string) error {
	_, _, err := walkPath(base, base)
	return err
}
