package stub_test

import (
	"encoding/json"
	"math/big"
	"net/netip"
	"net/url"
	"reflect"
	"time"

	"github.com/loopgen/loopgen/rt/internal/value"
)

// The types that the tests send.

type (
	Celsius  float64
	Label    string
	Blob     []byte
	Octet    uint8
	Hash     [4]Octet
	Tree     map[string]Tree
	Nested   []Nested
	Inner    struct{ A, B int }
	hidden   struct{ C string }
	Optional struct {
		ID    int              `json:"id,omitempty"`
		Rate  float32          `json:",omitempty"`
		Name  string           `cbor:"name,omitempty" json:"ignored"`
		Tags  []string         `json:"tags,omitempty"`
		Index map[string]int   `json:"index,omitempty"`
		Raw   []byte           `json:"raw,omitempty"`
		Next  *Optional        `json:"next,omitempty"`
		Addr  netip.Addr       `json:"addr,omitempty"`
		When  time.Time        `json:"when,omitzero"`
		Pair  [2]float64       `json:"pair,omitzero"`
		Inner Inner            `json:"inner,omitzero"`
		Level Level            `json:"level,omitempty"`
		Temps map[Label]Tree   `json:"temps,omitzero"`
		Zero  [0]int           `json:"zero,omitempty"`
		Empty struct{}         `json:"empty,omitempty"`
		URL   *url.URL         `json:"url,omitempty"`
		Wait  time.Duration    `json:"wait,omitempty"`
		JSON  json.RawMessage  `json:"json,omitempty"`
		Keyed map[int8]Celsius `json:"keyed,omitempty"`
	}
	Embedding struct {
		Inner
		hidden
		*Optional
		Own Label `json:"a-key"`
		_   [3]byte
	}
	Keyed struct {
		One int    `cbor:"1,keyasint"`
		Two string `cbor:"-2,keyasint"`
		Txt string `cbor:"1"`
	}
	Point struct{ X, Y float64 }
	Node  struct {
		Value int
		Next  *Node
		Kids  []*Node
		ByKey map[string]Node
	}
	Everything struct {
		Bool  bool
		I8    int8
		I64   int64
		U     uint
		U8    uint8
		U64   uint64
		F32   float32
		F64   float64
		S     string
		Bytes []byte
		Arr   [3]int
		Hash  Hash
		Blob  Blob
		Octs  []Octet
		PP    **int
		PS    *string
		PT    *time.Time
		T     time.Time
		D     time.Duration
		Ts    map[string]time.Time
		ByT   map[time.Time]int
		ByPt  map[Point]string
		ByArr map[[2]int8][]string
		ByIP  map[netip.Addr]netip.Prefix
		ByF   map[float64]bool
		ByB   map[bool]Label
		URLs  []url.URL
		Big   *big.Int
		Bigs  []big.Int
		Rat   *big.Rat
		JSON  json.RawMessage
		Anon  struct{ X *int }
		Level Level
		Opt   Optional
		Stamp Stamp
		Empty []struct{}
	}
	// Stamp is encoded by its only field.
	Stamp      struct{ time.Time }
	Pair       [2]Label
	Box[T any] struct {
		Value T
		More  []T
	}
)

// The types that are open, and what their interfaces hold.
type (
	Shape  interface{ Area() float64 }
	Circle struct{ Radius float64 }
	Square struct{ Side float64 }
	// Labelled has interfaces, errors and the like in every kind of place.
	Labelled struct {
		Label  any
		Shape  Shape
		Err    error
		Errs   []error
		Z      complex64
		Zs     map[string]complex128
		P      uintptr
		Handle Handle
		When   time.Time
		Anys   []any
		Ptr    *any
		ByAny  map[any]int
		ByZ    map[complex64]string
		ByP    map[Handle]uintptr
		ByPair map[struct{ A any }]Shape
		Arr    [2]any
		Opt    any        `cbor:"opt,omitempty"`
		OptErr error      `json:"optErr,omitzero"`
		OptZ   complex128 `json:",omitempty"`
		OptP   uintptr    `json:",omitempty"`
		Int    any        `cbor:"3,keyasint"`
	}
	Handle uintptr
	// Open is recursive through everything.
	Open struct {
		Inner
		*Extra
		hiddenOpen
		Next  *Open
		Kids  []Open
		ByKey map[string]Open
		Any   any
		Label string
	}
	Extra struct {
		N    int
		More any
	}
	hiddenOpen   struct{ Shape2 Shape }
	unregistered struct{ A int }
)

func (c Circle) Area() float64  { return c.Radius * c.Radius }
func (s *Square) Area() float64 { return s.Side * s.Side }

func init() {
	for _, t := range []reflect.Type{
		reflect.TypeFor[Circle](), reflect.TypeFor[*Square](), reflect.TypeFor[Labelled](), reflect.TypeFor[Open](), reflect.TypeFor[Shape](),
		reflect.TypeFor[Celsius](), reflect.TypeFor[map[Label][]Node](), reflect.TypeFor[Box[Open]](), reflect.TypeFor[big.Int](), reflect.TypeFor[netip.Addr](),
		reflect.TypeFor[Tree](), reflect.TypeFor[Label](),
	} {
		if err := value.RegisterType(t); err != nil {
			panic(err)
		}
	}
}

// Level is an integer that travels as text.
type Level int

func (l Level) MarshalText() ([]byte, error) {
	if l == 0 {
		return nil, nil
	}
	return []byte(big.NewInt(int64(l)).Text(36)), nil
}

func (l *Level) UnmarshalText(text []byte) error {
	*l = 0
	if len(text) == 0 {
		return nil
	}
	n, ok := new(big.Int).SetString(string(text), 36)
	if !ok {
		return errBadLevel
	}
	*l = Level(n.Int64())
	return nil
}

type badLevel struct{}

func (badLevel) Error() string { return "bad level" }

var errBadLevel error = badLevel{}
