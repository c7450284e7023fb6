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
	"github.com/loopgen/loopgen/rt/stub"
)

// A relative path among the constructor's arguments names another file in the daemon,
// which runs in another directory than its clients. Nothing tells a path from another
// string for sure, so a client warns, and only of strings that name something where the
// client runs.

// relativePaths are the strings in a client's arguments, until it has warned of them.
type relativePaths struct {
	once   sync.Once
	texts  []stub.ConfigText
	logged bool // there is a Config.Logger, which gets the warnings
}

// maxPathWarnings is how many paths a client warns of.
const maxPathWarnings = 8

// warnOfPaths says, once for each Shared, which strings in the constructor's arguments
// are relative paths by all appearances. A daemon in this process has its directory, and
// that of a service is known only to its administrator.
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

// pathError says what is wrong with an argument that is a relative path, or returns nil.
func (c *client) pathError(text stub.ConfigText) error {
	found := foundHere(text.Text, process.Directory())
	if found == "" {
		return nil
	}
	what := text.Type + text.Path
	return fmt.Errorf("argument %d of %s (%s) is the relative path %q, and %s exists in this process's working directory, but the daemon runs in %s: pass an absolute path (filepath.Abs) to ShareT",
		text.Number, cut.Name(c.svc.Constructor), cut.Name(what), cut.Name(text.Text), found, process.Directory())
}

// foundHere returns "it" if a relative path names something in the working directory,
// and another file or none in the directory elsewhere; "its directory" if only that is
// so of the directory that the path says, as for a file that the object is going to make;
// or "". A path that says no directory must exist itself: any string may be one.
func foundHere(path, elsewhere string) string {
	if path == "" || filepath.IsAbs(path) || os.IsPathSeparator(path[0]) || filepath.VolumeName(path) != "" || strings.ContainsRune(path, 0) {
		return ""
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		if err != nil || sameAt(path, elsewhere) {
			return ""
		}
		return "it"
	}
	said := strings.ContainsFunc(path, func(r rune) bool { return r == '/' || r == filepath.Separator })
	dir := filepath.Dir(path)
	if info, err := os.Stat(dir); !said || err != nil || !info.IsDir() || sameAt(dir, elsewhere) {
		return ""
	}
	return "its directory"
}

// sameAt reports whether a relative path names the same file in the working directory
// and in the directory elsewhere.
func sameAt(path, elsewhere string) bool {
	here, err := os.Stat(path)
	if err != nil {
		return false
	}
	there, err := os.Stat(filepath.Join(elsewhere, path))
	return err == nil && os.SameFile(here, there)
}
