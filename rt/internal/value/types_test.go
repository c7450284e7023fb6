package value_test

import "time"

// The types of the samples. All of them can be encoded by the CBOR library, too.
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
		//lint:ignore SA5008 unusual tags have a meaning, too
		Four bool `json:"a name that is so long that its head takes two bytes,"`
		//lint:ignore SA5008 unusual tags have a meaning, too
		Five *Point `json:",string"`
	}
	// Optional omits empty fields.
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
		Foreign
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
		Digest  Digest
		Hashes  [][2]byte
		Digests map[ID]Digest
		Set     map[string]struct{}
		Nones   []None
		Next    *Line
		Number  *int
		Text    []*ID
		Items   Items
		Box     Box[int]
		Boxes   []Box[ID]
		Inner   Embedding
		Options []Optional
	}
	Box[T any] struct {
		Value T
		More  []T
	}
	Chain   struct{ Next []Chain }
	Pair    [2]Point
	Foreign struct{ Foreign Name }
	Name    string
	Digest  [3]byte
	Item    struct {
		Name  Name
		Sizes []Size
	}
	Size  uint16
	Items map[Name]Item
)
