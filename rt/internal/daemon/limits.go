package daemon

import (
	"time"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// limits bound the memory, the connections and the time that a peer can take from the
// daemon. They are the same for every daemon. The welcome announces those that a client
// needs.
//
// Three more limits hold for all data that is sent or received. They are in package wire,
// with the code that checks them: 1 KiB in a frame of the handshake (MaxHandshake), 32
// nested arrays and maps (MaxNesting) and 131,072 elements in each (MaxElements).
// MaxMetadata is 8 KiB, MaxText 64 KiB.
//
// The program's own code that describes a failure has a second (usercode.Limit): the
// methods of a panic's value, the methods of all errors in one result, and the handler of
// Config.Logger for each line.
//
// Together the limits bound memory. An unauthenticated connection costs at most 32 KiB:
// its read buffer of 2 KiB, a frame of the handshake and a goroutine. All of these
// connections together cost 2 MiB. A client costs at most
//
//   - bytes (64 MiB) for its requests;
//   - decoded (64 MiB) for the decoded arguments of its calls that take turns, with the
//     buffers that methods fill, and as much again for its concurrent calls. Add small
//     (64 KiB) for each of its 256 calls, which is not counted in decoded: 144 MiB. A call
//     acquires its memory before anything is decoded. A call that needs more than decoded
//     acquires all of decoded: a body of 16 MiB can have as many elements;
//   - frame (16 MiB) for the frame that is arriving. The daemon allocates at most 32 times the
//     bytes that have arrived, never the bytes that were only announced;
//   - bytes + frame (80 MiB) for its replies. When more than bytes are queued, the daemon
//     closes the connection, and the last reply may have been a whole frame. Only a client
//     that violates the protocol reaches that, since none of its calls begins while more
//     than 40 MiB are queued;
//   - frame for the reply of each call that had begun by then. Shared and concurrent calls
//     run beside each other and wait with their replies. If their methods return 16 MiB,
//     256 calls can make that 4 GiB;
//   - calls (256) goroutines;
//   - 1,024 types in interfaces that are new to the daemon, about 2 KiB
//     each. Package reflect never frees them: they stay when the client is gone.
//
// That is 304 MiB besides those replies, and as much again in garbage. The memory for
// arguments is an estimate by their types, see stub.Service.Memory: up to half as much
// again is live, and four times as much is allocated, of which the rest is garbage. The
// estimate does not include memory that methods keep, or that methods of the types, such
// as UnmarshalText, allocate. All clients together are bounded only by clients times
// that: clients are programs of the same user, and each of them could use up the memory by
// itself.
//
// Several users may share a daemon (ScopeSystem). A user that the daemon does not admit
// gets no connection and no goroutine: see sock.Screened. Every user but the daemon's own
// has at most three quarters of the clients (768) and of the observers (12). All these
// users together have at most fifteen sixteenths of the clients (960): see
// Daemon.atLimit. If there are too many unauthenticated connections, the user with the
// most of them loses the oldest.
type limits struct {
	frame            int           // bytes in the body of a frame, in either direction
	calls            int           // outstanding calls of a connection; further calls are refused
	bytes            int           // bytes of a connection's outstanding requests, and of its unread replies; see backlogged
	decoded          int           // decoded bytes of the arguments of a connection's calls that take turns; the same again for concurrent calls
	small            int           // decoded bytes of the arguments of a call that are not counted in decoded
	clients          int           // admitted connections
	observers        int           // admitted connections besides clients, for Status and Shutdown only
	unauthenticated  int           // unauthenticated connections; for one more, the oldest of the user with the most is closed, so accepting never waits
	handshake        time.Duration // from accept to welcome
	write            time.Duration // for a write to a client
	linger           time.Duration // until a client closes after its last reply
	objectClose      time.Duration // for the object's Close in a drain
	cancelGrace      time.Duration // for all steps of ShutdownNow, running calls and the object's Close included
	stepGrace        time.Duration // for each of these steps, even if cancelGrace has passed
	firstClientGrace time.Duration // the shortest time that a new daemon waits for its first client
	acceptPause      time.Duration // after accept has failed for lack of descriptors
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
