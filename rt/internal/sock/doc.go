// Package sock moves bytes over sockets: it queues and writes frames without waiting
// for the peer, reads and tells what has arrived, listens, dials, and asks the kernel
// who the peer is. It knows no frames' contents, no daemon and no client. All code
// about sockets that differs between systems is here.
package sock

import _ "github.com/loopgen/loopgen/rt/internal/platform" // or other systems fail here
