// Package schema spells, parses and compares types, in the words by which clients and
// daemons match methods. The runtime makes a [Type] by reflection, and the generator from
// Go source. The package also compares two builds of a shared type: it reports whether
// programs that were built from two versions can share one daemon.
//
//	changes, err := schema.Compare("func(User{Zip string})", "func(User{Zip int})")
//	fmt.Println(changes[0]) // parameter 1: User.Zip was string, is int
//
// A [Schema] is the output of loopgen -schema. [Diff] makes the output of loopgen
// -schema -diff. The grammar of signatures is in PROTOCOL.md of package rt, "Hashes".
//
// The package does no I/O and imports only the standard library. All functions and
// methods may be called concurrently.
//
// # The files
//
//   - type.go: types and signatures, and how they are spelled.
//   - parse.go: the parser of their texts.
//   - compare.go: the differences of two types.
//   - schema.go, diff.go: the schema of shared types, and the differences of two.
package schema
