package wire

import "fmt"

// The versions of the protocol that this package speaks, both included.
const (
	MinVersion uint = 1
	MaxVersion uint = 1
)

// NonceSize is the size of the random values of a handshake in bytes.
const NonceSize = 32

// Hello is the first message of a connection, sent by the client. Its layout, a CBOR array
// of these fields in this order, never changes, so that clients and daemons of different
// versions can read it.
type Hello struct {
	_           struct{} `cbor:",toarray"`
	MinVersion  uint     // the client speaks all versions from this
	MaxVersion  uint     // to this
	Nonce       [NonceSize]byte
	Incarnation string // of the daemon to which the client wants to connect
	Address     string // that the client dialled, as in the endpoint file
	Session     string // the name of the client's connection in logs
	PID         int    // of the client
}

// Challenge is the daemon's answer to a hello.
type Challenge struct {
	Version     uint   `cbor:"version"` // highest that both speak; 0: none
	Nonce       []byte `cbor:"nonce"`
	Incarnation string `cbor:"incarnation"`
	Address     string `cbor:"address"` // of the daemon's listener
	Proof       []byte `cbor:"proof"`   // that the daemon has the key
}

// Proof is the client's answer to a challenge.
type Proof struct {
	Proof []byte `cbor:"proof"` // that the client has the key
}

// Welcome ends the handshake and contains the limits of the connection.
type Welcome struct {
	Code  WelcomeCode `cbor:"code"`
	Text  string      `cbor:"text"`  // for people; empty when the code is WelcomeOK
	Calls int         `cbor:"calls"` // calls that the connection may have outstanding
	Bytes int64       `cbor:"bytes"` // bytes of arguments that these may have together
	Frame int         `cbor:"frame"` // largest body of a frame, in bytes
}

// WelcomeCode says whether a client was admitted. Zero is not a code.
type WelcomeCode uint

// The codes of a welcome. Only after WelcomeOK may the client send calls; after
// WelcomeDraining and WelcomeTooManyClients it may still ask for the status and
// for a shutdown.
const (
	WelcomeOK             WelcomeCode = 1 + iota // admitted
	WelcomeDraining                              // the daemon is draining
	WelcomeIncompatible                          // no version in common
	WelcomeTooManyClients                        // try later
	WelcomeNotAllowed                            // the connected user is not admitted
)

// String returns the code in words, or "welcome code 9" for an unknown one. It
// may be called concurrently.
func (c WelcomeCode) String() string {
	switch c {
	case WelcomeOK:
		return "ok"
	case WelcomeDraining:
		return "draining"
	case WelcomeIncompatible:
		return "incompatible"
	case WelcomeTooManyClients:
		return "too many clients"
	case WelcomeNotAllowed:
		return "not allowed"
	}
	return fmt.Sprintf("welcome code %d", uint(c))
}

// Shutdown is the body of a KindShutdown frame.
type Shutdown struct {
	Now  bool `cbor:"now"`            // do not wait for running calls
	Idle bool `cbor:"idle,omitempty"` // refuse while another client uses the object
}

// StatusRequest is the body of a KindStatus frame. The empty body is the zero value, which
// asks for the status.
type StatusRequest struct {
	Ask     string `cbor:"ask,omitempty"`     // AskStacks, AskProfile, or empty
	Profile string `cbor:"profile,omitempty"` // with AskProfile: cpu, heap or mutex
	Seconds int    `cbor:"seconds,omitempty"` // with AskProfile: 1 to MaxProfileSeconds
}

// What is asked for instead of the status.
const (
	AskStacks  = "stacks"  // the stacks of all goroutines
	AskProfile = "profile" // a profile, after some seconds
)

// Limits of a profile.
const (
	MaxProfileSeconds = 300
	MaxProfile        = 16 << 20 // bytes
)

// Profile is the body of the reply to AskProfile.
type Profile struct {
	Profile []byte `cbor:"profile"` // in the format of pprof, at most MaxProfile bytes
}

// Stacks is the body of the reply to AskStacks.
type Stacks struct {
	Stacks string `cbor:"stacks"` // as runtime.Stack returns them, at most 8 MiB
}

// GoingAway is the body of a KindGoingAway frame.
type GoingAway struct {
	Last   uint64 `cbor:"last"`   // calls with greater ids will not be executed
	Reason string `cbor:"reason"` // for people
}

// ParseShutdown decodes the body of a KindShutdown frame. It returns an error
// when the body is not one. It may be called concurrently.
func ParseShutdown(body []byte) (Shutdown, error) {
	var s Shutdown
	if err := UnmarshalOpen(body, &s); err != nil {
		return Shutdown{}, fmt.Errorf("reading a shutdown: %w", err)
	}
	return s, nil
}

// ParseStatusRequest decodes the body of a KindStatus frame. It returns an error when the
// body is not one. It may be called concurrently.
func ParseStatusRequest(body []byte) (StatusRequest, error) {
	var s StatusRequest
	if len(body) == 0 {
		return s, nil
	}
	if err := UnmarshalOpen(body, &s); err != nil {
		return StatusRequest{}, fmt.Errorf("reading a status request: %w", err)
	}
	return s, nil
}

// ParseGoingAway decodes the body of a KindGoingAway frame. It returns an
// error when the body is not one. It may be called concurrently.
func ParseGoingAway(body []byte) (GoingAway, error) {
	var g GoingAway
	if err := UnmarshalOpen(body, &g); err != nil {
		return GoingAway{}, fmt.Errorf("reading a going-away: %w", err)
	}
	return g, nil
}
