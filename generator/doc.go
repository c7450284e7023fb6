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
// # Map
//
// Reading: load.go (packages), output.go (what earlier runs wrote), recheck.go
// (packages that already use the generated names). Understanding: service.go,
// constructor.go, method.go, directive.go, mode.go, setting.go (what else
// directives and flags say), failure.go (sentinels and error types). Judging:
// rules.go (the table), data.go, fields.go and marshaler.go (the walk into a
// type), held.go (what interfaces can hold), inplace.go and outparam.go (methods
// that write into their arguments). Reporting: diagnostic.go, interfaces.go (which well-known ones a proxy implements) and
// summary.go. Writing: scope.go, names.go and locals.go (which names are free),
// typexpr.go (types as source), then emit*.go.
package generator
