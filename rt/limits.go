package rt

import "time"

// limits bound what a peer can make the daemon hold, and for how long. They
// are the same for every daemon; welcome announces those that a client needs.
type limits struct {
	frame        int           // bytes in the body of a frame, either way
	calls        int           // calls outstanding on one connection
	bytes        int           // bytes of requests outstanding, and of replies unread, on one connection
	clients      int           // admitted connections
	observers    int           // places beyond, for Status and Shutdown only
	strangers    int           // connections not yet admitted; beyond it the oldest is closed
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
	logSize:      8 << 20,
	constructing: 16 << 20,
	listed:       1000,
}
