package sock

// Peer is the process at the other end of a connection.
type Peer struct {
	Known bool // by the kernel: the connection is a Unix socket
	UID   int
	GID   int
	PID   int // 0: the kernel does not tell
}
