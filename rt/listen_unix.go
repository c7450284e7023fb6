//go:build unix

package rt

import "syscall"

// exclusive does nothing: two sockets never listen on one port here unless both
// have asked for it.
func exclusive(_, _ string, _ syscall.RawConn) error { return nil }
