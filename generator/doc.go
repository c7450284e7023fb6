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
// a word. What would lose data in silence is an error; an error type that cannot
// come back as itself is a warning. Files are returned only when there was no
// error at all, and only for packages of the main module. What an earlier run
// wrote is left out of the package before it is read, so that stale or broken
// output hinders nothing.
//
// # Rules
//
// What a type is may keep its values from travelling. The first rule that holds
// is the reason given, with what to do instead; a type that none keeps is judged
// by its fields and elements. A test compares the table with the one in rules.go.
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
// Before the rules, a type is refused whose structure is unknown: only cgo knows
// it, or its file is still to be generated. After them, one is refused that nests
// deeper than the runtime sends.
//
// # Map
//
// Package load, below this one, runs the go command and reads files. It is the only one
// that does.
//
// Asking: generator.go (the options and the run), typespec.go and qualified.go (types on the
// command line), source.go (the loaded package), output.go and owner.go (the name of a
// generated file, and the type that it belongs to), expected.go (packages that already use
// the generated names).
//
// Understanding: target.go (the type that is meant), service.go, constructor.go, makers.go
// (functions that may be meant), expression.go and environment.go (Go source on the command
// line), method.go, directive.go and misspelt.go, mode.go, setting.go (what else directives
// and flags say), hook.go (what a daemon that serves before main would lack), cgo.go (types
// that need cgo), passing.go (parameters that come back, and others that are no plain
// values), session.go (what is acquired and given back), failure.go (sentinels and error
// types).
//
// Judging: rules.go (the table), unknown.go (types without a known structure), data.go,
// fields.go and marshaler.go (the walk into a type), nesting.go (how deep it is), implementers.go
// (what interfaces can hold), fluent.go (methods that return their receiver), options.go
// (functional options), copies.go (results that the object keeps), identity.go (addresses
// and handles), flatmemory.go (arguments that the daemon compares), bodywrites.go (methods
// that write into others), background.go (packages that work by themselves) and syntax.go
// (parameters and functions by their names).
//
// Waiting: waiting.go (which methods may wait, and why), by operations.go, callees.go and
// channels.go (what a body waits for and calls); acquire.go (methods that acquire what
// another one gives back).
//
// Reporting: diagnostic.go, remedy.go (what can be done, and by whom), similarname.go (names
// that are meant), suggest.go (constructors to write), interfaces.go (which well-known ones a
// proxy implements) and summary.go.
//
// Describing: schema.go and typetree.go (what builds compare, as trees of package
// schema).
//
// Writing: scope.go, takennames.go, names.go and locals.go (which names are free),
// types.go and typexpr.go (types as source), model.go (the model that internal/emit writes as a file).
//
// # Type parameters
//
// A generic type is looked at as the instance of its own type parameters, so that
// its methods speak of those. A value whose type is one of them, or contains one,
// is taken for data: the runtime judges it for each instance, when it is known
// what it stands for.
package generator
