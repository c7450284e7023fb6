package load

import (
	"context"
	"fmt"
	"go/build"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// refuseOverlay returns an error if the go command's environment has an overlay: a file
// that names other content for files. Loopgen has go/packages make an overlay of its
// own, which replaces that one, and it reads and writes files on disk.
func refuseOverlay() error {
	value, at := os.Getenv("GOFLAGS"), "GOFLAGS"
	if value == "" {
		value, at = configured("GOFLAGS"), "GOFLAGS in "+configuration()
	}
	overlay := ""
	var others []string
	for _, flag := range splitFlags(value) {
		if name, file, _ := strings.Cut(strings.TrimLeft(flag, "-"), "="); name != "overlay" {
			others = append(others, flag)
		} else if overlay = flag; file == "" {
			overlay = ""
		}
	}
	if overlay == "" {
		return nil
	}
	if len(others) == 0 {
		others = []string{"-overlay="} // an empty variable would be taken from the configuration
	}
	return fmt.Errorf("%s has %s, and loopgen reads files as they are on disk: run it with GOFLAGS='%s'", at, overlay, strings.Join(others, " "))
}

// splitFlags splits GOFLAGS as the go command does: at spaces outside of quotes that
// surround a whole flag.
func splitFlags(value string) []string {
	var flags []string
	for {
		value = strings.TrimLeft(value, " \t\n\r")
		if value == "" {
			return flags
		}
		var flag string
		if quote := value[:1]; quote == `"` || quote == "'" {
			flag, value, _ = strings.Cut(value[1:], quote)
		} else if end := strings.IndexAny(value, " \t\n\r"); end >= 0 {
			flag, value = value[:end], value[end:]
		} else {
			flag, value = value, ""
		}
		flags = append(flags, flag)
	}
}

// configuration is the path of the user's configuration file of the go command, or "".
func configuration() string {
	switch path := os.Getenv("GOENV"); path {
	case "":
		dir, err := os.UserConfigDir()
		if err != nil {
			return ""
		}
		return filepath.Join(dir, "go", "env")
	case "off":
		return ""
	default:
		return path
	}
}

// configured returns the value of a variable in the configuration file, or "".
func configured(variable string) string {
	text, err := os.ReadFile(configuration())
	if err != nil {
		return "" // most users have none
	}
	value := ""
	for line := range strings.Lines(string(text)) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), variable+"="); ok {
			value = v
		}
	}
	return value
}

// overlayEnv returns the environment for a go command with an overlay, nil for that of
// this process, and a function that removes its temporary files. A module with a vendor
// directory needs no module cache. But without one the go command takes every file for
// a file of the cache, and refuses to replace it. So it gets an empty cache, and must
// not download anything to it.
func overlayEnv(ctx context.Context, dir string) (env []string, remove func(), err error) {
	remove = func() {}
	if os.Getenv("GOMODCACHE") != "" || build.Default.GOPATH != "" {
		return nil, remove, nil
	}
	cmd := exec.CommandContext(ctx, "go", "env", "GOMODCACHE")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil || strings.TrimSpace(string(out)) != "" {
		return nil, remove, nil // the next go command reports the error
	}
	cache, err := os.MkdirTemp("", "loopgen")
	if err != nil {
		return nil, remove, fmt.Errorf("making an empty module cache: %w", err)
	}
	return append(os.Environ(), "GOMODCACHE="+cache, "GOPROXY=off"), func() { _ = os.RemoveAll(cache) }, nil
}
