package wire

import "fmt"

// Kind is the purpose of a frame. The numbers are on the wire and never change their
// meaning.
type Kind uint8

// The kinds that this version sends and accepts. For any other kind Frame.Append returns an
// error, and Reader.Next an *UnsupportedError, or the frame if Reader.Unknown is set.
const (
	KindHello     Kind = 1 + iota // client: opens the handshake
	KindChallenge                 // daemon: proves itself and asks for proof
	KindProof                     // client: proves itself
	KindWelcome                   // daemon: ends the handshake
	KindCall                      // client: runs a method
	KindReply                     // daemon: the call's results
	KindError                     // daemon: why there are no results
	KindCancel                    // client: cancels a call
	KindStatus                    // client: asks for the status; daemon: the status
	KindShutdown                  // client: asks the daemon to shut down
	KindGoingAway                 // daemon: shuts down
	KindAbandon                   // client: the call has failed for its caller
)

// The reason of a cancel, which its frame carries in place of a method.
const (
	CancelCaller   uint16 = iota // the caller cancelled the call
	CancelDeadline               // the caller's deadline passed
)

// Numbers reserved for frames that no version sends yet. They have names, so that a refusal
// can name the kind.
//
// With kindCallback the daemon calls a function of the client's during a call of the
// client's. With kindDaemonCall the daemon opens a call of its own, with an ID that has the
// DaemonID bit.
const (
	kindCallback Kind = KindAbandon + 1 + iota
	kindCallbackReply
	kindItem
	kindCredit
	kindStop
	kindEnd
	kindRelease
	kindDaemonCall
)

var kindNames = [...]string{
	KindHello: "hello", KindChallenge: "challenge", KindProof: "proof", KindWelcome: "welcome",
	KindCall: "call", KindReply: "reply", KindError: "error", KindCancel: "cancel",
	KindStatus: "status", KindShutdown: "shutdown", KindGoingAway: "going-away",
	KindAbandon:  "abandon",
	kindCallback: "callback", kindCallbackReply: "callback-reply", kindItem: "item",
	kindCredit: "credit", kindStop: "stop", kindEnd: "end", kindRelease: "release",
	kindDaemonCall: "daemon-opened call",
}

// String returns the kind's name in the protocol, or "kind 99" for a number
// that has none. It may be called concurrently.
func (k Kind) String() string {
	if int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// supported reports whether this version sends and accepts frames of this kind.
func (k Kind) supported() bool { return k >= KindHello && k <= KindAbandon }

// Flag bits of a frame's header. Each of the first three announces one word of
// eight bytes behind the header, in the order of the bits; flagMetadata
// announces a CBOR map behind the words.
const (
	flagDeadline = 1 << iota
	flagParent
	flagTarget
	flagMetadata
)

const wordSize = 8

// flags returns the bits that a frame of this kind may carry.
func (k Kind) flags() uint8 {
	if k == KindCall {
		return flagDeadline | flagParent | flagTarget | flagMetadata
	}
	return 0
}

// DaemonID is the bit of an ID that says which side opened the exchange: clear for the
// client, set for the daemon. IDs count up from 1 on either side and are never used again in
// a connection.
const DaemonID uint64 = 1 << 63

// OpenedByDaemon reports whether the daemon opened the exchange with this ID. It may be
// called concurrently.
func OpenedByDaemon(id uint64) bool { return id&DaemonID != 0 }
