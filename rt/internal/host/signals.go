package host

import (
	"os"
	"os/signal"
	"syscall"
)

// heedSignals makes HUP, INT and TERM begin a drain. After an INT or TERM, a second one
// exits at once. HUP never does: systemd and logind send it right after TERM.
//
// Notify installs a handler for these signals and unblocks them, even if this process
// inherited them ignored or blocked. stop restores their former effect. The goroutine
// ends when departed is closed.
func (h *Host) heedSignals(departed <-chan struct{}) (stop func()) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGHUP, os.Interrupt, syscall.SIGTERM)
	go func() {
		for heard, told := false, false; ; heard = true {
			select {
			case s := <-signals:
				terminates := s != syscall.SIGHUP
				if told && terminates {
					h.slog.Warn("exiting at once", "because", s.String())
					os.Exit(exitFailed)
				}
				told = told || terminates
				if heard {
					h.slog.Info("already leaving", "signal", s.String())
				}
				h.d.Leave(s.String(), false)
			case <-departed:
				return
			}
		}
	}()
	return func() { signal.Stop(signals) }
}
