package daemon

import (
	"time"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// limits bound what a peer can make the daemon hold, and for how long. They
// are the same for every daemon; welcome announces those that a client needs.
//
// Three more hold for whatever is sent or received, and stand in package wire
// with the code that checks them: 1 KiB in a frame of the handshake
// (MaxHandshake), 32 arrays and maps within each other (MaxNesting) and 131,072
// elements in each (MaxElements). MaxMetadata is 8 KiB, MaxText 64 KiB.
//
// The program's own code that describes a failure has a second (usercode.Limit):
// the methods of a panic's value, those of all errors in one result, and the
// handler of Config.Logger for each line.
//
// Together they bound memory. A stranger costs at most 32 KiB: its read buffer
// of 2 KiB, a frame of the handshake and a goroutine; all of them cost 2 MiB. A
// client costs at most
//
//   - bytes (64 MiB) for its requests;
//   - decoded (64 MiB) for what the arguments of its calls that take turns decode
//     to, with the buffers that methods fill, as much again for its concurrent calls,
//     and small (64 KiB) for each of its 256 calls, which is not counted: 144 MiB. A call
//     acquires it before anything is decoded. One that needs more than decoded
//     alone has the whole of it: a body of 16 MiB can be as many elements;
//   - frame (16 MiB) for the one that is arriving, of which 32 times what has
//     come is allocated and never what was only announced;
//   - bytes + frame (80 MiB) for its replies: when more than bytes wait for it,
//     it is hung up on, and the last may have been a whole frame. So that this is
//     for those only who do not keep to the protocol, none of its calls begins while
//     more than 40 MiB wait;
//   - frame for the reply of each call that had begun by then. Calls that run beside
//     each other wait with their replies, so methods that are not exclusive and return
//     16 MiB can make that 4 GiB, of 256 calls;
//   - calls (256) goroutines;
//   - stub.MaxNewTypes (1,024) types that interfaces hold and the daemon has not met,
//     about 2 KiB each. Package reflect frees none: they stay when the client has gone.
//
// Where several users share a daemon (ScopeSystem), a user who is not admitted gets
// no place and no goroutine: see screen. Any other user than the daemon's own has at
// most three quarters of the places for clients (768) and of those for observers
// (12); all of them together leave a sixteenth of the former (64) to the daemon's own
// user: see daemon.full. Of too many connections not yet admitted, the user with
// the most loses the oldest.
//
// That is 304 MiB besides those replies, and as much again in garbage. The memory for
// arguments is an estimate by their types, see stub.Service.Memory: up to half as much
// again lives, and four times as much is allocated, of which the rest is garbage. What the
// types' own methods allocate, as UnmarshalText, and what methods keep is not in it. There
// is no bound on all clients together other than clients times that: they are
// programs of the same user, each of which could use up the memory by itself.
type limits struct {
	frame            int           // bytes in the body of a frame, either way
	calls            int           // calls outstanding on one connection; beyond it they are refused
	bytes            int           // bytes of requests outstanding, and of replies unread, on one connection; see behind
	decoded          int           // bytes that the arguments of one connection's calls decode to; and again those of its concurrent ones
	small            int           // bytes to which the arguments of a call decode without being counted in decoded
	clients          int           // admitted connections
	observers        int           // places beyond, for Status and Shutdown only
	unauthenticated  int           // connections not yet admitted; beyond it the oldest of the user with the most is closed, so accepting never waits
	handshake        time.Duration // from accept to welcome
	write            time.Duration // for a client to take what is written to it
	linger           time.Duration // for a client to close after the last reply
	objectClose      time.Duration // for the object's Close when the daemon leaves
	cancelGrace      time.Duration // for all that ShutdownNow does, running calls and the object's Close included,
	stepGrace        time.Duration // but at least so long for each step of it
	firstClientGrace time.Duration // the least time that a new daemon waits for its first client
	acceptPause      time.Duration // after accept has failed, for want of descriptors
	listed           int           // calls that Status lists, running and queued
}

var defaultLimits = limits{
	frame:            wire.MaxFrame,
	calls:            256,
	bytes:            64 << 20,
	decoded:          64 << 20,
	small:            64 << 10,
	clients:          1024,
	observers:        16,
	unauthenticated:  64,
	handshake:        2 * time.Second,
	write:            10 * time.Second,
	linger:           time.Second,
	objectClose:      5 * time.Second,
	cancelGrace:      time.Second,
	stepGrace:        250 * time.Millisecond,
	firstClientGrace: 3 * time.Second,
	acceptPause:      50 * time.Millisecond,
	listed:           1000,
}
