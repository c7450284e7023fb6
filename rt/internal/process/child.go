package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
)

const (
	// killTimeout is how long Kill waits for the end of a child. A child that is stuck
	// in the kernel is reaped later by the goroutine of follow.
	killTimeout = time.Second
	// reportTimeout is how long a report may take to arrive after the child's end. It
	// is in the pipe by then. Only another process that has the other end could keep
	// the pipe open for longer.
	reportTimeout = 2 * time.Second
)

// ExitError says that a child ended before it had reported.
type ExitError struct {
	PID    int
	Code   int            // exit status, -1 if a signal ended it or it is not known
	Signal syscall.Signal // the signal that ended it, or 0
}

// Error names the process and how it ended.
func (e *ExitError) Error() string {
	if e.Signal != 0 {
		return fmt.Sprintf("process %d was ended by a signal (%v) before it reported; see its log", e.PID, e.Signal)
	}
	return fmt.Sprintf("process %d exited with status %d before it reported; see its log", e.PID, e.Code)
}

// Child is a process that Start started. Its methods may be called concurrently.
type Child struct {
	pid  int
	proc *handle

	payload *os.File // closed by send, receive or Release
	report  *os.File // closed by receive or Release

	received   chan struct{} // closed when message and messageErr are set
	message    []byte
	messageErr error

	ended chan struct{} // closed when the child is reaped and exit is set
	exit  ExitError

	over chan struct{} // closed when the goroutines of follow have ended
}

// PID returns the process ID. It identifies this child only until the child has ended, so
// use Kill to end the child.
func (c *Child) PID() int { return c.pid }

// Report waits for the child's report and returns it. The error is an *ExitError if the
// child ended without a report, and ctx.Err() if ctx ends first; then Report may be called
// again. Any other error says that the child's report cannot be read. After Report has
// returned a message or an *ExitError, the parent has no descriptor of the child.
func (c *Child) Report(ctx context.Context) ([]byte, error) {
	select {
	case <-c.received:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if c.messageErr == nil {
		return c.message, nil
	}
	if !cut(c.messageErr) && !errors.Is(c.messageErr, os.ErrDeadlineExceeded) && !errors.Is(c.messageErr, os.ErrClosed) {
		return nil, fmt.Errorf("reading the report of process %d: %w", c.pid, c.messageErr)
	}
	select {
	case <-c.ended:
		exit := c.exit
		return nil, &exit
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Kill ends the child by SIGKILL and waits until it is reaped, at most a second. Then it
// calls Release. Kill does nothing to a child that was reaped, so it never kills another
// process with the same number.
func (c *Child) Kill() {
	c.proc.kill()
	timer := time.NewTimer(killTimeout)
	defer timer.Stop()
	select {
	case <-c.over:
	case <-timer.C:
	}
	c.Release()
}

// Release closes the payload and the report pipe. If the child has not read its payload or
// not reported yet, that fails in the child. Release does not end the child, and may be
// called more than once.
func (c *Child) Release() {
	c.payload.Close()
	c.report.Close()
}

// follow starts the goroutines of a child. One sends the payload and one receives the
// report; they end when that is done, at Release, or at the child's end. The third reaps
// the child.
func (c *Child) follow(build string, payload []byte) {
	var all sync.WaitGroup
	all.Go(func() { c.send(build, payload) })
	all.Go(c.receive)
	go func() { // ends when the child is reaped and the other two goroutines have ended
		c.reap()
		all.Wait()
		close(c.over)
	}()
}

// send ignores errors: a child that has ended, or does not read, will not report either.
func (c *Child) send(build string, payload []byte) {
	defer c.payload.Close()
	if writeMessage(c.payload, []byte(build)) == nil {
		_ = writeMessage(c.payload, payload)
	}
}

func (c *Child) receive() {
	c.message, c.messageErr = readMessage(c.report, maxReport)
	c.report.Close()
	if c.messageErr == nil {
		c.payload.Close() // a child that reports has read its payload
	}
	close(c.received)
}

func (c *Child) reap() {
	code, signal := c.proc.wait()
	c.exit = ExitError{PID: c.pid, Code: code, Signal: signal}
	close(c.ended)
	c.payload.Close()
	_ = c.report.SetReadDeadline(time.Now().Add(reportTimeout))
}
