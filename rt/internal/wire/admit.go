package wire

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
)

// maxWelcomeText leaves room for the rest of a welcome within MaxHandshake.
const maxWelcomeText = 768

// Identity describes a daemon in a handshake.
type Identity struct {
	Incarnation string
	Address     string // of the daemon's listener, as in the endpoint file
	// MinVersion and MaxVersion are the versions that the daemon speaks, both included.
	// Both 0 stand for the package's MinVersion and MaxVersion.
	MinVersion, MaxVersion uint
}

// Admit is the daemon's side of the handshake. It sends nothing until it has read a
// complete and valid hello for this incarnation at this address, so a peer that sends
// anything else learns nothing. It calls decide once, for a client that has proved that it
// has the key and that speaks a common version. It sends the welcome that decide returns,
// with at most 768 bytes of its text.
//
// Admit returns the client's hello and the welcome that was sent. The error is nil also
// when the welcome's code is not WelcomeOK; the caller then closes the connection. The error
// wraps ErrAuth when the client's proof is wrong or the hello is for another daemon. Any
// other error says how the peer broke the protocol, or wraps the error of r or w. After an
// error the hello is as far as it was decoded, and the caller must close the connection.
// While Admit runs, r's limit is MaxHandshake and r.Stalled is not called. Admit may be
// called concurrently for different connections.
func Admit(r *Reader, w io.Writer, key Key, id Identity, decide func(Hello) Welcome) (Hello, Welcome, error) {
	var nonce [NonceSize]byte
	rand.Read(nonce[:]) // never fails
	return admit(r, w, key, id, nonce, decide)
}

// Refuse sends a welcome in place of a handshake, with which a daemon of several users
// answers a user that it does not admit: the code is WelcomeNotAllowed, the text is cut to
// 768 bytes. It returns the error of w. The caller then closes the connection. Refuse may be
// called concurrently for different connections.
func Refuse(w io.Writer, text string) error {
	return sendMessage(w, KindWelcome, Welcome{Code: WelcomeNotAllowed, Text: clip(text, maxWelcomeText)})
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

// readHello reads the magic and the hello. It returns the hello and its bytes.
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

// parseHello decodes the body of a hello. It fails unless encoding the hello again gives the
// same bytes: a hello has one encoding.
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
