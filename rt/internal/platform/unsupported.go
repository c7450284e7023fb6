//go:build !(linux || darwin || freebsd || windows || netbsd || dragonfly)

package platform

// The compiler's message on other systems is the name of this undefined constant.
// NetBSD and DragonFly BSD are not in it: rt compiles there, and is not tested.
const _ = loopgen_supports_linux_darwin_freebsd_and_windows_only
