package wire

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
)

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

// UnprovenRefusalError is a refusal in place of a handshake: see Refuse. The peer has proved
// nothing. The caller trusts it only if the kernel reports the peer's user.
type UnprovenRefusalError struct {
	Welcome Welcome // its Code is WelcomeNotAllowed
}

// Error returns the peer's text.
func (e *UnprovenRefusalError) Error() string {
	return fmt.Sprintf("refused without a handshake: %v: %s", e.Welcome.Code, e.Welcome.Text)
}

// Unwrap returns ErrMalformed: in a handshake the challenge must come first.
func (e *UnprovenRefusalError) Unwrap() error { return ErrMalformed }

// Greet is the client's side of the handshake. The caller sets Incarnation, Address, Session
// and PID in hello, and the versions unless they are those of this package. Greet sets the
// nonce. It sends no proof to the daemon before the daemon has proved that it has the key.
//
// The error wraps ErrAuth when the daemon's proof is wrong, or when the peer is another
// incarnation or has another address. It is a *RefusedError when the welcome's code is not
// WelcomeOK, and an *UnprovenRefusalError when a welcome with the code WelcomeNotAllowed came
// first. Any other error wraps the error of r or w, or says how the peer broke the protocol.
// After an error the caller must close the connection. The caller sets deadlines, and must
// not use r and w meanwhile. While Greet runs, r's limit is MaxHandshake and r.Stalled is not
// called. Greet may be called concurrently for different connections.
func Greet(r *Reader, w io.Writer, key Key, hello Hello) (Welcome, error) {
	rand.Read(hello.Nonce[:]) // never fails
	if hello.MinVersion == 0 && hello.MaxVersion == 0 {
		hello.MinVersion, hello.MaxVersion = MinVersion, MaxVersion
	}
	return greet(r, w, key, hello)
}

// greet is Greet with a complete hello.
func greet(r *Reader, w io.Writer, key Key, hello Hello) (Welcome, error) {
	defer confine(r)()
	body, err := Marshal(hello)
	if err != nil {
		return Welcome{}, fmt.Errorf("greeting the daemon: %w", err)
	}
	sent := send(w, KindHello, []byte(magic), body) // a refusal may have arrived before the send failed
	challenge, err := receiveChallenge(r)
	var refusal *UnprovenRefusalError
	if sent != nil && !errors.As(err, &refusal) {
		err = sent
	}
	if err != nil {
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

// receiveChallenge reads the challenge. A refusal in its place is an *UnprovenRefusalError.
func receiveChallenge(r *Reader) (Challenge, error) {
	var challenge Challenge
	frame, err := receiveFrame(r)
	if err != nil {
		return challenge, fmt.Errorf("waiting for a %v: %w", KindChallenge, err)
	}
	if frame.Kind == KindWelcome && frame.Method == 0 && frame.ID == 0 {
		var welcome Welcome
		if UnmarshalOpen(frame.Body, &welcome) == nil && welcome.Code == WelcomeNotAllowed {
			return challenge, &UnprovenRefusalError{welcome}
		}
	}
	if err := isMessage(frame, KindChallenge); err != nil {
		return challenge, err
	}
	return challenge, UnmarshalOpen(frame.Body, &challenge)
}

// answers returns an error unless c can be the answer to hello.
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

// check returns an error unless w can end a handshake of that version.
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
