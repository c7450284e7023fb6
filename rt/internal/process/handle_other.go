//go:build !linux

package process

import (
	"os"
	"syscall"
)

// handle ends and reaps one child. An os.Process takes care that its number is
// not used after that.
type handle struct{ proc *os.Process }

func startProcess(path string, args []string, attr *os.ProcAttr) (pid int, h *handle, err error) {
	proc, err := launch(path, args, attr)
	if err != nil {
		return 0, nil, err
	}
	return proc.Pid, &handle{proc}, nil
}

// wait reaps the child when it has ended. It is called once.
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
