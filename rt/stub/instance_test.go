package stub_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/loopgen/loopgen/rt/stub"
)

type pair[K comparable, V any] struct {
	Key   K
	Value V
}

func (p *pair[K, V]) Get(key K) (V, bool) { return p.Value, key == p.Key }
func (p *pair[K, V]) Len() (int, error)   { return 1, nil }

func pairService[K comparable, V any]() *stub.Service {
	return stub.RegisterInstance(&stub.Service{
		Name:     "example.com/pair.Pair",
		TypeArgs: []stub.TypeArg{stub.TypeArgOf[K]("K"), stub.TypeArgOf[V]("V")},
		Methods: []stub.Method{
			{Name: "Get", Func: (*pair[K, V]).Get},
			{Name: "Len", Func: (*pair[K, V]).Len},
		},
	})
}

func TestInstanceIsNamedByItsTypeArguments(t *testing.T) {
	const here = "github.com/loopgen/loopgen/rt/stub_test"
	for _, test := range []struct {
		s                     *stub.Service
		args, structure, sign string
	}{
		{pairService[string, int](), "string,int", "string, int", "func(string) (int, bool)"},
		{pairService[[2]bool, map[string]*[]byte](), "[2]bool,map[string]*[]uint8", "[2]bool, map[string]*[]uint8", "func([2]bool) (map[string]*[]uint8, bool)"},
		{pairService[int, pair[string, bool]](), "int," + here + ".pair[string,bool]", "int, pair[string,bool]{Key string, Value bool}", "func(int) (pair[string,bool]{Key string, Value bool}, bool)"},
		{pairService[[1]any, *pair[int, any]](), "[1]any,*" + here + ".pair[int,any]", "[1]any, *pair[int,interface {}]{Key int, Value any}", "func([1]any) (*pair[int,interface {}]{Key int, Value any}, bool)"},
		{pairService[int8, any](), "int8,any", "int8, any", "func(int8) (any, bool)"},
		{pairService[int, struct {
			A int `json:"a"`
		}](), `int,struct { A int "json:\"a\"" }`, "int, struct{a int}", "func(int) (struct{a int}, bool)"},
	} {
		if got, want := test.s.Name, "example.com/pair.Pair["+test.args+"]"; got != want {
			t.Errorf("name: got %s, want %s", got, want)
		}
		if got := test.s.Structure(); got != test.structure {
			t.Errorf("structure of %s: got %s, want %s", test.s.Name, got, test.structure)
		}
		if got := test.s.Signature(0); got != test.sign {
			t.Errorf("signature of %s: got %s, want %s", test.s.Name, got, test.sign)
		}
		if err := test.s.Refusal(); err != nil {
			t.Errorf("%s: %v", test.s.Name, err)
		}
		if stub.Lookup(test.s.Name) != test.s {
			t.Errorf("%s is not registered", test.s.Name)
		}
	}
}

func TestInstanceIsRegisteredOnce(t *testing.T) {
	made := make(chan *stub.Service)
	for range 4 {
		go func() { made <- pairService[int8, int8]() }()
	}
	first := <-made
	for range 3 {
		if s := <-made; s != first {
			t.Error("got two services for the same type arguments")
		}
	}
}

func TestInstancesOfTypesWithOneName(t *testing.T) {
	one := func() *stub.Service { type local struct{ A int }; return pairService[string, local]() }()
	two := func() *stub.Service { type local struct{ B int }; return pairService[string, local]() }()
	if one.Name == two.Name || stub.Lookup(one.Name) != one || stub.Lookup(two.Name) != two {
		t.Errorf("got %s and %s, want two services", one.Name, two.Name)
	}
}

func TestInstanceThatCannotTravel(t *testing.T) {
	for _, test := range []struct {
		s    *stub.Service
		want string
	}{
		{pairService[string, chan int](), "type argument V, which Get needs: chan int: "},
		{pairService[chan int, string](), "type argument K, which Get needs: chan int: "},
		{pairService[string, []func()](), "type argument V, which Get needs: []func()[]: "},
		{pairService[string, struct{ hidden int }](), "type argument V, which Get needs: struct { hidden int }"},
	} {
		if err := test.s.Refusal(); err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s…", test.s.Name, err, test.want)
		}
	}
}

func TestInstanceAfterCloseRegistry(t *testing.T) {
	stub.CloseRegistry()
	if !pairService[uint16, uint16]().Late() {
		t.Error("not late")
	}
}

type shaped[T any] struct{ V T }

func (s *shaped[T]) LogValue() slog.Value              { return slog.AnyValue(s.V) }
func (s *shaped[T]) Format(state fmt.State, verb rune) { fmt.Fprint(state, s.V) }

// instanceData is what only an instance's service makes known.
type instanceData struct{ A int }

// What generated code carries in a way of its own is no reason to refuse an
// instance, and the data types of one are registered as those of others are.
func TestInstanceCarriesWhatOthersDo(t *testing.T) {
	s := stub.RegisterInstance(&stub.Service{
		Name:     "example.com/shaped.Shaped",
		TypeArgs: []stub.TypeArg{stub.TypeArgOf[int]("T")},
		Methods: []stub.Method{
			{Name: "Format", Func: (*shaped[int]).Format},
			{Name: "LogValue", Func: (*shaped[int]).LogValue},
		},
		DataTypes: []stub.DataType{stub.DataTypeOf[instanceData]()},
	})
	if err := s.Refusal(); err != nil {
		t.Error(err)
	}
	if _, err := encode(any(instanceData{1})); err != nil {
		t.Error(err)
	}
}
