package process

import (
	"errors"
	"os"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// handle ends and reaps one child by its number. An os.Process would keep a
// descriptor open for as long as the child lives, which for a daemon is longer
// than anybody expects; and the first one in a process takes as long again, since
// os starts another child to see whether it can have such descriptors.
type handle struct {
	pid int

	mu     sync.Mutex
	reaped bool // from then on the number may be another process's
}

func startProcess(path string, args []string, attr *os.ProcAttr) (pid int, h *handle, err error) {
	files := make([]uintptr, len(attr.Files))
	for i, f := range attr.Files {
		files[i] = f.Fd()
	}
	pid, err = syscall.ForkExec(path, args, &syscall.ProcAttr{Dir: attr.Dir, Env: attr.Env, Files: files, Sys: attr.Sys})
	runtime.KeepAlive(attr)
	if err != nil {
		return 0, nil, &os.PathError{Op: "fork/exec", Path: path, Err: err}
	}
	return pid, &handle{pid: pid}, nil
}

// wait reaps the child when it has ended. It is called once. Waiting and reaping
// are two steps, so that kill never meets a number that was just set free.
func (h *handle) wait() (code int, signal syscall.Signal) {
	for {
		err := unix.Waitid(unix.P_PID, h.pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	defer func() { h.reaped = true }()
	var status unix.WaitStatus
	for {
		_, err := unix.Wait4(h.pid, &status, 0, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return -1, 0 // somebody else in this program waited for all children
		}
		break
	}
	if status.Signaled() {
		return -1, status.Signal()
	}
	return status.ExitStatus(), 0
}

func (h *handle) kill() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.reaped {
		_ = unix.Kill(h.pid, unix.SIGKILL)
	}
}
