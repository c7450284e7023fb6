// Package check decides which methods of a type travel, why others do not, and what can be
// done about it. It reads what package load returns, and reports diagnostics. It writes
// nothing and chooses no names for generated code.
//
//	s := check.NewService(r, o, src, target, output, known)
//
// Nothing in this package may be used concurrently, except by several calls of Load.
//
// # Map
//
// Asking: source.go (the loaded package), typespec.go (types on the command line), setting.go
// (options, and what directives and flags say), directive.go and misspelt.go (directives and
// names that are probably meant).
//
// Understanding: target.go (the type that is meant), service.go (the result), method.go,
// mode.go, constructor.go, makers.go (functions that may be meant), suggest.go (constructors
// to write), expression.go and environment.go (Go source on the command line), hook.go (what
// a daemon that serves before main would lack), cgo.go (types that need cgo), passing.go
// (parameters that come back, and functional options), failure.go (sentinels and error types).
//
// Judging: rules.go (the table), unknown.go (types without a known structure), data.go,
// fields.go and marshaler.go (the walk into a type), nesting.go (how deep it is),
// implementers.go (what interfaces can hold), fluent.go (methods that return their
// receiver), copies.go (results that the object keeps), identity.go (addresses and handles),
// flatmemory.go (arguments that the daemon compares), bodywrites.go (methods that write into
// others), background.go (packages that work by themselves), types.go and syntax.go (parts of
// types and functions).
//
// Waiting: waiting.go (which methods may wait, and why), by operations.go, callees.go and
// channels.go (what a body waits for and calls); acquire.go (methods that acquire what
// another one gives back).
//
// Reporting: diagnostic.go, remedy.go (what can be done, and by whom), interfaces.go (which
// well-known ones a proxy implements) and summary.go.
package check
