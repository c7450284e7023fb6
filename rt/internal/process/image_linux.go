package process

import (
	"fmt"
	"os"
)

const selfImage = "/proc/self/exe"

// ownImage returns a path by which the child, too, finds the image that this
// process runs, whatever became of its file.
func ownImage() (string, error) {
	if _, err := os.Stat(selfImage); err == nil {
		return selfImage, nil
	}
	return os.Executable()
}

// buildID is found anew each time: the image behind the link never changes.
func buildID() (string, error) {
	info, err := os.Stat(selfImage)
	if err == nil {
		return fileID(selfImage, info)
	}
	path, pathErr := os.Executable()
	if pathErr != nil {
		return "", fmt.Errorf("finding the running program: %w", pathErr)
	}
	if info, err = os.Stat(path); err != nil {
		return "", fmt.Errorf("looking at the running program: %w", err)
	}
	return fileID(path, info)
}
