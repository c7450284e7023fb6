// Package generator turns a Go type into the source of its shared form: the
// interface, client, proxy, Share function and dispatch table that package rt
// serves. It reads Go packages and returns Go source; it never writes a file
// and never prints.
//
//	result, err := generator.Generate(ctx, generator.Options{Types: []string{"Counter"}})
//
// # Promises
//
// The same input gives the same bytes. A method is supported, or left out with
// a diagnostic that says why and what to do about it: none disappears without
// a word. A type that would lose data in silence is an error; an error type that
// cannot come back as itself is a warning. Files are returned only when there was no
// error at all, and only for packages of the main module. The output of earlier runs
// is left out of the package before it is read, so that stale or broken output
// hinders nothing.
//
// # Rules
//
// The kind of a type may keep its values from travelling. The first rule that holds
// is the reason given, with what to do instead; a type that none keeps is judged
// by its fields and elements. A test compares the table with the one of package check.
//
//	must not be copied; return its value
//	means something only in the process that made it; pass or return the data itself
//	has a type that cannot be named from this package; use an exported type, or a type of your own
//	is an address, and means nothing in another process; pass or return the data itself
//	is a channel, which is not supported; return the values in a slice
//	is an iterator, which is not supported; return a slice or a map
//	is an option in form of a function, which cannot leave its process; take a struct of options
//	is a function, which is not supported; do its work in the method, or return the data it works on
//	is a context, which ends in its own process; return what ends it, such as an error
//	is a context, and only one parameter can be a context; take one context
//	is a handle, and means nothing in another process; pass or return the data itself
//	is an interface without a name, which is not supported; declare a type for it
//	is an interface, and no data type known here implements it; use a type that says what it holds
//
// A type whose structure is unknown is refused before the rules: only cgo knows it, or its
// file is still to be generated. A type that nests deeper than the runtime sends is
// refused after them.
//
// # Map
//
// Below this package, only load runs the go command and reads files; check decides which
// methods travel, and why not; emit prints a finished model. Types become text between
// check and emit.
//
// generator.go has the options and the run.
//
// output.go and owner.go say where a file goes, and to which type it belongs; expected.go
// knows packages that already use the generated names.
//
// scope.go, names.go and locals.go choose free names.
//
// typexpr.go has types as source, model.go the model that internal/emit writes as a file,
// schema.go and typetree.go the schema that builds compare, as trees of package schema.
//
// # Type parameters
//
// A generic type is read as the instance of its own type parameters, so that its methods
// mention those. A value whose type is one of them, or contains one, counts as data: the
// runtime judges it for each instance, whose type arguments it knows.
package generator
