package inspect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/loopgen/loopgen/rt/internal/rundir"
)

// errNoLog says that a singleton's files do not name a log.
var errNoLog = errors.New("its files name no log")

// Tail writes the last lines of the log to w; all of them if lines is negative. The error
// says that the daemon has no log, or that the log cannot be read.
func (d *Daemon) Tail(w io.Writer, lines int) error {
	if err := d.checkLog(); err != nil {
		return err
	}
	rundir.FollowLog(d.Log, w, lines).Copy(true)
	return nil
}

// Follow is Tail, and then writes the output that the daemon and its successors append,
// until ctx ends. It follows the log when it is rotated. Follow returns nil after ctx has
// ended. It drops errors of w.
func (d *Daemon) Follow(ctx context.Context, w io.Writer, lines int) error {
	if err := d.checkLog(); err != nil {
		return err
	}
	rundir.FollowLog(d.Log, w, lines).Run(ctx.Done())
	return nil
}

// checkLog returns an error if there is no log to read.
func (d *Daemon) checkLog() error {
	if d.dir.Service() {
		return fmt.Errorf("the log of a service is in the journal: journalctl -u %s", d.Name)
	}
	if d.Log == "" {
		return fmt.Errorf("%s: %w", d.Dir, errNoLog)
	}
	f, err := os.Open(d.Log)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the log was removed: %w", err)
	}
	if err != nil {
		return fmt.Errorf("read the log: %w", err)
	}
	return f.Close()
}
