package wire

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxText is the greatest length of a text in a Failure, in bytes. Encoding cuts off the
// rest.
const MaxText = 64 << 10

// Failure is the body of a KindError frame. It says why a call has no results, or why a
// frame had no effect.
type Failure struct {
	Code     FailureCode `cbor:"code"`
	Executed bool        `cbor:"executed"`        // the method ran, at least in part
	Text     string      `cbor:"text"`            // for people
	Value    string      `cbor:"value,omitempty"` // of the method's panic
	Stack    string      `cbor:"stack,omitempty"` // of the method's panic
	// Blocked says, for people, which call had the turn when this call was cancelled in
	// the queue.
	Blocked string `cbor:"blocked,omitempty"`
}

// FailureCode says why a call failed. Zero is not a code.
type FailureCode uint

// The codes of a failure.
const (
	FailureCanceled     FailureCode = 1 + iota // the caller canceled it
	FailureDeadline                            // its deadline passed
	FailureDraining                            // the daemon is draining
	FailureBadArguments                        // the arguments cannot be decoded
	FailureNoMethod                            // the daemon has no method of that number
	FailureWindow                              // more outstanding than the welcome allows
	FailurePanic                               // the method panicked
	FailureGoexit                              // the method ended its goroutine
	FailureTooLarge                            // the results do not fit a frame
	FailureNotEncodable                        // the results cannot be encoded
	FailureUnsupported                         // the frame was not understood
	FailureReentrant                           // the call would wait for itself
	FailureNotHeld                             // the connection has not acquired the thing that the call would release
	FailureInUse                               // an idle shutdown was refused: another client uses the object
	FailureNotAllowed                          // the connected user is not allowed to send that frame
	FailureLostChange                          // the method changed an argument, and the change stays in the daemon
)

var failureNames = [...]string{
	FailureCanceled: "canceled", FailureDeadline: "deadline", FailureDraining: "draining",
	FailureBadArguments: "bad arguments", FailureNoMethod: "no method",
	FailureWindow: "window exceeded", FailurePanic: "panic", FailureGoexit: "goexit",
	FailureTooLarge: "result too large", FailureNotEncodable: "result not encodable",
	FailureUnsupported: "unsupported", FailureReentrant: "reentrant",
	FailureNotHeld: "not held", FailureInUse: "in use", FailureNotAllowed: "not allowed",
	FailureLostChange: "lost change",
}

// String returns the code in words, or "failure code 99" for an unknown one.
// It may be called concurrently.
func (c FailureCode) String() string {
	if c > 0 && c < FailureCode(len(failureNames)) {
		return failureNames[c]
	}
	return fmt.Sprintf("failure code %d", uint(c))
}

// MarshalCBOR returns the failure's encoding. It does not fail: the texts often quote bytes
// from elsewhere, so it first cuts them to MaxText and makes them valid UTF-8. It may be
// called concurrently.
func (f Failure) MarshalCBOR() ([]byte, error) {
	type plain Failure // without this method
	p := plain(f)
	for _, s := range []*string{&p.Text, &p.Value, &p.Stack, &p.Blocked} {
		*s = clip(*s, MaxText)
	}
	return Marshal(p)
}

// clip returns s as valid UTF-8, cut to at most limit bytes.
func clip(s string, limit int) string {
	if s = strings.ToValidUTF8(s, string(utf8.RuneError)); len(s) <= limit {
		return s
	}
	end := limit
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

// ParseFailure decodes the body of a KindError frame. It returns codes of later versions
// unchanged. It returns an error when the body is not a failure or has no code. It may be
// called concurrently.
func ParseFailure(body []byte) (Failure, error) {
	var f Failure
	if err := UnmarshalOpen(body, &f); err != nil {
		return Failure{}, fmt.Errorf("reading an error frame: %w", err)
	}
	if f.Code == 0 {
		return Failure{}, fmt.Errorf("reading an error frame: %w: it has no code", ErrMalformed)
	}
	return f, nil
}

// ErrNotHeld refuses a call that would release a thing that its connection has not acquired:
// another connection holds it, or the object of an earlier daemon held it. The method itself
// could then do anything; unlocking a sync.Mutex ends the process.
var ErrNotHeld = errors.New("this connection does not hold what the call would give back: it was acquired through another one, or lost with the daemon")
