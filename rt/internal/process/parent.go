package process

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// reportWriteTimeout is how long writing a report may take. A report fits into the pipe,
// but a parent that is stopped must not stop the child.
const reportWriteTimeout = 5 * time.Second

// Parent is the process that has started this one with Start: the child's counterpart of
// Child. Its methods may be called concurrently.
type Parent struct {
	claim   sync.Mutex // guards claimed and deadman
	claimed bool       // the deadman is stopped for good
	deadman *time.Timer

	once    sync.Once // sets body, build and err, and closes payload
	payload *os.File
	body    []byte
	build   string
	err     error

	mu     sync.Mutex // guards report
	report *os.File   // nil once Report was called
}

// Claim says that the program serves as a daemon, and stops the deadman. Payload, Build and
// Report claim as well.
func (p *Parent) Claim() {
	p.claim.Lock()
	defer p.claim.Unlock()
	p.claimed = true
	p.deadman.Stop()
}

// Peek returns the results of Payload and does not claim. The deadman does not count the
// wait for the payload, and its time begins again when Peek returns.
func (p *Parent) Peek() ([]byte, error) {
	p.claim.Lock()
	defer p.claim.Unlock()
	p.deadman.Stop()
	p.once.Do(p.read)
	if !p.claimed {
		p.deadman.Reset(claimTimeout)
	}
	return p.body, p.err
}

// Payload returns the payload of the parent's command. It waits until the whole payload has
// arrived, and fails if the parent exited or released the child before that.
func (p *Parent) Payload() ([]byte, error) {
	p.Claim()
	p.once.Do(p.read)
	return p.body, p.err
}

// Build returns the build ID of the program that the parent meant to start, for comparison
// with that of this process. It waits as Payload does, and returns "" if Payload fails.
func (p *Parent) Build() string {
	p.Claim()
	p.once.Do(p.read)
	return p.build
}

func (p *Parent) read() {
	defer p.payload.Close()
	build, err := readMessage(p.payload, maxBuild)
	if err == nil {
		p.body, err = readMessage(p.payload, maxPayload)
	}
	if err != nil {
		p.body = nil
		if cut(err) {
			err = fmt.Errorf("the parent went away before it had sent everything: %w", err)
		}
		p.err = fmt.Errorf("reading the start pipe: %w", err)
		return
	}
	p.build = string(build)
}

// Report sends the one report of this process, at most 64 KiB, and closes the pipe. It
// fails if it was called before, or if the parent no longer reads, for instance because it
// has exited. This process may go on after such a failure.
func (p *Parent) Report(msg []byte) error {
	p.Claim()
	if len(msg) > maxReport {
		return fmt.Errorf("reporting to the parent: %d bytes; the limit is %d", len(msg), maxReport)
	}
	p.mu.Lock()
	report := p.report
	p.report = nil
	p.mu.Unlock()
	if report == nil {
		return errors.New("reporting to the parent: it was done before; report once")
	}
	_ = report.SetWriteDeadline(time.Now().Add(reportWriteTimeout)) // has no effect on Windows
	err := errors.Join(writeMessage(report, msg), report.Close())
	if err != nil {
		return fmt.Errorf("reporting to the parent: %w", err)
	}
	return nil
}
