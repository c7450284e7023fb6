package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Command says which child to start. The zero value starts this program with
// nothing in its environment.
type Command struct {
	// Path is the absolute path of the program itself, not of a script that starts it:
	// the child can compare Parent.Build with Build. If Path is empty, the child runs
	// the image that this process runs, even if its file was replaced or removed. On
	// systems without /proc it runs the file that was executed, and the child can
	// compare Parent.Build with Build to find out whether the file is still the same.
	Path string
	// Args are the arguments of the child, the program's name first. If Args is empty,
	// the child gets only the program's name.
	Args []string
	// Env is the whole environment, as KEY=value. Start adds the marker, and the child
	// removes it. On Windows Start adds SYSTEMROOT if it is missing.
	Env []string
	// Log receives the child's standard output and error; nil means the null device. It
	// must be a file: with a pipe, the child would depend on the pipe's reader.
	Log *os.File
	// Payload is the result of Parent.Payload in the child, at most 32 MiB. It must not
	// be changed before Report has returned or Release was called.
	Payload []byte
}

// Start starts a detached child. If it fails, there is no child and no descriptor stays
// open. Start may be called concurrently.
//
// The caller must call Kill or Release in the end. A goroutine reaps the child and ends
// with it, so that the child never becomes a zombie.
func Start(cmd Command) (*Child, error) {
	if len(cmd.Payload) > maxPayload {
		return nil, fmt.Errorf("starting a daemon: a payload of %d bytes; the limit is %d", len(cmd.Payload), maxPayload)
	}
	if cmd.Path != "" && !filepath.IsAbs(cmd.Path) {
		return nil, fmt.Errorf("starting a daemon: %q is a relative path; give an absolute one", cmd.Path)
	}
	build, err := cmd.build()
	if err != nil {
		return nil, fmt.Errorf("starting a daemon: %w", err)
	}
	p, err := openPipes()
	if err != nil {
		return nil, fmt.Errorf("starting a daemon: %w%s", err, remedy(err))
	}
	defer p.closeChildEnds()
	pid, proc, err := spawn(cmd, p)
	if err != nil {
		p.closeParentEnds()
		return nil, fmt.Errorf("starting a daemon: %w; see %s", err, cmd.suspects())
	}
	c := &Child{
		pid:      pid,
		proc:     proc,
		payload:  p.payloadWrite,
		report:   p.reportRead,
		received: make(chan struct{}),
		ended:    make(chan struct{}),
		over:     make(chan struct{}),
	}
	c.follow(build, cmd.Payload)
	return c, nil
}

// build returns the build ID of the program that the child will run.
func (cmd Command) build() (string, error) {
	if cmd.Path == "" {
		return Build()
	}
	return BuildOf(cmd.Path)
}

// suspects returns the possible reasons why the system did not start the child.
func (cmd Command) suspects() string {
	const limits = "the limits on processes, memory and open files"
	if cmd.Path == "" {
		return limits
	}
	return "that the file is a program which this user may run on this system, and " + limits
}

// remedy returns advice about an error of openPipes, or "".
func remedy(err error) string {
	var file *fs.PathError
	switch {
	case errors.Is(err, syscall.EMFILE):
		return "; raise this process's limit on open files (ulimit -n)"
	case errors.Is(err, syscall.ENFILE):
		return "; raise the system's limit on open files"
	case errors.As(err, &file):
		return "; a daemon has the null device as its standard input: provide it in the place where this program runs"
	}
	return ""
}

// pipes are the files between a child and its parent while the child starts.
type pipes struct {
	null                      *os.File
	payloadRead, payloadWrite *os.File
	reportRead, reportWrite   *os.File
}

func openPipes() (p pipes, err error) {
	if p.null, err = os.OpenFile(os.DevNull, os.O_RDWR, 0); err != nil {
		return p, err
	}
	if p.payloadRead, p.payloadWrite, err = os.Pipe(); err != nil {
		return p, errors.Join(err, p.null.Close())
	}
	if p.reportRead, p.reportWrite, err = os.Pipe(); err != nil {
		return p, errors.Join(err, p.null.Close(), p.payloadRead.Close(), p.payloadWrite.Close())
	}
	return p, nil
}

func (p pipes) closeChildEnds() {
	p.null.Close()
	p.payloadRead.Close()
	p.reportWrite.Close()
}

func (p pipes) closeParentEnds() {
	p.payloadWrite.Close()
	p.reportRead.Close()
}

// spawn starts the process with the three standard descriptors. attach, which differs
// between systems, adds the pipes.
func spawn(cmd Command, p pipes) (pid int, proc *handle, err error) {
	path := cmd.Path
	if path == "" {
		if path, err = ownImage(); err != nil {
			return 0, nil, err
		}
	}
	args := cmd.Args
	if len(args) == 0 {
		args = []string{cmd.Path}
		if cmd.Path == "" {
			args[0] = Executable()
		}
	}
	log := cmd.Log
	if log == nil {
		log = p.null
	}
	attr := &os.ProcAttr{Files: []*os.File{p.null, log, log}}
	m, err := attach(attr, p)
	if err != nil {
		return 0, nil, err
	}
	attr.Env = append(environment(cmd.Env), markerVariable+"="+m.String())
	return startProcess(path, args, attr)
}

// environment returns a copy of env without a marker, so that the child does not find two.
func environment(env []string) []string {
	clean := make([]string, 0, len(env)+2)
	for _, kv := range env {
		if !strings.HasPrefix(kv, markerVariable+"=") {
			clean = append(clean, kv)
		}
	}
	return completeEnvironment(clean)
}
