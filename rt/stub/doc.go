// Package stub is what only generated code touches: the table of a service and
// its methods, the codec of arguments and results, and the version tripwire.
// It does no I/O and starts no goroutine.
//
// Nothing here is meant to be written by hand; use package rt, and the client
// and proxy that loopgen generates.
package stub

// Version1 is named by every file generated for this version of the runtime.
// When it is missing, the file and the rt module do not belong together: run
// go generate again with the loopgen of the same module version.
const Version1 = true
