package stub

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/loopgen/loopgen/rt/internal/value"
)

// Service describes one shared type: the constructor of its object and its methods.
// Generated code makes one for each type, or for each instance of a generic type, and
// registers it. After registration a Service does not change, and its methods may be
// called concurrently.
type Service struct {
	// Name is the import path and the name of the type: "example.com/counter.Counter".
	// [RegisterInstance] adds the type arguments.
	Name string
	// TypeArgs are the type arguments of an instance.
	TypeArgs []TypeArg
	// Constructor is the name of the function that New calls, empty for the zero value.
	Constructor string
	// New decodes the constructor's arguments and makes the object, a non-nil pointer
	// to the type. The context ends with the daemon.
	New func(ctx context.Context, args *Decoder) (any, error)
	// Methods is sorted by name. The index of a method is its number in this process.
	Methods []Method
	// Sentinels are the package's error variables. They keep their identity in the
	// client.
	Sentinels []Sentinel
	// ErrorTypes are the package's error types. They keep their type in the client.
	ErrorTypes []ErrorType
	// DataTypes are the types whose values the interfaces among parameters and results
	// may hold. Register makes them known to the whole program.
	DataTypes []DataType
	// Check reports that LOOPGEN_CHECK=1 may compare the arguments of methods: nothing
	// uses them while no method runs, as far as the generator can tell.
	Check bool
	// Part makes the part that a daemon of this service needs beyond the core; nil: it
	// needs none. Each daemon has a part of its own.
	Part func() Part

	once       sync.Once
	numbers    map[string]int // by name of the method
	signatures []string
	fails      []bool
	arguments  []value.Arguments // see Memory
	refusal    error

	typesOnce sync.Once
	types     map[string]string // see Types

	late bool // set before RegisterInstance returns

	errorsOnce sync.Once
	errors     *value.Errors
}

// Sentinel is an error variable of a package whose methods a service has. If a method
// returns it, bare or wrapped, the client's method returns it, too: compare with == or
// errors.Is. Its Name has the import path if the variable is not the service's.
type Sentinel = value.Sentinel

// ErrorType is an error type of a service's package. [ErrorTypeOf] makes it.
type ErrorType = value.ErrorType

// DataType is a type whose values an interface may hold. [DataTypeOf] makes it.
type DataType = value.DataType

// ErrorTypeOf describes the exported error type called name. E is the type or a pointer
// to it. If all fields of the type are exported and can be sent, its errors keep their
// type in the client, as values or as pointers. Otherwise they become an
// *rt.RemoteError.
func ErrorTypeOf[E error](name string) ErrorType { return value.ErrorTypeOf[E](name) }

// DataTypeOf describes the type T.
func DataTypeOf[T any]() DataType { return value.DataTypeOf[T]() }

// Method describes one method in the dispatch table.
type Method struct {
	Name string
	// Params are the names of the parameters, contexts excluded, separated by spaces, and
	// Doc is the first sentence of the method's comment. Only people read them: programs
	// of which they differ have the same method.
	Params, Doc string
	Mode        Mode
	// Idempotent methods may be executed twice: the client retries a call whose daemon
	// has died.
	Idempotent bool
	// Timeout limits calls whose context has no deadline. 0 means Config.CallTimeout.
	Timeout time.Duration
	// Out, InOut and Compared are the positions of parameters, contexts excluded, that
	// are copied back. The method fills those in Out, and only their length is sent. It
	// changes those in InOut. Those in Compared are flat memory, see [DecodeCompared], of
	// which only the differences are sent back.
	Out, InOut, Compared []int
	// In are the positions of parameters whose changes stay in the daemon, as the
	// directive //loopgen:in says.
	In []int
	// End names the method that releases the resource that this method acquires. It is
	// empty if the method acquires nothing. When the caller's connection ends, the
	// daemon calls End if the caller has not. Both methods are Concurrent.
	End string
	// EndArgs reports that the method End takes the arguments of this method.
	EndArgs bool
	// Fluent methods return their receiver as first result, which is not sent.
	Fluent bool
	// Func is the method expression, (*T).Name. Only its type is used. For a method
	// whose options are not sent, it is a nil function with the type that the method
	// has without options.
	Func any
	// Serve decodes the arguments, waits for the turn with Begin, calls the method on
	// target and encodes its results.
	Serve func(run *Run, target any)
}

// Mode says which calls may run at the same time as a call.
type Mode uint8

const (
	// Exclusive calls run alone, in the order of arrival.
	Exclusive Mode = iota
	// Shared calls do not change the object. They may run at the same time as each
	// other, but never as an exclusive call.
	Shared
	// Concurrent calls take no turn: the type is safe for concurrent use.
	Concurrent
)

// String returns "exclusive", "shared" or "concurrent".
func (m Mode) String() string {
	switch m {
	case Exclusive:
		return "exclusive"
	case Shared:
		return "shared"
	case Concurrent:
		return "concurrent"
	}
	return fmt.Sprintf("Mode(%d)", uint8(m))
}

// registry has the services of this program by name. Package initialisation writes it,
// and the daemon reads it when it looks up its service.
var registry = struct {
	sync.Mutex
	services map[string]*Service
	closed   bool // set by CloseRegistry
}{services: make(map[string]*Service)}

// Register makes s, which must be complete, known to the daemon that this program may
// become. It panics if the name is taken, since one of the two generated files would
// never be served. It may be called concurrently.
func Register(s *Service) {
	registry.Lock()
	defer registry.Unlock()
	if registry.services[s.Name] != nil {
		panic("loopgen: two generated files serve " + s.Name)
	}
	s.register()
}

// register registers s. The caller must hold the lock of registry. It panics if a name by
// which a method is looked up is not that of exactly one method.
func (s *Service) register() {
	names := make(map[string]bool, len(s.Methods))
	for i := range s.Methods {
		if name := s.Methods[i].Name; names[name] {
			panic("loopgen: two methods of " + s.Name + " have the name " + name)
		}
		names[s.Methods[i].Name] = true
	}
	for i := range s.Methods {
		if m := &s.Methods[i]; m.End != "" && !names[m.End] {
			panic("loopgen: no method of " + s.Name + " has the name " + m.End)
		}
	}
	// A package-level variable may have used s before it was complete.
	s.once, s.errorsOnce = sync.Once{}, sync.Once{}
	registry.services[s.Name] = s
	value.Declare(s.DataTypes)
}

// Lookup returns the service registered with that name, or nil. It may be called
// concurrently.
func Lookup(name string) *Service {
	registry.Lock()
	defer registry.Unlock()
	return registry.services[name]
}

// Number returns the index of the method with that name. It returns false if there is
// none. It may be called concurrently.
func (s *Service) Number(method string) (int, bool) {
	s.once.Do(s.inspect)
	n, ok := s.numbers[method]
	return n, ok
}

// Signature returns the signature of method i: see SignatureOf. It prefixes the type of
// a parameter that is copied back with "out ", "inout " or "compared ", and omits the receiver that
// a fluent method returns. The first use computes it from the types with which the
// program was compiled, so it is never older than these types. It may be called
// concurrently.
func (s *Service) Signature(i int) string {
	s.once.Do(s.inspect)
	return s.signatures[i]
}

// Fails reports whether method i has an error as its last result. It may be
// called concurrently.
func (s *Service) Fails(i int) bool {
	s.once.Do(s.inspect)
	return s.fails[i]
}

// Types returns the facts that the signatures of all methods omit about their types, for
// rt.Status. The caller must not change it. It may be called concurrently.
func (s *Service) Types() map[string]string {
	s.typesOnce.Do(func() {
		var types []reflect.Type
		for i := range s.Methods {
			m := &s.Methods[i]
			t := reflect.TypeOf(m.Func)
			types = append(append(types, m.params(t)...), m.results(t)...)
		}
		s.types = value.Facts(types)
	})
	return s.types
}

func (s *Service) inspect() {
	s.numbers = make(map[string]int, len(s.Methods))
	s.signatures = make([]string, len(s.Methods))
	s.fails = make([]bool, len(s.Methods))
	s.arguments = make([]value.Arguments, len(s.Methods))
	for i := range s.Methods {
		m := &s.Methods[i]
		s.numbers[m.Name] = i
		t := reflect.TypeOf(m.Func)
		s.signatures[i] = m.signature(t)
		s.arguments[i] = value.ArgumentsOf(m.params(t), m.Out, m.Compared)
		results := m.results(t)
		s.fails[i] = len(results) > 0 && results[len(results)-1] == errorType
	}
	if len(s.TypeArgs) > 0 {
		s.refusal = s.refuse()
	}
}

var (
	errorType   = reflect.TypeFor[error]()
	contextType = reflect.TypeFor[context.Context]()

	standardErrors = sync.OnceValue(func() *value.Errors { return value.NewErrors(nil, nil) })
)

// errorTable returns the table of s. The first use makes it.
func (s *Service) errorTable() *value.Errors {
	if s == nil {
		return standardErrors()
	}
	s.errorsOnce.Do(func() { s.errors = value.NewErrors(s.Sentinels, s.ErrorTypes) })
	return s.errors
}

// Memory returns roughly how many bytes of memory the decoded arguments of method i take, in
// addition to args: see [value.Arguments.Memory]. It may be called concurrently.
func (s *Service) Memory(i int, args []byte, enough int, quota *value.TypeQuota) int {
	s.once.Do(s.inspect)
	return s.arguments[i].Memory(args, enough, s.errorTable(), quota)
}
