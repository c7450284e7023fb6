// Package sock moves bytes over sockets: it dials, listens, queues and writes frames
// without waiting for the peer, reads, counts unread bytes, and asks the kernel for the
// peer's user. It may touch sockets and descriptors, and the user database for groups. It
// never looks into a frame and knows neither daemon nor client. All code about sockets
// that differs between systems is here.
package sock

import _ "github.com/loopgen/loopgen/rt/internal/platform" // names unsupported systems in the compiler's error
