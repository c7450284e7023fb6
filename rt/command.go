package rt

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/process"
	"github.com/loopgen/loopgen/rt/internal/rundir"
)

// absolute returns a Config.Command that no longer depends on the working
// directory. Names that are looked up in PATH stay as they are.
func absolute(command []string) []string {
	if len(command) == 0 || command[0] == "" || command[0] == filepath.Base(command[0]) {
		return command
	}
	path, err := filepath.Abs(command[0])
	if err != nil {
		return command // and is found from wherever this process is then
	}
	command = slices.Clone(command)
	command[0] = path
	return command
}

// program returns the path of the program that becomes the daemon, empty if it is
// this one.
func (cfg *Config) program() (string, error) {
	if len(cfg.Command) == 0 {
		return "", nil
	}
	if name := cfg.Command[0]; name == filepath.Base(name) && rundir.Privileged() {
		return "", fmt.Errorf("Config.Command: %s would be looked up in the PATH of the user that started this program, which has more rights: give an absolute path", name)
	}
	path, err := exec.LookPath(cfg.Command[0])
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return "", fmt.Errorf("Config.Command: %w", err)
	}
	return path, nil
}

// build returns the build id of the program that becomes the daemon.
func (cfg *Config) build() (string, error) {
	path, err := cfg.program()
	switch {
	case err != nil:
		return "", err
	case path == "":
		return process.Build()
	}
	return process.BuildOf(path)
}

// arguments are those of the program, its own name first.
func (cfg *Config) arguments() []string {
	if len(cfg.Command) > 0 {
		return cfg.Command
	}
	// For ps: this program does not look at its arguments before it serves.
	return []string{process.Executable(), "loopgen:" + strings.ReplaceAll(cut.Name(cfg.Name), "\x00", "?")}
}
