package schema

// node is a type in a signature.
type node struct {
	kind   kind
	text   string // the type as it was written
	name   string // of kindNamed; or the prefix of kindPrefix: "*", "[4]", "inout "
	number int    // of kindOuter
	key    *node  // of kindMap
	elem   *node  // of kindPrefix and kindMap; the underlying type of kindNamed
	fields []field
}

type kind uint8

const (
	kindWord   kind = iota // predeclared, or compared by its text alone
	kindOuter              // a defined type around this place, counted from inside
	kindNamed              // another defined type
	kindPrefix             // pointer, slice or array, or a parameter that is copied back
	kindMap
	kindStruct
)

// field is a field of a struct. Its name is as it was written, and may be quoted.
type field struct {
	name string
	typ  *node
}

// signature is the signature of a method or a constructor.
type signature struct{ params, results []*node }

var (
	// integers are the types whose values have the same encoding.
	integers = []string{"int", "int8", "int16", "int32", "int64", "uint", "uint8", "uint16", "uint32", "uint64", "uintptr", "time.Duration"}
	// predeclared are the other types that have neither contents nor an import path.
	predeclared = []string{"bool", "string", "float32", "float64", "complex64", "complex128", "error", "any", "interface"}
	// unnamed are the first words of types that cannot be sent.
	unnamed = []string{"chan", "<-chan", "func", "struct"}
)
