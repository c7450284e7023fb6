// Package emit writes the generated file of a shared type. Its input is a [Model], which
// is complete: types and expressions are Go source, and all names are chosen. It knows
// nothing of the packages from which the model comes.
package emit

import "time"

// Model has all that a generated file says. Types and expressions are Go source that uses
// the names in Imports.
type Model struct {
	Package    string // name
	Header     string // the first comment
	Constraint string // build constraint; empty: none
	Imports    []Import
	TypeParams []TypeParam

	Type    string // with type arguments: "Index", "lru.Cache[K, V]"
	Title   string // of the type in comments: "lru.Cache"
	Service string // the service's name on the wire: "example.com/app.Index"

	API, Client, Proxy, Share string // names that the user's code uses
	Table                     string // name of the variable, or of the function, that has the service
	ClientReceiver            string
	ProxyReceiver             string

	Context, Runtime, Stub, Time string // names of imports

	Constructor Constructor
	Methods     []Method // sorted by name
	Sentinels   []Named
	ErrorTypes  []Named
	DataTypes   []string
	Check       bool // LOOPGEN_CHECK=1 may compare arguments after a call
	ServesInit  bool // the daemon serves in the init function of the file
}

// Import is an import declaration.
type Import struct {
	Name     string // empty: the last element of the path
	Path     string
	Standard bool // in the standard library
}

// TypeParam is a type parameter of the type, and of client and proxy.
type TypeParam struct{ Name, Constraint string }

// Named is an error variable or an error type, and its name on the wire.
type Named struct{ Name, Source string }

// Constructor makes the object in the daemon.
type Constructor struct {
	Name     string // as a user calls it; empty: the object is the zero value
	Empty    bool   // the object is an empty map, which Source makes
	Source   string // the function, or the whole expression
	Call     bool   // Source is a function
	Context  bool   // its first parameter is a context
	Params   []Value
	Variadic bool
	Pointer  bool // it returns *T, not T
	Fails    bool // it also returns an error

	Locals
}

// Locals are the names in the functions of a method or of the constructor, but for
// parameters and results.
type Locals struct {
	Ctx, Err, Encoder, Decoder, Run, Target string
	Cfg, Args, Conn, Object                 string // of the constructor
}

// Method is a method of the type.
type Method struct {
	Name       string
	ClientName string   // differs if go vet expects another signature
	Doc        []string // lines of its comment, without slashes
	Synopsis   string   // the first sentence of the comment
	UserParams string   // names in the user's source of the parameters that are sent, with spaces between

	Params   []Value
	Results  []Value // without the error at the end, and the receiver of a fluent method
	Context  int     // index of the context in Params; -1: none
	Variadic bool
	Named    bool // the results have names in the user's source
	Fails    bool // an error is the last result
	Fluent   bool // the receiver is the first result: only the client has the method
	Options  bool // the last parameter is not sent: only the proxy has it
	Detach   bool // Close of client and proxy: the method is not in the table

	Implicit string // the helper by which a proxy calls it: "Text", …; empty: none
	Limit    bool   // Timeout is shorter than stub.ImplicitTimeout

	Mode       string // "Shared", "Concurrent" or empty
	Idempotent bool
	Timeout    time.Duration
	End        string // the method that releases what this one acquires
	EndArgs    bool
	Places     []Places
	Func       string // the method expression, or a nil function of its type

	Locals
}

// Places is a list of parameters in the method's row.
type Places struct {
	Field  string // of stub.Method
	Params []int
}

// Value is a parameter or a result.
type Value struct{ Name, Type string }
