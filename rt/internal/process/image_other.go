//go:build !linux

package process

import (
	"fmt"
	"os"
)

func ownImage() (string, error) { return os.Executable() }

func executable() (string, error) { return os.Executable() }

// buildID is determined when the program starts. Later another file may have the path.
var buildID = found(func() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("finding the running program: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("looking at the running program: %w", err)
	}
	return fileID(path, info)
}())

func found(id string, err error) func() (string, error) {
	return func() (string, error) { return id, err }
}
