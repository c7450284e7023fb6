package rundir

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// errForeign says that a file exists and cannot have been written by this package.
var errForeign = errors.New("not a file of this program")

// readFile returns the content of a regular file of at most limit bytes. The file must
// belong to the user that writes the files of the directory: this user, with a mode that
// excludes other users, or the owner of a service's directory. The error matches
// fs.ErrNotExist if there is no file, and errForeign if there is another kind of file. Any
// other error says that this process could not examine the file.
func (d *Dir) readFile(name string, limit int) ([]byte, error) {
	path := d.file(name)
	writer := os.Geteuid()
	if d.service {
		var err error
		if writer, err = d.Owner(); err != nil {
			return nil, err
		}
	}
	f, err := os.OpenFile(path, os.O_RDONLY|safeOpen, 0)
	if foreign(err) && !(d.service && errors.Is(err, fs.ErrPermission)) {
		return nil, fmt.Errorf("%w: %w", errForeign, err)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || ownerOf(info) != writer {
		return nil, fmt.Errorf("%w: %s is not a regular file of user %d", errForeign, path, writer)
	}
	if !d.service && !secret(info) {
		return nil, fmt.Errorf("%w: %s has mode %#o instead of 0600", errForeign, path, info.Mode().Perm())
	}
	// As large as the file is now, so that one read gets it and a second one its end.
	buf := bytes.NewBuffer(make([]byte, 0, min(info.Size(), int64(limit))+bytes.MinRead))
	if _, err := buf.ReadFrom(io.LimitReader(f, int64(limit)+1)); err != nil {
		return nil, err
	}
	if buf.Len() > limit {
		return nil, fmt.Errorf("%w: %s has more than %d bytes", errForeign, path, limit)
	}
	return buf.Bytes(), nil
}

// replaceFile makes data the content of name in root, with that mode, so that a reader sees
// the old content or the new. One of the locks ensures that there is one writer at a time.
// So the temporary name needs no randomness, and the file of a killed writer is
// overwritten.
func replaceFile(root *os.Root, name string, data []byte, mode fs.FileMode) error {
	fresh := name + ".new"
	const flags = os.O_WRONLY | os.O_CREATE | os.O_EXCL
	f, err := root.OpenFile(fresh, flags, mode)
	if errors.Is(err, fs.ErrExist) {
		if err := remove(root, fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		f, err = root.OpenFile(fresh, flags, mode)
	}
	if err != nil {
		return err
	}
	err = f.Chmod(mode) // the umask may have taken bits away
	if err == nil {
		_, err = f.Write(data)
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = replace(root, fresh, name)
	}
	if err != nil {
		_ = root.Remove(fresh)
	}
	return err
}

// CanWrite writes a file of some kilobytes and removes it. The error says why no daemon can
// write its endpoint, for instance because the disk is full. CanWrite may be called
// concurrently.
func (d *Dir) CanWrite() error {
	root, err := d.openRoot()
	if err != nil {
		return err
	}
	defer root.Close()
	const name = "room.new" // the same for all processes, so that killed ones leave at most one file
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, 16<<10))
	err = errors.Join(err, f.Close())
	if rerr := remove(root, name); err == nil && !errors.Is(rerr, fs.ErrNotExist) {
		err = rerr
	}
	return err
}
