package wire

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxText is the longest text in a Failure, in bytes; the rest is cut off when
// it is encoded.
const MaxText = 64 << 10

// Failure is the body of a KindError frame: why a call has no results, or why
// a frame had no effect.
type Failure struct {
	Code     FailureCode `cbor:"code"`
	Executed bool        `cbor:"executed"`        // the method ran, at least in part
	Text     string      `cbor:"text"`            // for people
	Value    string      `cbor:"value,omitempty"` // what the method panicked with
	Stack    string      `cbor:"stack,omitempty"` // where it panicked
	// Blocked says, for people, which call had the turn when this one was given up in
	// the queue.
	Blocked string `cbor:"blocked,omitempty"`
}

// FailureCode says what became of a call. Zero is not a code.
type FailureCode uint

// The codes of a failure.
const (
	FailureCanceled     FailureCode = 1 + iota // the caller canceled it
	FailureDeadline                            // its deadline passed
	FailureDraining                            // the daemon is leaving
	FailureBadArguments                        // the arguments cannot be decoded
	FailureNoMethod                            // the daemon has no method of that number
	FailureWindow                              // more outstanding than the welcome allows
	FailurePanic                               // the method panicked
	FailureGoexit                              // the method ended its goroutine
	FailureTooLarge                            // the results do not fit a frame
	FailureNotEncodable                        // the results cannot be encoded
	FailureUnsupported                         // the frame was not understood
	FailureReentrant                           // the call would wait for itself
	FailureNotHeld                             // the connection has not acquired what the call would end
	FailureInUse                               // the daemon was to leave if nobody uses it
	FailureNotAllowed                          // the user who connects may not ask for that
)

var failureNames = [...]string{
	FailureCanceled: "canceled", FailureDeadline: "deadline", FailureDraining: "draining",
	FailureBadArguments: "bad arguments", FailureNoMethod: "no method",
	FailureWindow: "window exceeded", FailurePanic: "panic", FailureGoexit: "goexit",
	FailureTooLarge: "result too large", FailureNotEncodable: "result not encodable",
	FailureUnsupported: "unsupported", FailureReentrant: "reentrant",
	FailureNotHeld: "not held", FailureInUse: "in use", FailureNotAllowed: "not allowed",
}

// String returns the code in words, or "failure code 99" for an unknown one.
// It may be called concurrently.
func (c FailureCode) String() string {
	if c > 0 && c < FailureCode(len(failureNames)) {
		return failureNames[c]
	}
	return fmt.Sprintf("failure code %d", uint(c))
}

// MarshalCBOR returns the failure's encoding. It always can: a failure often
// tells of bytes that somebody else made, so texts are cut to MaxText and made
// valid UTF-8 first. It may be called concurrently.
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

// ParseFailure decodes the body of a KindError frame. Codes of later versions
// are returned as they are. It returns an error when the body is not a failure
// or has no code. It may be called concurrently.
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

// ErrNotHeld refuses a call that would end what its connection has not acquired:
// what somebody else holds, or what the last object held before it was lost. The
// method itself might do anything then; a sync.Mutex ends the process.
var ErrNotHeld = errors.New("this connection does not hold what the call would give back: it was acquired through another one, or lost with the daemon")
