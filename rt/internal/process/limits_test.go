//go:build unix

package process_test

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/loopgen/loopgen/rt/internal/process"
)

// fewDescriptors makes Start fail at each descriptor that it needs.
func fewDescriptors(string) int {
	if _, err := report(process.Command{Env: env("echo", "")}); err != nil {
		return fail(err)
	}
	free, err := unix.Dup(0) // the lowest free number
	if err != nil {
		return fail(err)
	}
	unix.Close(free)
	failures := 0
	for limit := free; ; limit++ {
		var old unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
			return fail(err)
		}
		few := old
		set(&few.Cur, limit)
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
			return fail(err)
		}
		child, startErr := process.Start(process.Command{Env: env("hang", "")})
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
			return fail(err)
		}
		if startErr == nil {
			child.Kill()
			break
		}
		failures++
		if !errors.Is(startErr, syscall.EMFILE) {
			return fail(fmt.Errorf("with a limit of %d: %w", limit, startErr))
		}
		next, err := unix.Dup(0)
		if err != nil {
			return fail(err)
		}
		unix.Close(next)
		if next != free {
			return fail(fmt.Errorf("with a limit of %d: descriptor %d stayed open", limit, free))
		}
	}
	if failures < 5 {
		return fail(fmt.Errorf("only %d failures", failures))
	}
	fmt.Println("ok")
	return 0
}

// fewProcesses makes the fork itself fail.
func fewProcesses(string) int {
	if _, err := report(process.Command{Env: env("echo", "")}); err != nil {
		return fail(err)
	}
	// The limit counts threads, and the Go runtime exits when it cannot start a thread.
	// So start some threads first.
	var all sync.WaitGroup
	var read, write [10]*os.File
	for i := range read {
		fds := make([]int, 2)
		if err := unix.Pipe(fds); err != nil {
			return fail(err)
		}
		read[i], write[i] = os.NewFile(uintptr(fds[0]), "r"), os.NewFile(uintptr(fds[1]), "w")
		all.Go(func() { unix.Read(fds[0], make([]byte, 1)) })
	}
	for i := range write {
		write[i].Write([]byte{1})
	}
	all.Wait()
	for i := range read {
		read[i].Close()
		write[i].Close()
	}
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NPROC, &old); err != nil {
		return fail(err)
	}
	few := old
	few.Cur = 1
	if err := unix.Setrlimit(unix.RLIMIT_NPROC, &few); err != nil {
		return fail(err)
	}
	_, startErr := process.Start(process.Command{Env: env("hang", "")})
	if err := unix.Setrlimit(unix.RLIMIT_NPROC, &old); err != nil {
		return fail(err)
	}
	if !errors.Is(startErr, syscall.EAGAIN) {
		return fail(fmt.Errorf("with a limit of one process: %v", startErr))
	}
	if got, err := report(process.Command{Env: env("echo", ""), Payload: []byte("again")}); string(got) != "again" {
		return fail(fmt.Errorf("after that: %q, %v", got, err))
	}
	fmt.Println("ok")
	return 0
}

// set assigns to a limit, whose type differs by system.
func set[T int64 | uint64](limit *T, n int) { *limit = T(n) }
