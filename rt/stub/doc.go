// Package stub is what only generated code touches: the table of a service and
// its methods, the codec of arguments and results, and the version tripwire.
// It does no I/O and starts no goroutine.
//
// Nothing here is meant to be written by hand; use package rt, and the client
// and proxy that loopgen generates. In a generated file, the client's side of
// a method and the daemon's are
//
//	func(e *stub.Encoder) { stub.Encode(e, key) }
//	func(d *stub.Decoder) { stub.Decode(d, &value) }
//
//	func(run *stub.Run, target any) {
//		var key string
//		stub.Decode(run.Args, &key)
//		if run.Begin() {
//			value, err := target.(*Store).Find(key)
//			stub.Encode(run.Results, value)
//			run.Results.Error(err)
//		}
//	}
//
// A type that is made of scalars, text and bytes, in structs, slices and maps,
// has a [Codec] of its own, generated with it, in the place of Encode and Decode:
//
//	var storeEntryCodec = stub.NewCodec("{Key string, Size int}", storeWriteEntry, storeReadEntry)
//
//	func storeWriteEntry(w *stub.Writer, v Entry) {
//		w.Struct(2)
//		stub.WriteString(w.Key("Key"), v.Key)
//		stub.WriteInt(w.Key("Size"), v.Size)
//	}
//
// Its bytes are those of Encode, and it refuses what Decode refuses, since in
// doubt it leaves the value to them. It is used only while the type has the
// layout that it was generated for, which is compared with the type itself, once
// for each: code that is older than the type loses nothing.
//
// # What travels
//
// A value arrives as it was sent, or it is an error before anything is sent.
// Nil and empty slices and maps stay apart, and so do 0 and -0. Types that
// implement encoding.BinaryMarshaler or TextMarshaler and the opposite travel
// as those say. A time.Time keeps its instant and its offset from UTC in
// minutes, not the name of its zone nor the monotonic clock; UTC comes back as
// time.UTC and any other zone, time.Local too, as a fixed one. Pointers to one
// variable come back as pointers to several, and a cycle is an error. A type of
// which some part would always be lost, such as a struct with an unexported
// field, is an error whatever the value.
//
// What an interface holds comes back with the type that it had: a basic type,
// time.Time, time.Duration, a type that both programs have registered, or
// pointers, slices, arrays and maps of these. A value of any other type is an
// error that names the type. An error travels in every place as a method's own
// does.
//
// # The files
//
// service.go, instance.go and run.go: what is served, instances of generic types,
// and a call while it is served.
// signature.go: the text by which two builds of a method are compared.
// encoder.go and decoder.go: messages of values. copyback.go: what a method
// writes into its arguments. state.go and logvalue.go: fmt.State and slog.Value. plan.go, fields.go and
// marshaler.go: what must be known of a type, found once. check.go, omit.go
// and time.go: what is refused before it is encoded. match.go: what is refused
// before it is decoded. head.go, scalar.go and named.go: CBOR heads, and the short cut
// for common types and what is declared as one. codec.go, layout.go, writer.go,
// order.go and reader.go: the short cut that is generated. openwriter.go, openreader.go and matchopen.go: types that
// are beyond the CBOR library. known.go and typename.go: what an interface can
// hold, and how that is called; held.go: what of it methods can return. fault.go: what is wrong, and where. errors.go,
// errorlayout.go, errortree.go, errorbuild.go and errorcode.go: errors.
package stub

// The compiler reports only that package on systems that this one is not for.
import _ "github.com/loopgen/loopgen/rt/internal/platform"

// Version1 is named by every file generated for this version of the runtime.
// When it is missing, the file and the rt module do not belong together: run
// go generate again with the loopgen of the same module version.
const Version1 = true
