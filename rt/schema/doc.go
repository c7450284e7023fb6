// Package schema compares two builds of a shared type. It parses the signatures by
// which clients and daemons match methods, and describes their differences. It also
// reports whether programs that were built from two versions of a type can share one
// daemon.
//
//	changes, err := schema.Compare("func(User{Zip string})", "func(User{Zip int})")
//	fmt.Println(changes[0]) // parameter 1: User.Zip was string, is int
//
// A [Schema] is the output of loopgen -schema. [Diff] makes the output of loopgen
// -schema -diff. The grammar of signatures is in PROTOCOL.md of package rt, "Hashes".
//
// The package does no I/O and depends on the standard library alone. All functions and
// methods may be called concurrently.
package schema
