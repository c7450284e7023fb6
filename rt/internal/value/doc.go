// Package value encodes Go values as CBOR, and decodes them. A value arrives unchanged, or
// an error is returned that names the type, the path inside the value and the reason.
//
// A [Plan] has the facts about a type. It is made once. A [Writer] checks a value while it
// writes it, and a [Reader] checks an item while it decodes it, both along the plan, in one
// pass. The same value always has the same bytes: each item has its shortest form, and maps
// are in the bytewise order of their keys. PROTOCOL.md has the rules.
//
// The package touches nothing but the registry of the types that interfaces can hold.
//
// # The files
//
//   - plan.go, planner.go, fields.go, marshaler.go: the facts about a type.
//   - writer.go, writefields.go, writemap.go: encoding.
//   - reader.go, readmap.go: decoding.
//   - scalar.go: the commonest types, without a plan.
//   - head.go: heads, items and messages.
//   - number.go, time.go, omit.go: floats, times and omitempty.
//   - known.go, typename.go, held.go: types and values in interfaces.
//   - spell.go: the structure of types, and the facts that it lacks.
//   - errors.go, errortree.go, errorbuild.go, errorcode.go: errors.
//   - memory.go, scale.go: the memory that arguments take when decoded.
//   - configuration.go: the constructor's arguments.
//   - fault.go: the error in a value, and its path.
package value

// On unsupported systems the compiler reports only this package.
import _ "github.com/loopgen/loopgen/rt/internal/platform"
