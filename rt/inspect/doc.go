// Package inspect finds daemons and asks them for their state or their exit, without the
// type that they serve. The command loopctl is its first user. Package rt never imports it,
// so a program that shares an object does not link it.
//
//	daemons, err := inspect.List(inspect.Where{})
//	for _, d := range daemons {
//		status, err := d.Status(ctx)
//		…
//	}
//
// Nothing in this package starts a daemon. Only Shutdown changes anything. Functions that
// look whether a daemon runs hold its locks for a moment, as a client that connects does.
//
// # Reading order
//
// list.go (which daemons there are), ask.go and stacks.go (questions over the wire), log.go,
// and doctor.go with units.go (what is wrong); system_linux.go has the view of the kernel.
package inspect
