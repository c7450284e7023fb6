//go:build !linux

package rt

import "net"

// screened returns ln: here the goroutine of each connection asks the kernel for
// its user, before it takes one of the daemon's places.
func screened(ln *net.UnixListener, _ *admission, _ func(uid int)) (net.Listener, error) {
	return ln, nil
}
