// Package stub is the part of the runtime that only generated code uses: the table of a
// service and its methods, the messages of arguments and results, and the version tripwire.
// It does no I/O and starts no goroutine.
//
// Do not use it in other code: use package rt, and the client and proxy that loopgen
// generates. In a generated file, the client's side of a method, the proxy's and the
// daemon's are
//
//	return stub.Call1[int](ctx, c.conn, "Find", stub.Args1(key))
//
//	return stub.Must1(p.client.Find(context.Background(), key))
//
//	stub.Serve1(run, func(key string) { run.Return(stub.Results1(target.(*Store).Find(key))) })
//
// A method with more than three arguments or results is spelled out with [EncodeArg],
// [DecodeResult], [DecodeArg] and [EncodeResult].
//
// # What travels
//
// A value arrives unchanged, or an error is returned before anything is sent. Nil and empty
// slices and maps stay different, and so do 0 and -0. Types that implement
// encoding.BinaryMarshaler or TextMarshaler, and the matching Unmarshaler, are sent in that
// encoding. A time.Time keeps its instant and its offset from UTC in minutes, but not the
// name of its zone and the monotonic clock. UTC arrives as time.UTC, and any other zone,
// time.Local included, as a fixed zone. Pointers to one variable arrive as pointers to
// several variables, and a cycle is an error. A type that would always lose some part, such
// as a struct with an unexported field, is an error whatever the value.
//
// A value in an interface keeps its type: a basic type, time.Time, time.Duration, a type
// that both programs have registered, or pointers, slices, arrays and maps of these. A
// value of any other type is an error that names the type. An error value in any of these
// positions is sent in the same way as a method's own error.
//
// Package rt/internal/value does all this, for every type in the same way.
//
// # The files
//
//   - service.go, instance.go: a service, and instances of generic types.
//   - part.go: capabilities beyond the core of a daemon.
//   - signature.go: the text by which two builds of a method are compared.
//   - encoder.go, decoder.go, variable.go: messages of values.
//   - call.go, implicit.go: a call in the client, and calls of a proxy by fmt, json and log.
//   - serve.go: a call in the daemon.
//   - arguments.go, copyback.go: arguments that a method changes.
//   - changes.go, leaves.go: arguments of which the daemon sends the differences.
//   - argumentcheck.go: changes that would be lost, for LOOPGEN_CHECK.
//   - state.go, logvalue.go: fmt.State and slog.Value.
//   - held.go: types that one of two programs lacks.
package stub

// Version1 is used by every file generated for this version of the runtime. If the
// compiler does not find it, the file and the rt module have different versions: run go
// generate again with the loopgen of the same module version.
const Version1 = true
