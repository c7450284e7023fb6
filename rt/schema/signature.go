package schema

// node is a type in a signature.
type node struct {
	kind   kind
	text   string // the type as it was spelt
	name   string // of kindNamed, and the prefix of kindPrefix: "*", "[4]", "inout "
	number int    // of kindOuter
	key    *node  // of kindMap
	elem   *node  // of kindPrefix and kindMap; what a kindNamed is
	fields []field
}

type kind uint8

const (
	kindWord   kind = iota // predeclared, or compared by its text alone
	kindOuter              // a defined type that is being spelt out, counted from inside
	kindNamed              // another defined type
	kindPrefix             // pointer, slice or array, or a parameter that comes back
	kindMap
	kindStruct
)

// field is a field of a struct; name is as it was spelt, perhaps quoted.
type field struct {
	name string
	typ  *node
}

// signature is that of a method or of a constructor.
type signature struct{ params, results []*node }

var (
	// integers are the types whose values are encoded alike.
	integers = []string{"int", "int8", "int16", "int32", "int64", "uint", "uint8", "uint16", "uint32", "uint64", "uintptr", "time.Duration"}
	// predeclared are the other types that are not spelt out and have no path.
	predeclared = []string{"bool", "string", "float32", "float64", "complex64", "complex128", "error", "any", "interface"}
	// unnamed are the first words of types that cannot be sent.
	unnamed = []string{"chan", "<-chan", "func", "struct"}
)
