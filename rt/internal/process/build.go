package process

import (
	"fmt"
	"os"
	"strings"
)

// Build returns the build ID of this process: device, inode, time of modification and size
// of the file that it runs. Two processes with the same build ID on one machine run the
// same program. Build fails if the file cannot be examined. It may be called concurrently.
func Build() (string, error) { return buildID() }

// BuildOf returns the build ID of a process that runs the file at path now. It fails if the
// file cannot be examined. It may be called concurrently.
func BuildOf(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("looking at the program: %w", err)
	}
	return fileID(path, info)
}

// Executable returns the best known path of the running program, for messages: another file
// may be there by now. It may be called concurrently.
func Executable() string {
	path, err := executable()
	if err != nil {
		return os.Args[0]
	}
	return strings.TrimSuffix(path, " (deleted)")
}
