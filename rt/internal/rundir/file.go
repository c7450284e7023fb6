package rundir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// errOdd says that a file is there and is not one that this package can have
// written.
var errOdd = errors.New("not a file of this program")

// readFile returns the content of a regular file of this user of at most limit
// bytes. The error matches fs.ErrNotExist if there is nothing, errOdd if there
// is something else, and is another one if that could not be found out.
func readFile(path string, limit int) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|safeOpen, 0)
	if odd(err) {
		return nil, fmt.Errorf("%w: %w", errOdd, err)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || !ours(info) {
		return nil, fmt.Errorf("%w: %s is not a regular file of this user", errOdd, path)
	}
	data, err := io.ReadAll(io.LimitReader(f, int64(limit)+1))
	if err != nil {
		return nil, err
	}
	if len(data) > limit {
		return nil, fmt.Errorf("%w: %s has more than %d bytes", errOdd, path, limit)
	}
	return data, nil
}

// replaceFile makes data the content of name in root, 0600, so that a reader sees
// the old content or the new. It is for one writer at a time, which one of the
// locks provides, so the temporary name needs no randomness and what a killed
// writer left is overwritten.
func replaceFile(root *os.Root, name string, data []byte) error {
	fresh := name + ".new"
	const flags = os.O_WRONLY | os.O_CREATE | os.O_EXCL
	f, err := root.OpenFile(fresh, flags, 0o600)
	if errors.Is(err, fs.ErrExist) {
		if err := root.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		f, err = root.OpenFile(fresh, flags, 0o600)
	}
	if err != nil {
		return err
	}
	err = f.Chmod(0o600) // the umask may have taken bits away
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
