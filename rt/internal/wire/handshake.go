package wire

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
)

// MaxHandshake is the largest body of a handshake's frame in bytes.
const MaxHandshake = 1 << 10

// maxWelcomeText leaves room for the rest of a welcome within MaxHandshake.
const maxWelcomeText = 768

// magic opens every connection. Its last byte is not ASCII, which keeps it
// apart from protocols of lines that may be talking on a port.
const magic = "loopgen\xae"

// ErrAuth says that the peer is not who it should be: its proof is wrong, or
// it is another daemon, or it is reached through somebody who passes the bytes
// on. The client takes the endpoint for stale; the daemon closes the
// connection.
var ErrAuth = errors.New("peer not authenticated")

// RefusedError says that an authenticated daemon does not admit this client.
type RefusedError struct {
	Welcome Welcome // its Code is not WelcomeOK
}

// Error returns the daemon's code and text.
func (e *RefusedError) Error() string {
	if e.Welcome.Text == "" {
		return fmt.Sprintf("refused by the daemon: %v", e.Welcome.Code)
	}
	return fmt.Sprintf("refused by the daemon: %v: %s", e.Welcome.Code, e.Welcome.Text)
}

// Greet is the client's side of the handshake. Of hello the caller gives
// Incarnation, Address, Session and PID; the nonce and the versions are filled
// in. It proves nothing to the daemon before the daemon has proved itself.
//
// It returns an error wrapping ErrAuth when the proof is wrong or the peer
// says that it is another incarnation or listens elsewhere, a *RefusedError
// with the welcome when that is not WelcomeOK, and else a wrapped error of r
// or w or of a peer that breaks the protocol. After an error the connection
// must be closed. Deadlines are the caller's, as is the right to use r and w.
// While it runs, r's limit is MaxHandshake and r.Stalled is not called.
func Greet(r *Reader, w io.Writer, key Key, hello Hello) (Welcome, error) {
	rand.Read(hello.Nonce[:]) // never fails
	hello.MinVersion, hello.MaxVersion = MinVersion, MaxVersion
	return greet(r, w, key, hello)
}

// greet is Greet with a hello that is complete.
func greet(r *Reader, w io.Writer, key Key, hello Hello) (Welcome, error) {
	defer confine(r)()
	body, err := Marshal(hello)
	if err != nil {
		return Welcome{}, fmt.Errorf("greeting the daemon: %w", err)
	}
	if err := send(w, KindHello, []byte(magic), body); err != nil {
		return Welcome{}, fmt.Errorf("greeting the daemon: %w", err)
	}

	var challenge Challenge
	if err := receive(r, KindChallenge, &challenge); err != nil {
		return Welcome{}, fmt.Errorf("greeting the daemon: %w", err)
	}
	if err := challenge.answers(hello); err != nil {
		return Welcome{}, fmt.Errorf("greeting the daemon: %w", err)
	}
	proofs := newProofs(key, body, challenge)
	if !proofs.daemonHas(challenge.Proof) {
		return Welcome{}, fmt.Errorf("greeting the daemon: %w: it does not have the key", ErrAuth)
	}

	proof, err := Marshal(Proof{Proof: proofs.client()})
	if err == nil {
		err = send(w, KindProof, nil, proof)
	}
	if err != nil {
		return Welcome{}, fmt.Errorf("greeting the daemon: %w", err)
	}
	var welcome Welcome
	if err := receive(r, KindWelcome, &welcome); err != nil {
		return Welcome{}, fmt.Errorf("greeting the daemon: %w", err)
	}
	if err := welcome.check(challenge.Version); err != nil {
		return Welcome{}, fmt.Errorf("greeting the daemon: %w", err)
	}
	if welcome.Code != WelcomeOK {
		return welcome, &RefusedError{welcome}
	}
	return welcome, nil
}

// answers returns an error unless c may be the answer to hello.
func (c Challenge) answers(hello Hello) error {
	switch {
	case len(c.Nonce) != NonceSize:
		return fmt.Errorf("%w: a nonce of %d bytes in the challenge", ErrMalformed, len(c.Nonce))
	case c.Incarnation != hello.Incarnation:
		return fmt.Errorf("%w: it is incarnation %q, not %q", ErrAuth, c.Incarnation, hello.Incarnation)
	case c.Address != hello.Address:
		return fmt.Errorf("%w: it listens on %q, not on %q", ErrAuth, c.Address, hello.Address)
	case c.Version != 0 && (c.Version < hello.MinVersion || c.Version > hello.MaxVersion):
		return fmt.Errorf("%w: the challenge chose version %d of %d-%d", ErrMalformed, c.Version, hello.MinVersion, hello.MaxVersion)
	}
	return nil
}

// check returns an error unless w may end a handshake of that version.
func (w Welcome) check(version uint) error {
	switch {
	case w.Code == 0:
		return fmt.Errorf("%w: a welcome without a code", ErrMalformed)
	case w.Code == WelcomeOK && version == 0:
		return fmt.Errorf("%w: welcome, but no version in common", ErrMalformed)
	case w.Calls < 0 || w.Bytes < 0 || w.Frame < 0:
		return fmt.Errorf("%w: a welcome with a negative limit", ErrMalformed)
	}
	return nil
}

// Identity is what a daemon says of itself in a handshake.
type Identity struct {
	Incarnation string
	Address     string // where it listens, as in the endpoint file
	// The versions it speaks, both included; both 0 stand for the package's
	// MinVersion and MaxVersion.
	MinVersion, MaxVersion uint
}

// Admit is the daemon's side of the handshake. It is silent until it has read
// a complete and valid hello that is meant for this incarnation at this
// address: whoever says anything else learns nothing. Decide is called once,
// for a client that has proved itself and speaks a version of ours, and its
// welcome is sent, with a text of at most 768 bytes.
//
// Admit returns what the client said and what it was told. The error is nil
// also when the welcome's code is not WelcomeOK: it is for the caller to close
// the connection then. It wraps ErrAuth when the client proved nothing or
// meant another daemon, and else says how the peer broke the protocol or wraps
// the error of r or w; the hello is returned as far as it was understood, and
// the connection must be closed. While it runs, r's limit is MaxHandshake and
// r.Stalled is not called.
func Admit(r *Reader, w io.Writer, key Key, id Identity, decide func(Hello) Welcome) (Hello, Welcome, error) {
	var nonce [NonceSize]byte
	rand.Read(nonce[:]) // never fails
	return admit(r, w, key, id, nonce, decide)
}

// admit is Admit with the daemon's nonce.
func admit(r *Reader, w io.Writer, key Key, id Identity, nonce [NonceSize]byte, decide func(Hello) Welcome) (Hello, Welcome, error) {
	defer confine(r)()
	if id.MinVersion == 0 && id.MaxVersion == 0 {
		id.MinVersion, id.MaxVersion = MinVersion, MaxVersion
	}
	hello, body, err := readHello(r, id)
	if err != nil {
		return hello, Welcome{}, fmt.Errorf("admitting a client: %w", err)
	}

	challenge := Challenge{Version: id.choose(hello), Nonce: nonce[:], Incarnation: id.Incarnation, Address: id.Address}
	proofs := newProofs(key, body, challenge)
	challenge.Proof = proofs.daemon()
	if err := sendMessage(w, KindChallenge, challenge); err != nil {
		return hello, Welcome{}, fmt.Errorf("admitting a client: %w", err)
	}
	var proof Proof
	if err := receive(r, KindProof, &proof); err != nil {
		return hello, Welcome{}, fmt.Errorf("admitting a client: %w", err)
	}
	if !proofs.clientHas(proof.Proof) {
		return hello, Welcome{}, fmt.Errorf("admitting a client: %w: it does not have the key", ErrAuth)
	}

	welcome := Welcome{Code: WelcomeIncompatible, Text: fmt.Sprintf("the client speaks versions %d-%d of the protocol, the daemon %d-%d",
		hello.MinVersion, hello.MaxVersion, id.MinVersion, id.MaxVersion)}
	if challenge.Version != 0 {
		welcome = decide(hello)
		welcome.Text = clip(welcome.Text, maxWelcomeText)
	}
	if err := sendMessage(w, KindWelcome, welcome); err != nil {
		return hello, welcome, fmt.Errorf("admitting a client: %w", err)
	}
	return hello, welcome, nil
}

// choose returns the highest version that both sides speak, or 0.
func (id Identity) choose(hello Hello) uint {
	version := min(id.MaxVersion, hello.MaxVersion)
	if version < id.MinVersion || version < hello.MinVersion {
		return 0
	}
	return version
}

// readHello reads the magic and the hello, and returns the hello also as it
// was sent.
func readHello(r *Reader, id Identity) (Hello, []byte, error) {
	b, err := r.raw(len(magic))
	if err != nil {
		return Hello{}, nil, err
	}
	if string(b) != magic {
		return Hello{}, nil, fmt.Errorf("%w: it does not begin as this protocol does", ErrMalformed)
	}
	body, err := receiveBody(r, KindHello)
	if err != nil {
		return Hello{}, nil, err
	}
	hello, err := parseHello(body)
	if err != nil {
		return Hello{}, nil, err
	}
	if hello.Incarnation != id.Incarnation {
		return hello, nil, fmt.Errorf("%w: it looks for incarnation %q, this is %q", ErrAuth, hello.Incarnation, id.Incarnation)
	}
	if hello.Address != id.Address {
		return hello, nil, fmt.Errorf("%w: it dialled %q, this is %q", ErrAuth, hello.Address, id.Address)
	}
	return hello, body, nil
}

// parseHello decodes the body of a hello, which must be the very bytes that
// encoding it again gives: there is one way to say hello.
func parseHello(body []byte) (Hello, error) {
	var hello Hello
	if err := Unmarshal(body, &hello); err != nil {
		return Hello{}, err
	}
	again, err := Marshal(hello)
	if err != nil {
		return Hello{}, err
	}
	if !bytes.Equal(again, body) {
		return Hello{}, fmt.Errorf("%w: the hello is not in its deterministic form", ErrMalformed)
	}
	if hello.MinVersion == 0 || hello.MinVersion > hello.MaxVersion || hello.PID < 0 {
		return Hello{}, fmt.Errorf("%w: a hello of versions %d-%d from process %d", ErrMalformed, hello.MinVersion, hello.MaxVersion, hello.PID)
	}
	return hello, nil
}

// confine makes r fit for the handshake and returns what undoes it. The caller
// has one deadline for all of the handshake, which Stalled must not replace.
func confine(r *Reader) (release func()) {
	limit, stalled, resumed := r.Limit, r.Stalled, r.Resumed
	r.Limit, r.Stalled, r.Resumed = MaxHandshake, nil, nil
	return func() { r.Limit, r.Stalled, r.Resumed = limit, stalled, resumed }
}

// sendMessage sends v in one frame.
func sendMessage(w io.Writer, kind Kind, v any) error {
	body, err := Marshal(v)
	if err != nil {
		return err
	}
	return send(w, kind, nil, body)
}

// send sends prefix and a handshake's frame in one write.
func send(w io.Writer, kind Kind, prefix, body []byte) error {
	if len(body) > MaxHandshake {
		return fmt.Errorf("sending a %v: %w: %d bytes, the limit is %d", kind, ErrFrameTooLarge, len(body), MaxHandshake)
	}
	frame := Frame{Kind: kind, Body: body}
	b, err := frame.Append(prefix)
	if err != nil {
		return err
	}
	if _, err := w.Write(b); err != nil {
		return fmt.Errorf("sending a %v: %w", kind, err)
	}
	return nil
}

// receive reads a handshake's message into what v points to.
func receive(r *Reader, kind Kind, v any) error {
	body, err := receiveBody(r, kind)
	if err != nil {
		return err
	}
	return UnmarshalOpen(body, v)
}

// receiveBody reads a handshake's frame of that kind.
func receiveBody(r *Reader, kind Kind) ([]byte, error) {
	frame, err := r.Next()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("waiting for a %v: %w", kind, err)
	}
	if frame.Kind != kind || frame.Method != 0 || frame.ID != 0 {
		return nil, fmt.Errorf("%w: a %v frame instead of a %v", ErrMalformed, frame.Kind, kind)
	}
	return frame.Body, nil
}
