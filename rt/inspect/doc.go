// Package inspect finds daemons, asks them for their state or their exit, and calls their
// methods, without the type that they serve. The command loopctl is its first user. Package
// rt never imports it, so a program that shares an object does not link it.
//
//	daemons, err := inspect.List(inspect.Where{})
//	for _, d := range daemons {
//		status, err := d.Status(ctx)
//		…
//	}
//
// A method takes and returns JSON, which is translated by the daemon's own signatures:
//
//	method, err := daemon.Method(ctx, "Add")
//	reply, err := method.Call(ctx, []json.RawMessage{[]byte(`"apples"`), []byte("3")})
//
// Nothing in this package starts a daemon. Only Shutdown and Call change anything. Functions
// that look whether a daemon runs hold its locks for a moment, as a client that connects
// does.
//
// # Reading order
//
// list.go (which daemons there are), ask.go and stacks.go (questions over the wire), call.go
// and declare.go (methods), log.go, and doctor.go with units.go (problems)
// and mend.go (the commands against them); system_linux.go asks the kernel.
package inspect
