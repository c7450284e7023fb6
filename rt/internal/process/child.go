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
	// killPatience is how long Kill waits for the end of a child. One that is
	// stuck in the kernel is left to the reaper.
	killPatience = time.Second
	// drainPatience is how long a report may take to arrive after the child's
	// end. It is in the pipe by then; only a stranger that has the other end
	// could keep the pipe open for longer.
	drainPatience = 2 * time.Second
)

// ExitError says that a child ended before it reported.
type ExitError struct {
	PID    int
	Code   int            // exit status, -1 if a signal ended it or it is not known
	Signal syscall.Signal // what ended it, 0 if no signal did
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

	payload *os.File // closed by whichever of send, receive and Release is first
	report  *os.File // closed by receive or Release

	received   chan struct{} // closed when the two below are set
	message    []byte
	messageErr error

	ended chan struct{} // closed when the child is reaped and exit is set
	exit  ExitError

	over chan struct{} // closed when the goroutines of follow have ended
}

// PID returns the process id. It names this child only until it has ended; use
// Kill to end it.
func (c *Child) PID() int { return c.pid }

// Report waits for the child's report and returns it. The error is an *ExitError
// if the child ended without one, ctx.Err() if ctx ends first (Report may then be
// called again), and another one if the child sent something else. After Report
// has returned a message or an *ExitError, the parent has no descriptor of the
// child.
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

// Kill ends the child by SIGKILL and waits until it is reaped, at most a second.
// It never hits another process that got the same number: a child that has
// ended is left alone.
func (c *Child) Kill() {
	c.proc.kill()
	timer := time.NewTimer(killPatience)
	defer timer.Stop()
	select {
	case <-c.over:
	case <-timer.C:
	}
	c.Release()
}

// Release leaves the child to itself: payload and report pipe are closed, which
// fails what the child has still to read and to report. It may be called more
// than once.
func (c *Child) Release() {
	c.payload.Close()
	c.report.Close()
}

// follow starts the goroutines of a child. One sends and one receives; they end
// when that is done, at Release, or at the child's end. The third ends when the
// child is reaped.
func (c *Child) follow(build string, payload []byte) {
	var all sync.WaitGroup
	all.Go(func() { c.send(build, payload) })
	all.Go(c.receive)
	go func() { // ends when the child is reaped, and those two have ended
		c.reap()
		all.Wait()
		close(c.over)
	}()
}

// send lets errors go: the child that is not there, or does not read, will not
// report either.
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
		c.payload.Close() // who reports has read what it wanted to read
	}
	close(c.received)
}

func (c *Child) reap() {
	code, signal := c.proc.wait()
	c.exit = ExitError{PID: c.pid, Code: code, Signal: signal}
	close(c.ended)
	c.payload.Close()
	_ = c.report.SetReadDeadline(time.Now().Add(drainPatience))
}
