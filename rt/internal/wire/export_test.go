package wire

import "errors"

// The handshake with its random values given, for vectors.
var (
	GreetWith = greet
	AdmitWith = admit
)

// Transcript is what both sides of a handshake authenticate.
func Transcript(hello Hello, challenge Challenge) []byte {
	body, err := Marshal(hello)
	if err != nil {
		panic(err)
	}
	return newProofs(Key{}, body, challenge).transcript
}

// ParseHello is how a daemon reads the body of a hello.
var ParseHello = parseHello

// Reason returns why the strict rules refused an item, or "".
func Reason(err error) string {
	var r *refusal
	if errors.As(err, &r) {
		return r.reason
	}
	return ""
}
