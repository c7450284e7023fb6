package process

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

const selfImage = "/proc/self/exe"

// errNoImage is the advice at the end of an error about the unknown file of this program.
var errNoImage = errors.New("mount /proc, or name the program in Config.Command")

// named is the file that was executed, by its name at that time. It is determined before
// main, because a program may change its directory and the file may be replaced, and only
// where /proc is missing.
var named = func() (n struct {
	path, id string
	err      error
}) {
	if _, err := os.Stat(selfImage); err == nil {
		return n
	}
	n.path, n.err = executedPath()
	if n.err == nil {
		n.path, n.err = filepath.Abs(n.path)
	}
	if n.err == nil {
		n.id, n.err = idOf(n.path)
	}
	return n
}()

// ownImage returns a path at which a child finds the image that this process runs, even if
// the file was replaced or removed. Where such a path is not possible, it fails if the file
// is no longer there.
func ownImage() (string, error) {
	path, _, err := image()
	return path, err
}

// buildID examines the image at each call: the image behind the link never changes.
func buildID() (string, error) {
	_, id, err := image()
	return id, err
}

// image returns the path and the build ID of the file that this process runs.
func image() (path, id string, err error) {
	info, err := os.Stat(selfImage)
	switch {
	case err == nil && throughLoader(): // the link names the loader
		if path, err = mappedFile(); err == nil {
			id, err = idOf(path)
		}
	case err == nil:
		path = selfImage
		id, err = fileID(selfImage, info)
	default:
		return namedImage(err)
	}
	if err != nil {
		return "", "", fmt.Errorf("finding the running program: %w", err)
	}
	return path, id, nil
}

// namedImage is image where /proc is missing. It fails unless the file has the build ID that
// it had when this program started.
func namedImage(cause error) (path, id string, err error) {
	failed := func(err error) (string, string, error) {
		return "", "", fmt.Errorf("finding the running program: %w (%w); %w", err, cause, errNoImage)
	}
	switch {
	case named.err != nil:
		return failed(named.err)
	case throughLoader():
		return failed(errors.New("it was started through the dynamic loader"))
	case named.path == "":
		return failed(errors.New("/proc was there when it started"))
	}
	id, err = idOf(named.path)
	if err == nil && id != named.id {
		err = fmt.Errorf("%s was replaced since it was started", named.path)
	}
	if err != nil {
		return failed(err)
	}
	return named.path, id, nil
}

func idOf(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	return fileID(path, info)
}

// executable returns the path of the running program, for messages.
func executable() (string, error) {
	if path, err := ownImage(); err == nil && path != selfImage {
		return path, nil
	}
	return os.Executable()
}
