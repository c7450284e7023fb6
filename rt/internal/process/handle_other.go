//go:build !linux

package process

import (
	"os"
	"syscall"
)

// handle kills and reaps one child. An os.Process does not use the number of a reaped
// child.
type handle struct{ proc *os.Process }

func startProcess(path string, args []string, attr *os.ProcAttr) (pid int, h *handle, err error) {
	proc, err := launch(path, args, attr)
	if err != nil {
		return 0, nil, err
	}
	return proc.Pid, &handle{proc}, nil
}

// wait waits until the child has ended and reaps it. It is called once.
func (h *handle) wait() (code int, signal syscall.Signal) {
	state, err := h.proc.Wait()
	if err != nil {
		return -1, 0
	}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return -1, status.Signal()
	}
	return state.ExitCode(), 0
}

func (h *handle) kill() { _ = h.proc.Kill() }
