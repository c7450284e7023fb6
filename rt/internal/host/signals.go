package host

import (
	"os"
	"os/signal"
	"syscall"
)

// handleSignals makes HUP, INT and TERM begin the shutdown, which drains. After an INT or
// TERM, a second one exits at once. HUP never does: systemd and logind send it right after
// TERM.
//
// Notify installs a handler for these signals and unblocks them, even if this process
// inherited them ignored or blocked. stop restores their former effect.
func (h *Host) handleSignals(ended <-chan struct{}) (stop func()) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGHUP, os.Interrupt, syscall.SIGTERM)
	go func() { // ends when ended is closed
		for again, terminating := false, false; ; again = true {
			select {
			case s := <-signals:
				terminates := s != syscall.SIGHUP
				if terminating && terminates {
					h.slog.Warn("exiting at once", "because", s.String())
					os.Exit(exitFailed)
				}
				terminating = terminating || terminates
				if again {
					h.slog.Info("already draining", "signal", s.String())
				}
				h.d.BeginShutdown(s.String(), false)
			case <-ended:
				return
			}
		}
	}()
	return func() { signal.Stop(signals) }
}
