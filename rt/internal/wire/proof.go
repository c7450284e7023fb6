package wire

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
)

// Key is the secret of one incarnation of a daemon. It is never sent: each side proves that
// it has the key. Use crypto/rand to make one.
type Key [32]byte

// String returns a placeholder, so that the secret does not end up in a log.
func (Key) String() string { return "secret" }

// GoString returns a placeholder, as String does.
func (Key) GoString() string { return "wire.Key(secret)" }

// proofs makes and checks the proofs of both sides of one handshake.
type proofs struct {
	key        Key
	transcript []byte
}

// newProofs returns the proofs for the bytes of a hello and for a challenge, whose Proof it
// does not use. Every part of the transcript has its length before it, so that no two
// handshakes have the same transcript.
func newProofs(key Key, hello []byte, c Challenge) proofs {
	version := binary.BigEndian.AppendUint64(nil, uint64(c.Version))
	var transcript []byte
	for _, part := range [][]byte{[]byte(magic), hello, version, c.Nonce, []byte(c.Incarnation), []byte(c.Address)} {
		transcript = binary.BigEndian.AppendUint32(transcript, uint32(len(part)))
		transcript = append(transcript, part...)
	}
	return proofs{key, transcript}
}

func (p proofs) daemon() []byte { return p.mac("loopgen daemon proof") }
func (p proofs) client() []byte { return p.mac("loopgen client proof") }

func (p proofs) daemonHas(proof []byte) bool { return hmac.Equal(p.daemon(), proof) }
func (p proofs) clientHas(proof []byte) bool { return hmac.Equal(p.client(), proof) }

// mac authenticates the transcript with a key derived for one side, so that the proof of one
// side is not valid as the proof of the other.
func (p proofs) mac(side string) []byte {
	derived, err := hkdf.Key(sha256.New, p.key[:], nil, side, sha256.Size)
	if err != nil {
		panic(err) // only if the sizes in the line above are wrong
	}
	h := hmac.New(sha256.New, derived)
	h.Write(p.transcript)
	return h.Sum(nil)
}
