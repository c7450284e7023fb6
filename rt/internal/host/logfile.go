package host

import (
	"errors"
	"os"

	"github.com/loopgen/loopgen/rt/internal/rundir"
)

// logFile is the log of this daemon: the file behind standard output and standard error.
// The structured log, the program's own output and the Go runtime's crash report go there.
// Without a path, standard output and error do not belong to the daemon.
type logFile struct{ path string }

func newLogFile(path string) *logFile { return &logFile{path: path} }

// rotate starts a new log when the old one is full or was removed. It keeps the full one
// as path.1.
func (l *logFile) rotate() {
	if l.path == "" {
		return
	}
	info, err := os.Stat(l.path)
	current, cerr := os.Stderr.Stat()
	switch {
	case cerr != nil:
		return
	case errors.Is(err, os.ErrNotExist):
	case err != nil || info.Size() <= rundir.LogSize && os.SameFile(info, current):
		return
	}
	f, err := rundir.OpenLog(l.path)
	if err != nil {
		return // the old one stays in use
	}
	defer f.Close()
	redirectOutput(f)
}
