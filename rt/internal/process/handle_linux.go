package process

import (
	"errors"
	"os"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// handle kills and reaps one child by its number. An os.Process would keep a descriptor
// open until the child exits, which for a daemon takes long. The first os.Process also
// doubles the time of the start, since package os starts another child to find out whether
// the system has such descriptors.
type handle struct {
	pid int

	mu     sync.Mutex
	reaped bool // the number may belong to another process
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

// wait waits until the child has ended and reaps it. It is called once. Waiting and reaping
// are two steps, so that kill never uses a number that was just released.
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
			return -1, 0 // other code of this program has waited for all children
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
