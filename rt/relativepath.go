package rt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/process"
	"github.com/loopgen/loopgen/rt/internal/value"
)

// The daemon runs in another directory than its clients. So a relative path in the
// constructor's arguments names another file there. A path cannot be distinguished from
// another string for certain. So a client only warns, and only of strings that name a
// file in its working directory.

// relativePaths has the strings in a client's arguments until the client has checked them.
type relativePaths struct {
	once   sync.Once
	texts  []*value.ConfigText
	logged bool // Config.Logger is set and gets the warnings
}

// maxPathWarnings is the greatest number of paths that a client warns of.
const maxPathWarnings = 8

// warnOfPaths warns, once for each Shared, of strings in the constructor's arguments that
// seem to be relative paths. It does not warn for a daemon in this process, which has the
// same directory, or for a system service, whose directory only its administrator knows.
func (c *client) warnOfPaths(p launcher) {
	if _, ok := p.(*processLauncher); !ok || len(c.paths.texts) == 0 {
		return
	}
	c.paths.once.Do(func() {
		warned := 0
		for _, text := range c.paths.texts {
			err := c.pathError(text)
			if err == nil {
				continue
			}
			if warned++; warned > maxPathWarnings {
				break
			}
			if c.paths.logged {
				c.cfg.Logger.Warn(err.Error())
			} else {
				fmt.Fprintln(os.Stderr, "loopgen:", err)
			}
		}
		c.paths.texts = nil
	})
}

// pathError returns an error if an argument seems to be a relative path.
func (c *client) pathError(text *value.ConfigText) error {
	found := foundHere(text.Text, process.Directory())
	if found == "" {
		return nil
	}
	what := text.Type + text.Path
	return fmt.Errorf("argument %d of %s (%s) is the relative path %q, and %s exists in this process's working directory, but the daemon runs in %s: pass an absolute path (filepath.Abs) to ShareT",
		text.Number, cut.Name(c.svc.Constructor), cut.Name(what), cut.Name(text.Text), found, process.Directory())
}

// foundHere returns "it" if a relative path names a file in the working directory, and not
// the same file in daemonDir. It returns "its directory" if the file does not exist and the
// same is true of the path's directory: the object may create the file there. Otherwise it
// returns "". A path without a separator must exist itself, since any string may be one.
func foundHere(path, daemonDir string) string {
	if path == "" || filepath.IsAbs(path) || os.IsPathSeparator(path[0]) || filepath.VolumeName(path) != "" || strings.ContainsRune(path, 0) {
		return ""
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		if err != nil || sameAt(path, daemonDir) {
			return ""
		}
		return "it"
	}
	hasDir := strings.ContainsFunc(path, func(r rune) bool { return r == '/' || r == filepath.Separator })
	dir := filepath.Dir(path)
	if info, err := os.Stat(dir); !hasDir || err != nil || !info.IsDir() || sameAt(dir, daemonDir) {
		return ""
	}
	return "its directory"
}

// sameAt reports whether a relative path names the same file in the working directory
// and in daemonDir.
func sameAt(path, daemonDir string) bool {
	here, err := os.Stat(path)
	if err != nil {
		return false
	}
	there, err := os.Stat(filepath.Join(daemonDir, path))
	return err == nil && os.SameFile(here, there)
}
