// Package check decides which methods of a type travel, why others do not, and with which
// remedy. It reads the package that load returns, and reports diagnostics. It writes
// nothing and chooses no names for generated code.
//
//	s := check.NewService(r, o, src, target, output, known)
//
// Nothing in this package may be used concurrently, except by several calls of Load. Its
// importer reads the fields of Source, Service, Method, Value and Constructor, and sets
// none but Value.User, the name of a parameter that has none.
//
// # Map
//
// Asking: source.go (the loaded package), typespec.go (types on the command line), options.go
// (options, directives and flags of a method), directive.go and misspelt.go (directives and
// names that are probably meant).
//
// Understanding: target.go (the type that is meant), service.go (the result), method.go,
// mode.go, constructor.go, candidates.go (functions that may be meant), replacement.go (constructors
// to write), expression.go and environment.go (Go source on the command line), hook.go (init functions
// that a daemon lacks if it serves before main), cgo.go (types that need cgo), parameters.go
// (parameters that come back, and functional options), failure.go (sentinels and error types).
//
// Judging: rules.go (the table), unknowntypes.go (types without a known structure), walk.go,
// fields.go and marshaler.go (the walk into a type), nesting.go (how deep it is),
// implementers.go (data types in interfaces), fluent.go (methods that return their
// receiver), results.go (results that the object keeps), identity.go (addresses and handles),
// flatmemory.go (arguments that the daemon compares), bodywrites.go (methods that write into
// others), background.go (packages that work by themselves), types.go and syntax.go (parts of
// types and functions).
//
// Waiting: waiting.go (which methods may wait, and why), by operations.go, callees.go and
// channels.go (the operations and calls of a body); acquire.go (methods that acquire, and
// those that give back).
//
// Reporting: diagnostic.go, remedy.go (directives and flags to write), interfaces.go (which
// well-known ones a proxy implements) and summary.go.
package check
