package daemon

import (
	"context"
	"fmt"
	"os"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/wire"
)

// cancelCall ends a call whose caller has given up. A call that waits for its turn is
// removed from the queue and answered with a failure. The context of a method that runs
// ends.
func (s *serverConn) cancelCall(id uint64, reason uint16) {
	cause := errCanceled
	if reason == wire.CancelDeadline {
		cause = context.DeadlineExceeded
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.calls[id]; c != nil {
		c.end(cause)
	}
}

// status sends the daemon's status, the stacks of its goroutines, or a profile.
func (s *serverConn) status(id uint64, question []byte) error {
	m, err := wire.ParseStatusRequest(question)
	if err != nil {
		return err
	}
	s.observe()
	var answer any
	switch m.Ask {
	case "":
		answer = s.d.status()
	case wire.AskStacks:
		if !s.controls(id) {
			return nil
		}
		answer = wire.Stacks{Stacks: cut.Printable(stacks())}
	case wire.AskProfile:
		if s.controls(id) {
			s.profile(id, m.Profile, m.Seconds)
		}
		return nil
	default:
		s.refuse(id, wire.FailureUnsupported, fmt.Sprintf("this daemon cannot be asked for %q", m.Ask))
		return nil
	}
	s.answerStatus(id, answer)
	return nil
}

// answerStatus answers a status frame.
func (s *serverConn) answerStatus(id uint64, answer any) {
	body, err := wire.Marshal(answer)
	if err != nil {
		s.refuse(id, wire.FailureNotEncodable, err.Error())
		return
	}
	s.send(wire.Frame{Kind: wire.KindReply, ID: id, Body: body})
}

// controls reports whether the connected user may stop the daemon and look into it: the
// daemon's own user and root, even if other users may call. It refuses the frame of others.
func (s *serverConn) controls(id uint64) bool {
	uid := s.caller.UID
	if uid != os.Geteuid() && uid != 0 {
		s.refuse(id, wire.FailureNotAllowed, fmt.Sprintf("user %d may not control a daemon of user %d", uid, os.Geteuid()))
		return false
	}
	return true
}

// shutdown begins the shutdown of the daemon. Only the daemon's own user and root may ask
// for it, even if other users may call.
func (s *serverConn) shutdown(id uint64, body []byte) error {
	m, err := wire.ParseShutdown(body)
	if err != nil {
		return err
	}
	s.observe()
	if !s.controls(id) {
		return nil
	}
	s.setStays(true) // before FinishShutdown closes connections
	reason := fmt.Sprintf("shut down by process %d", s.pid)
	if !m.Idle {
		s.d.BeginShutdown(reason, m.Now)
	} else if use := s.d.beginShutdownIfUnused(reason, m.Now); use != "" {
		s.setStays(false)
		s.refuse(id, wire.FailureInUse, use)
	}
	return nil
}

// setStays says whether the connection stays open until the process ends.
func (s *serverConn) setStays(stays bool) {
	s.mu.Lock()
	s.stays = stays
	s.mu.Unlock()
}

// observe notes that the connection has made no call so far, and does not keep the
// daemon.
func (s *serverConn) observe() {
	if s.made.Load() == 0 { // only the goroutine that reads adds to it
		s.d.setClient(s, false)
	}
}

// goAway refuses further calls, and tells the client that no call after the last one
// read is executed.
func (s *serverConn) goAway(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noCalls = true
	body, err := wire.Marshal(wire.GoingAway{Last: s.last, Reason: reason})
	if err != nil {
		s.conn.Close()
		return
	}
	s.send(wire.Frame{Kind: wire.KindGoingAway, Body: body})
}
