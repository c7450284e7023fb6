// Package samples has types of every kind for which code is generated that
// encodes and decodes their values, and some that have none. Its tests compare
// what the code does with what the long way does.
package samples

import (
	"time"

	"github.com/loopgen/loopgen/rt/stub/internal/samples/other"
)

//go:generate go tool loopgen -type Samples

// The types of samples.
type (
	ID      string
	Celsius float64
	Octet   uint8
	Level   int8
	Flag    bool
	Blob    []byte
	IDs     []ID
	Levels  map[Level]Celsius

	// Scalars has one of each kind.
	Scalars struct {
		Bool    bool
		Int     int
		Int8    int8
		Int16   int16
		Int32   int32
		Int64   int64
		Uint    uint
		Uint8   uint8
		Uint16  uint16
		Uint32  uint32
		Uint64  uint64
		Float32 float32
		Float64 float64
		String  string
		Bytes   []byte
		Rune    rune
		Byte    byte
	}
	// Named has those that are called otherwise.
	Named struct {
		ID    ID
		Temp  Celsius
		Octet Octet
		Level Level
		Flag  Flag
		Blob  Blob
		IDs   IDs
		By    Levels
		Wait  time.Duration
		Month time.Month
	}
	Point struct{ X, Y float64 }
	// Order is what a service might deal with.
	Order struct {
		ID       int64
		Customer string
		Lines    []Line
		Tags     []string
		Meta     map[string]string
		Paid     bool
		Total    float64
	}
	Line struct {
		SKU      string
		Quantity int
		Price    float64
	}
	// Tagged has names of its own, one of which is long.
	Tagged struct {
		One   int      `json:"one"`
		Two   string   `cbor:"2" json:"two"`
		Three []string `json:"dreißig"`
		//lint:ignore SA5008 what others would not write has a meaning all the same
		Four bool `json:"a name that is so long that its head takes two bytes,"`
		//lint:ignore SA5008 likewise
		Five *Point `json:",string"`
	}
	// Optional leaves out what is empty.
	Optional struct {
		Always int
		Bool   bool              `json:"bool,omitempty"`
		Int    int               `json:"int,omitempty"`
		Level  Level             `json:"level,omitempty"`
		Uint   uint16            `json:"uint,omitempty"`
		Float  float32           `json:"float,omitempty"`
		Temp   Celsius           `json:",omitempty"`
		String string            `json:",omitempty"`
		ID     ID                `cbor:"id,omitempty"`
		Bytes  []byte            `json:",omitempty"`
		List   []int             `json:",omitempty"`
		Map    map[string]string `json:",omitempty"`
		Point  *Point            `json:",omitempty"`
		Count  *int              `json:",omitempty"`
		Flag   Flag              `json:",omitempty"`
		Blob   Blob              `json:",omitempty"`
		Levels Levels            `json:"levels,omitempty"`
	}
	base    struct{ Base, Kind string }
	Stamped struct {
		At   int64
		Note string `json:"note,omitempty"`
	}
	// Embedding has fields of others.
	Embedding struct {
		base
		Stamped
		other.Embedded
		ID `json:"id"`
		Celsius
		Own  Point
		Note string
		_    int
	}
	None struct{}
	// Deep nests everything in everything.
	Deep struct {
		Point   Point
		None    None
		Nothing struct{}
		Points  []Point
		ByID    map[ID]Point
		ByInt   map[int64][]Line
		ByByte  map[byte]map[bool]string
		ByFloat map[float64]*Line
		Lists   [][]string
		Blobs   [][]byte
		Hash    [4]byte
		Digest  other.Digest
		Hashes  [][2]byte
		Digests map[ID]other.Digest
		Set     map[string]struct{}
		Nones   []None
		Next    *Line
		Number  *int
		Text    []*ID
		Items   other.Items
		Box     Box[int]
		Boxes   []Box[ID]
		Inner   Embedding
		Options []Optional
	}
	Box[T any] struct {
		Value T
		More  []T
	}

	// Marked makes its own encoding.
	Marked struct{ A int }
	// Odd has no codec, for various reasons.
	Odd struct {
		When time.Time
		Mark Marked
		Any  any
		Next *Odd
		Pair [2]int
	}
	// Zeroed is left to the long way for its option.
	Zeroed struct {
		A int `json:",omitzero"`
	}
	// Keyed is for its names.
	Keyed struct {
		A int `cbor:"1,keyasint"`
	}
	Chain struct{ Next []Chain }
)

func (Marked) MarshalText() ([]byte, error) { return []byte("marked"), nil }

// UnmarshalText is the opposite.
func (*Marked) UnmarshalText([]byte) error { return nil }

// Samples is a service of which only the generated file is of interest.
type Samples struct{}

// All the methods return what they are given.

func (*Samples) ID(v ID) ID                                     { return v }
func (*Samples) Scalars(v Scalars) Scalars                      { return v }
func (*Samples) Named(v Named) Named                            { return v }
func (*Samples) Point(v Point) Point                            { return v }
func (*Samples) Order(v Order) Order                            { return v }
func (*Samples) OrderPointer(v *Order) *Order                   { return v }
func (*Samples) Orders(v []Order) []Order                       { return v }
func (*Samples) Tagged(v Tagged) Tagged                         { return v }
func (*Samples) Optional(v Optional) Optional                   { return v }
func (*Samples) Embedding(v Embedding) Embedding                { return v }
func (*Samples) Deep(v Deep) Deep                               { return v }
func (*Samples) Strings(v ...string) []string                   { return v }
func (*Samples) Ints(v []int) []int                             { return v }
func (*Samples) IDs(v IDs) IDs                                  { return v }
func (*Samples) Counts(v map[string]int) map[string]int         { return v }
func (*Samples) Levels(v Levels) Levels                         { return v }
func (*Samples) Flags(v map[Flag][]byte) map[Flag][]byte        { return v }
func (*Samples) Floats(v map[float32]uint8) map[float32]uint8   { return v }
func (*Samples) Tree(v map[string]map[string]Box[string]) error { return nil }
func (*Samples) Items(v other.Items) other.Items                { return v }
func (*Samples) Odd(v Odd) Odd                                  { return v }
func (*Samples) Zeroed(v Zeroed) Zeroed                         { return v }
func (*Samples) Keyed(v Keyed) Keyed                            { return v }
func (*Samples) Chain(v Chain) Chain                            { return v }
