package process

import (
	"fmt"
	"os"
	"strings"
)

// Build returns an identifier of the image that this process runs: device,
// inode, time of change and size of its file. Two processes with the same
// identifier on one machine run the same program. It fails if the file cannot be
// looked at. Build may be called concurrently.
func Build() (string, error) { return buildID() }

// BuildOf returns what Build returns in a process that runs the program in a file,
// as long as that is not replaced. It may be called concurrently.
func BuildOf(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("looking at the program: %w", err)
	}
	return fileID(path, info)
}

// Executable returns the best known path of the running program, for people to
// read: the file there may be another one by now. It may be called concurrently.
func Executable() string {
	path, err := executable()
	if err != nil {
		return os.Args[0]
	}
	return strings.TrimSuffix(path, " (deleted)")
}
