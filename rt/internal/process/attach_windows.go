package process

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/windows"
)

// attach gives the child its pipes, no console and so no window, and a process group of its
// own, to which no Ctrl-C is sent. The child inherits only the listed handles.
func attach(attr *os.ProcAttr, p pipes) (marker, error) {
	payload, report := p.payloadRead.Fd(), p.reportWrite.Fd()
	for _, h := range []uintptr{payload, report} {
		if err := windows.SetHandleInformation(windows.Handle(h), windows.HANDLE_FLAG_INHERIT, windows.HANDLE_FLAG_INHERIT); err != nil {
			return marker{}, os.NewSyscallError("SetHandleInformation", err)
		}
	}
	attr.Dir = Directory()
	attr.Sys = &syscall.SysProcAttr{
		CreationFlags:              windows.CREATE_NEW_PROCESS_GROUP | windows.CREATE_NO_WINDOW,
		AdditionalInheritedHandles: []syscall.Handle{syscall.Handle(payload), syscall.Handle(report)},
	}
	return marker{payload: payload, report: report, leaks: "-"}, nil
}

// Directory returns the working directory of children.
func Directory() string { return filepath.VolumeName(Executable()) + `\` }

// launch starts the child outside of this process's job if it can, since the end of a job
// ends all processes in it: a terminal, a service or a CI runner ends its job. A job that
// does not allow breakaway makes the start fail. The child is then started inside the job.
func launch(path string, args []string, attr *os.ProcAttr) (*os.Process, error) {
	return breakAway(attr.Sys, func() (*os.Process, error) { return os.StartProcess(path, args, attr) })
}

func breakAway(sys *syscall.SysProcAttr, start func() (*os.Process, error)) (*os.Process, error) {
	sys.CreationFlags |= windows.CREATE_BREAKAWAY_FROM_JOB
	p, err := start()
	if errors.Is(err, windows.ERROR_ACCESS_DENIED) {
		sys.CreationFlags &^= windows.CREATE_BREAKAWAY_FROM_JOB
		p, err = start()
	}
	return p, err
}

// completeEnvironment adds SYSTEMROOT if it is missing: sockets do not work without it.
func completeEnvironment(env []string) []string {
	for _, kv := range env {
		if key, _, _ := strings.Cut(kv, "="); strings.EqualFold(key, "SYSTEMROOT") {
			return env
		}
	}
	return append(env, "SYSTEMROOT="+os.Getenv("SYSTEMROOT"))
}

// settle returns the pipes of this child. It fails if they are not pipes.
func settle(m marker) (payload, report *os.File, err error) {
	for _, h := range []uintptr{m.payload, m.report} {
		kind, err := windows.GetFileType(windows.Handle(h))
		if err != nil {
			return nil, nil, os.NewSyscallError("GetFileType", err)
		}
		if kind != windows.FILE_TYPE_PIPE {
			return nil, nil, errors.New("the handle is not a pipe")
		}
	}
	for _, h := range []uintptr{m.payload, m.report} {
		if err := windows.SetHandleInformation(windows.Handle(h), windows.HANDLE_FLAG_INHERIT, 0); err != nil {
			return nil, nil, os.NewSyscallError("SetHandleInformation", err)
		}
	}
	return os.NewFile(m.payload, "start pipe"), os.NewFile(m.report, "report pipe"), nil
}
