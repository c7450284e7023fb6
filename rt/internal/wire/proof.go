package wire

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"
	"sync/atomic"
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
	keys       *proofKeys
	transcript []byte
}

// proofKeys are the two keys that are derived from the key of an incarnation.
type proofKeys struct {
	of             Key
	daemon, client proofKey
}

// proofKey authenticates the proofs of one side, so that the proof of one side is not valid
// as the proof of the other.
type proofKey struct {
	mu  sync.Mutex
	mac hash.Hash // HMAC-SHA256 with the key
}

// lastKeys are the keys that were derived last. A daemon needs the same ones for every
// connection, and their memory is most of what a handshake allocates.
var lastKeys atomic.Pointer[proofKeys]

func deriveKeys(key Key) *proofKeys {
	if keys := lastKeys.Load(); keys != nil && keys.of == key {
		return keys
	}
	keys := &proofKeys{of: key}
	keys.daemon.derive(key, "loopgen daemon proof")
	keys.client.derive(key, "loopgen client proof")
	lastKeys.Store(keys)
	return keys
}

func (k *proofKey) derive(key Key, side string) {
	derived, err := hkdf.Key(sha256.New, key[:], nil, side, sha256.Size)
	if err != nil {
		panic(err) // only if the sizes in the line above are wrong
	}
	k.mac = hmac.New(sha256.New, derived)
}

// authenticate returns the proof of the side for a transcript.
func (k *proofKey) authenticate(transcript []byte) []byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.mac.Reset()
	k.mac.Write(transcript)
	return k.mac.Sum(nil)
}

// newProofs returns the proofs for the bytes of a hello and for a challenge, whose Proof it
// does not use. Every part of the transcript has its length before it, so that no two
// handshakes have the same transcript.
func newProofs(key Key, hello []byte, c Challenge) proofs {
	version := binary.BigEndian.AppendUint64(nil, uint64(c.Version))
	parts := [...][]byte{[]byte(magic), hello, version, c.Nonce, []byte(c.Incarnation), []byte(c.Address)}
	size := 0
	for _, part := range parts {
		size += 4 + len(part)
	}
	transcript := make([]byte, 0, size)
	for _, part := range parts {
		transcript = binary.BigEndian.AppendUint32(transcript, uint32(len(part)))
		transcript = append(transcript, part...)
	}
	return proofs{deriveKeys(key), transcript}
}

func (p proofs) daemon() []byte { return p.keys.daemon.authenticate(p.transcript) }
func (p proofs) client() []byte { return p.keys.client.authenticate(p.transcript) }

func (p proofs) daemonHas(proof []byte) bool { return hmac.Equal(p.daemon(), proof) }
func (p proofs) clientHas(proof []byte) bool { return hmac.Equal(p.client(), proof) }
