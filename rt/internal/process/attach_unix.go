//go:build unix

package process

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// The child's descriptors after the three standard ones.
const (
	childPayload = 3
	childReport  = 4
)

// attach gives the child its pipes, a session of its own and / as working directory.
func attach(attr *os.ProcAttr, p pipes) (marker, error) {
	attr.Files = append(attr.Files, p.payloadRead, p.reportWrite)
	attr.Dir = Directory()
	attr.Sys = &syscall.SysProcAttr{Setsid: true}
	return marker{payload: childPayload, report: childReport, leaks: formatRanges(leaks())}, nil
}

// Directory returns the working directory of children.
func Directory() string { return "/" }

// leaks returns the descriptors that exec will not close. Go opens none such, but this
// process may have inherited some, and C code may have opened some. A descriptor that
// another thread opens later is missed.
func leaks() []int {
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		dir, err = os.Open("/dev/fd")
	}
	var numbers []int
	if err != nil { // neither is mounted: try all possible numbers
		for fd := childReport + 1; fd < mostDescriptors(); fd++ {
			if inheritable(fd) {
				numbers = append(numbers, fd)
			}
		}
		return numbers
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		if fd, err := strconv.Atoi(name); err == nil && fd > childReport && inheritable(fd) {
			numbers = append(numbers, fd)
		}
	}
	slices.Sort(numbers)
	return numbers
}

// mostDescriptors bounds the numbers that leaks tries, each with a system call. Descriptors
// that were opened under a higher limit are missed.
func mostDescriptors() int {
	const most = 1 << 16
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &r) != nil {
		return most
	}
	return int(min(uint64(r.Cur), most))
}

func inheritable(fd int) bool {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	return err == nil && flags&unix.FD_CLOEXEC == 0
}

func completeEnvironment(env []string) []string { return env }

// settle sets the umask, closes the leaks and returns the pipes of this child. It fails, and
// changes nothing, if the descriptors are not the pipes of a parent.
func settle(m marker) (payload, report *os.File, err error) {
	if err := pipeEnd(m.payload, unix.O_RDONLY); err != nil {
		return nil, nil, err
	}
	if err := pipeEnd(m.report, unix.O_WRONLY); err != nil {
		return nil, nil, err
	}
	unix.Umask(0o077)
	eachInRanges(m.leaks, func(fd int) {
		// A listed number may be free in this process, and this process may have
		// used it again for a file of its own, which closes on exec.
		if fd > 2 && uintptr(fd) != m.payload && uintptr(fd) != m.report && inheritable(fd) {
			_ = unix.Close(fd)
		}
	})
	return adopt(m.payload, "start pipe"), adopt(m.report, "report pipe"), nil
}

// adopt returns a file for an inherited pipe. The file has deadlines, and no child of this
// process inherits it.
func adopt(fd uintptr, name string) *os.File {
	unix.CloseOnExec(int(fd))
	_ = unix.SetNonblock(int(fd), true)
	return os.NewFile(fd, name)
}

func pipeEnd(fd uintptr, mode int) error {
	var stat unix.Stat_t
	if err := unix.Fstat(int(fd), &stat); err != nil {
		return fmt.Errorf("descriptor %d: %w", fd, err)
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFIFO {
		return fmt.Errorf("descriptor %d is not a pipe", fd)
	}
	flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0)
	if err != nil || flags&unix.O_ACCMODE != mode {
		return fmt.Errorf("descriptor %d is not the right end of a pipe", fd)
	}
	return nil
}
