// Package schema compares what two builds of a shared type have in common. It
// reads the signatures by which programs and daemons recognise a method, says in
// a person's words where two of them part, and judges whether programs that were
// built from two versions of a type can share one daemon.
//
//	changes, err := schema.Compare("func(User{Zip string})", "func(User{Zip int})")
//	fmt.Println(changes[0]) // parameter 1: User.Zip was string, is int
//
// A [Schema] is what loopgen -schema prints of types, and [Diff] is what
// loopgen -schema -diff says of two of them. The grammar of signatures is in
// PROTOCOL.md of package rt, "Hashes".
//
// The package does no I/O and depends on the standard library alone.
package schema
