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

// absolute returns a Config.Command that does not depend on the working directory. It does
// not change a name that is looked up in PATH.
func absolute(command []string) []string {
	if len(command) == 0 || command[0] == "" || command[0] == filepath.Base(command[0]) {
		return command
	}
	path, err := filepath.Abs(command[0])
	if err != nil {
		return command // program then resolves it in the working directory
	}
	command = slices.Clone(command)
	command[0] = path
	return command
}

// program returns the path of the program that becomes the daemon. It is empty if this
// program does.
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

// arguments returns the arguments of the daemon's program, with its name first.
func (cfg *Config) arguments() []string {
	if len(cfg.Command) > 0 {
		return cfg.Command
	}
	// The argument is for ps: this program does not read its arguments before it serves.
	return []string{process.Executable(), "loopgen:" + strings.ReplaceAll(cut.Name(cfg.Name), "\x00", "?")}
}
