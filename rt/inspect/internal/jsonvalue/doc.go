// Package jsonvalue translates JSON into the CBOR of a type, and back, by the text of the
// type alone. It touches nothing.
//
//	type                          JSON
//	bool, string                  the same
//	integers, math/big.Int        number without fraction
//	floats                        number, "NaN", "Inf", "-Inf"
//	complex numbers               array of two floats
//	[]byte, [N]byte               string in base64; {"$hex": …} and {"$text": …} are read, too
//	slices, arrays                array; null for a nil slice
//	maps                          object if the keys are texts or integers, otherwise an array
//	                              of arrays of key and value; null for a nil map
//	structs                       object; a missing field is zero
//	pointers                      null, or the value
//	time.Time, time.Duration      "2006-01-02T15:04:05Z", "1.5s"; nanoseconds are read, too
//	types that encode themselves  string: the text, or the bytes in base64; {"$bytes": …} and
//	                              {"$text": …} if it is not known which
//	interfaces                    null, bool, string, int, float64 (with a fraction or an
//	                              exponent), []any and map[string]any as they are; other
//	                              types as {"$type": name, "$value": …}
//	errors                        null, or an object with message and type, see errors.go
//
// A value of a type whose structure is not known is translated by its CBOR alone: see
// plain.go. What is printed for a value is read as the same value.
//
// # The files
//
//   - codec.go: the two translations, and the types that a text of a type leaves open.
//   - node.go: JSON as a tree.
//   - encode.go, decode.go: by type.
//   - words.go, print.go: numbers, texts and times.
//   - standard.go: types of the standard library that encode themselves.
//   - held.go, errors.go, plain.go: interfaces, errors, unknown types.
//   - compared.go: the differences of an argument.
package jsonvalue
