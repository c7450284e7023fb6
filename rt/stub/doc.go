// Package stub is the part of the runtime that only generated code uses: the table of a
// service and its methods, the codec of arguments and results, and the version tripwire.
// It does no I/O and starts no goroutine.
//
// Do not use it in other code: use package rt, and the client and proxy that loopgen
// generates. In a generated file, the client's side of a method and the daemon's side are
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
// For a type that consists of scalars, text and bytes, in structs, slices and maps, the
// generated code has a [Codec] and uses it instead of Encode and Decode:
//
//	var storeEntryCodec = stub.NewCodec("{Key string, Size int}", storeWriteEntry, storeReadEntry)
//
//	func storeWriteEntry(w *stub.Writer, v Entry) {
//		w.Struct(2)
//		stub.WriteString(w.Key("Key"), v.Key)
//		stub.WriteInt(w.Key("Size"), v.Size)
//	}
//
// Its bytes are those of Encode, and it accepts exactly the values that Decode accepts: a
// codec leaves doubtful values to these two. A codec is used only while the type has the
// layout for which the codec was generated. The runtime compares the layout with the type
// once. So code that is older than the type loses no values.
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
// # The files
//
//   - service.go, instance.go, run.go: a service, instances of generic types, a running call.
//   - part.go: capabilities beyond the core of a daemon.
//   - signature.go: the text by which two builds of a method are compared.
//   - encoder.go, decoder.go: messages of values.
//   - configuration.go, configparts.go, configtexts.go: the constructor's arguments.
//   - copyback.go: arguments that a method changes. options.go: options, which are not sent.
//   - state.go, logvalue.go: fmt.State and slog.Value.
//   - plan.go, fields.go, marshaler.go: the facts about a type, found once.
//   - check.go, omit.go, time.go: checks of a value before it is encoded.
//   - match.go, matchopen.go: checks of an item before it is decoded.
//   - memory.go, scale.go: the memory that arguments take when decoded.
//   - head.go, scalar.go, named.go: heads of CBOR items, and fast encoding of common types.
//   - codec.go, layout.go, writer.go, order.go, reader.go: generated codecs.
//   - openwriter.go, openreader.go: types that the CBOR library cannot encode.
//   - known.go, typename.go, typequota.go, pkgpath.go: types in interfaces, and their names.
//   - held.go, unknown.go: types that one of two programs lacks.
//   - errors.go, errorlayout.go, errortree.go, errorbuild.go, errorcode.go: errors.
//   - fault.go: the error in a value, and its path.
package stub

// On unsupported systems the compiler reports only this package.
import _ "github.com/loopgen/loopgen/rt/internal/platform"

// Version1 is used by every file generated for this version of the runtime. If the
// compiler does not find it, the file and the rt module have different versions: run go
// generate again with the loopgen of the same module version.
const Version1 = true
