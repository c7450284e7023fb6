package rt

import "time"

// limits bound what a peer can make the daemon hold, and for how long. They
// are the same for every daemon; welcome announces those that a client needs.
//
// Three more hold for whatever is sent or received, and stand in package wire
// with the code that checks them: 1 KiB in a frame of the handshake
// (MaxHandshake), 32 arrays and maps within each other (MaxNesting) and 131,072
// elements in each (MaxElements). MaxMetadata is 8 KiB, MaxText 64 KiB.
//
// Together they bound memory. A stranger costs at most 32 KiB: its read buffer
// of 2 KiB, a frame of the handshake and a goroutine; all of them cost 2 MiB. A
// client costs at most
//
//   - bytes (64 MiB) for its requests, and again what the methods' types make of
//     them: a request's arguments are decoded when it arrives;
//   - frame (16 MiB) for the one that is arriving, of which 32 times what has
//     come is allocated and never what was only announced;
//   - bytes + frame (80 MiB) for its replies: when more than bytes wait for it,
//     it is hung up on, and the last may have been a whole frame. So that this is
//     for those only who do not keep to the protocol, none of its calls begins while
//     more than 40 MiB wait, and the replies of calls that had begun by then,
//     which run beside each other, wait with their calls, of which there are 256;
//   - calls (256) goroutines.
//
// Where several users share a daemon (ScopeSystem), a user who is not admitted gets
// no place and no goroutine: see screen. Any other user than the daemon's own has at
// most three quarters of the places for clients (768) and of those for observers
// (12); all of them together leave a sixteenth of the former (64) to the daemon's own
// user: see daemon.full. Of too many connections not yet admitted, the user with
// the most loses the oldest.
//
// That is 160 MiB besides what is decoded and returned, and as much again in garbage. There
// is no bound on all clients together other than clients times that: they are
// programs of the same user, each of which could use up the memory by itself.
type limits struct {
	frame        int           // bytes in the body of a frame, either way
	calls        int           // calls outstanding on one connection; beyond it they are refused
	bytes        int           // bytes of requests outstanding, and of replies unread, on one connection; see behind
	clients      int           // admitted connections
	observers    int           // places beyond, for Status and Shutdown only
	strangers    int           // connections not yet admitted; beyond it the oldest of the user with the most is closed, so accepting never waits
	handshake    time.Duration // from accept to welcome
	frameBase    time.Duration // for a frame to arrive once it began,
	framePerMiB  time.Duration // and as much more for every MiB of it
	write        time.Duration // for a client to take what is written to it
	linger       time.Duration // for a client to close after the last reply
	objectClose  time.Duration // for the object's Close when the daemon leaves
	cancelGrace  time.Duration // for running calls to notice ShutdownNow
	birthGrace   time.Duration // the least time that a new daemon waits for its first client
	watchdog     time.Duration // between two looks at lock, endpoint, socket and log
	verdict      time.Duration // for the daemon's answer to a cancellation
	acceptPause  time.Duration // after accept has failed, for want of descriptors
	logSize      int64         // bytes in the log before it is turned over; one older log is kept
	constructing int           // bytes of the constructor's arguments
	listed       int           // calls that Status lists, running and queued
}

var defaultLimits = limits{
	frame:        16 << 20,
	calls:        256,
	bytes:        64 << 20,
	clients:      1024,
	observers:    16,
	strangers:    64,
	handshake:    2 * time.Second,
	frameBase:    10 * time.Second,
	framePerMiB:  time.Second,
	write:        10 * time.Second,
	linger:       time.Second,
	objectClose:  5 * time.Second,
	cancelGrace:  time.Second,
	birthGrace:   3 * time.Second,
	watchdog:     time.Second,
	verdict:      50 * time.Millisecond,
	acceptPause:  50 * time.Millisecond,
	logSize:      8 << 20,
	constructing: 16 << 20,
	listed:       1000,
}
