//go:build gc && go1.26 && !go1.27

package daemon

import _ "unsafe" // for go:linkname

// threadLocked reports whether the calling goroutine is locked to its thread, see
// runtime.LockOSThread. Package runtime exports no such function. A stack trace has the
// answer, but takes as long as a short call. The Go releases of the build constraint
// allow other packages to link to lockedOSThread; threadlock_other.go is for the others.
//
//go:linkname threadLocked runtime.lockedOSThread
func threadLocked() bool
