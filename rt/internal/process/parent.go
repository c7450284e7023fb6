package process

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// reportPatience is how long a report may take to be written. It fits into the
// pipe; a parent that is stopped must not stop the child.
const reportPatience = 5 * time.Second

// Parent is the other side of Child: what a child knows of the process that
// started it. Its methods may be called concurrently.
type Parent struct {
	claim   sync.Mutex // guards the two below
	claimed bool       // the deadman is called off for good
	deadman *time.Timer

	once    sync.Once // fills the four below, and closes the pipe
	payload *os.File
	body    []byte
	build   string
	err     error

	mu     sync.Mutex // guards report
	report *os.File   // nil once it was used
}

// Claim says that the program knows what it was started for: the deadman is
// called off. Payload and Report claim, too.
func (p *Parent) Claim() {
	p.claim.Lock()
	defer p.claim.Unlock()
	p.claimed = true
	p.deadman.Stop()
}

// Peek returns what Payload returns and does not claim. The deadman does not count
// the wait for the payload, and its time begins anew when Peek returns.
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

// Payload returns what the parent's command held. It waits until all of it has
// arrived, and fails if the parent ended or gave up before that.
func (p *Parent) Payload() ([]byte, error) {
	p.Claim()
	p.once.Do(p.read)
	return p.body, p.err
}

// Build returns the parent's build id, to be compared with this process's own. It
// waits as Payload does and is empty where Payload fails.
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

// Report sends the one report of this process, at most 64 KiB, and closes the
// pipe. It fails if there was one before, and if the parent is no longer there
// to read it, which this process may survive.
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
	_ = report.SetWriteDeadline(time.Now().Add(reportPatience)) // none on Windows
	err := errors.Join(writeMessage(report, msg), report.Close())
	if err != nil {
		return fmt.Errorf("reporting to the parent: %w", err)
	}
	return nil
}
