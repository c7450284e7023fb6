package rt

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/process"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/stub"
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

// service returns what this process is to serve, or why it is not the program that
// was meant to: the one with that build id, which the client saw, and of which the
// object that the client means can be had.
func (req *startRequest) service(build string) (*stub.Service, error) {
	ours, err := process.Build()
	if err != nil {
		return nil, err
	}
	svc := stub.Lookup(req.Service)
	switch commanded := len(req.Program) > 0; {
	case build != ours && commanded:
		return nil, fmt.Errorf("%s, which Config.Command names, is not what runs as its daemon, %s: name the program itself, not a script that starts it; if it was replaced just now, try again", req.Program, process.Executable())
	case build != ours: // where there is no way to run the very same image
		return nil, errors.New("the program's file was replaced since the client was started: start the client again")
	case svc == nil && commanded:
		return nil, fmt.Errorf("%s, which Config.Command names, does not serve %s: let it import that package; of a generic type it must declare the instance, as what ShareT returns, in a package-level var", req.Program, cut.Name(req.Service))
	case svc == nil:
		return nil, fmt.Errorf("%s, started as a daemon, does not serve %s: what its ShareT returns must be a package-level var, whatever arguments and environment the program has", process.Executable(), cut.Name(req.Service))
	}
	if svc.Constructor != req.Constructor {
		return svc, fmt.Errorf("%s, which Config.Command names, makes %s with another constructor, %q: build both programs from the same source", req.Program, cut.Name(svc.Name), cut.Name(svc.Constructor))
	}
	return svc, nil
}
