package wire

import "errors"

// GreetWith and AdmitWith are the handshake with given random values, for vectors.
var (
	GreetWith = greet
	AdmitWith = admit
)

// Transcript returns the bytes that both sides of a handshake authenticate.
func Transcript(hello Hello, challenge Challenge) []byte {
	body, err := Marshal(hello)
	if err != nil {
		panic(err)
	}
	return newProofs(Key{}, body, challenge).transcript
}

// ParseHello decodes the body of a hello, as a daemon does.
var ParseHello = parseHello

// Reason returns why the strict rules refused an item, or "".
func Reason(err error) string {
	var r *refusal
	if errors.As(err, &r) {
		return r.reason
	}
	return ""
}
