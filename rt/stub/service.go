package stub

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"time"
)

// Service describes one shared type: how its object is made and how each of
// its methods is called. Generated code makes one per type, or per instance of
// a generic type, and registers it.
type Service struct {
	// Name is the import path and the name of the type: "example.com/counter.Counter".
	// [RegisterInstance] adds the type arguments.
	Name string
	// TypeArgs are those of an instance.
	TypeArgs []TypeArg
	// Constructor is the name of the function behind New, empty for the zero value.
	Constructor string
	// New decodes the constructor's arguments and makes the object, a non-nil
	// pointer to the type. The context lives as long as the daemon.
	New func(ctx context.Context, args *Decoder) (any, error)
	// Methods is sorted by name. A method's index is its number on this side
	// of the wire.
	Methods []Method
	// Sentinels are the package's error variables, found again by name.
	Sentinels []Sentinel
	// ErrorTypes are the package's error types, found again by name.
	ErrorTypes []ErrorType
	// DataTypes are types whose values the interfaces among parameters and
	// results may hold. Register makes them known to the whole program.
	DataTypes []DataType

	once       sync.Once
	signatures []string
	fails      []bool
	arguments  []arguments // see Memory
	refusal    error

	late bool // set before RegisterInstance returns

	errorsOnce sync.Once
	errors     *errorTable
}

// Method is a row of the dispatch table.
type Method struct {
	Name string
	Mode Mode
	// Idempotent methods may be executed twice: a call whose daemon died is
	// tried again.
	Idempotent bool
	// Timeout bounds calls whose context has no deadline; 0: Config.CallTimeout does.
	Timeout time.Duration
	// Out and InOut are the places of the parameters, counted without contexts,
	// that the method fills and that it changes: of the former only the length
	// is sent, both come back.
	Out, InOut []int
	// End names the method that ends what this one acquires; empty: it acquires
	// nothing. The daemon calls it when the caller's connection ends, if the
	// caller has not. Both are Concurrent.
	End string
	// EndArgs: the method called End takes the arguments that this one was given.
	EndArgs bool
	// Fluent methods return their receiver before all else, which is not sent.
	Fluent bool
	// Func is the method expression, (*T).Name. Only its type is looked at. For a
	// method whose options are not sent, it is a nil function of the type that the
	// method has without them.
	Func any
	// Serve decodes the arguments, waits for its turn with Begin, calls the
	// method on target and encodes what it returns.
	Serve func(run *Run, target any)
}

// Mode says what may run beside a call.
type Mode uint8

const (
	// Exclusive calls run alone, first come first served.
	Exclusive Mode = iota
	// Shared calls do not change the object: they may run beside each other,
	// never beside an exclusive one.
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

// registry holds the services of this program by name. It is written by
// package initialisation and read when a daemon looks for its service.
var registry = struct {
	sync.Mutex
	services map[string]*Service
	closed   bool // by CloseRegistry
}{services: make(map[string]*Service)}

// Register makes s, which is complete now, known to the daemon that this program
// may become. It panics when the name is taken, since then one of two generated
// files would never be served.
func Register(s *Service) {
	registry.Lock()
	defer registry.Unlock()
	if registry.services[s.Name] != nil {
		panic("loopgen: two generated files serve " + s.Name)
	}
	s.register()
}

// register is called with the registry locked.
func (s *Service) register() {
	registry.services[s.Name] = s
	declare(s.DataTypes)
}

// Lookup returns the service registered by that name, or nil.
func Lookup(name string) *Service {
	registry.Lock()
	defer registry.Unlock()
	return registry.services[name]
}

// Signature returns what both sides must agree on to call method i: see
// SignatureOf. In front of the type of a parameter that comes back is "out " or
// "inout "; the receiver that a fluent method returns is left out. It is computed on first use, from the types the program was
// compiled with, so it is never older than they are. It may be called
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

func (s *Service) inspect() {
	s.signatures = make([]string, len(s.Methods))
	s.fails = make([]bool, len(s.Methods))
	s.arguments = make([]arguments, len(s.Methods))
	for i := range s.Methods {
		m := &s.Methods[i]
		t := reflect.TypeOf(m.Func)
		s.signatures[i] = m.signature(t)
		s.arguments[i] = m.argumentsOf(t)
		results := m.results(t)
		s.fails[i] = len(results) > 0 && results[len(results)-1] == errorType
	}
	if s.refusal == nil && len(s.TypeArgs) > 0 {
		s.refusal = s.refuse()
	}
}
