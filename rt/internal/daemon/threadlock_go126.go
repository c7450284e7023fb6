//go:build gc && go1.26 && !go1.27

package daemon

import _ "unsafe" // for go:linkname

// threadLocked reports whether the calling goroutine is locked to its thread, see
// runtime.LockOSThread. Package runtime exports no such function, and its stack trace,
// which tells as well, takes as long as a short call. The releases named above let
// other packages refer to this one; see threadlock_other.go for the rest.
//
//go:linkname threadLocked runtime.lockedOSThread
func threadLocked() bool
