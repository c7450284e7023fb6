package jsonvalue

import (
	"bytes"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/schema"
)

// TestCorpusTypes prints and reads random values of the types in testdata/types.txt, which
// the corpus has written: the CBOR comes back, or the value is refused by the name of a type.
func TestCorpusTypes(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "types.txt"))
	if err != nil {
		t.Fatal(err)
	}
	c := new(Codec)
	r := rand.New(rand.NewPCG(1, 2))
	types, values := 0, 0
	for spelled := range strings.Lines(string(text)) {
		spelled = strings.TrimSuffix(spelled, "\n")
		typ := mustParse(t, spelled)
		types++
		for range 20 {
			g := generator{encoder: encoder{Codec: c}, r: r}
			g.value(place{t: typ})
			data := g.b
			out, rest, err := c.Decode(typ, data)
			if err != nil || len(rest) > 0 {
				t.Errorf("%s %x: %v, %d bytes left", spelled, data, err, len(rest))
				break
			}
			again, err := c.Encode(typ, out)
			if err != nil && strings.Contains(err.Error(), "no type of a value") {
				break
			}
			if err != nil || !bytes.Equal(again, data) {
				t.Errorf("%s %x: %s became %x, %v", spelled, data, out, again, err)
				break
			}
			values++
		}
		if zero, err := c.Encode(typ, []byte("{}")); err == nil {
			if _, rest, err := c.Decode(typ, zero); err != nil || len(rest) > 0 {
				t.Errorf("%s: the zero value %x is not printed: %v", spelled, zero, err)
			}
		}
	}
	if types < 400 || values < 15*types {
		t.Errorf("%d values of %d types came back, want at least 400 types with 15 each", values, types)
	}
}

// generator makes random values.
type generator struct {
	encoder
	r *rand.Rand
}

func (g *generator) value(p place) {
	p, err := p.resolve()
	if err != nil {
		panic(err)
	}
	deep := p.depth > 4 || p.steps > 30
	switch t := p.t; {
	case t.Kind == schema.Word:
		g.word(t.Name)
	case t.Kind == schema.Struct:
		var list []pair
		for _, f := range t.Fields {
			name, isInt := fieldName(f.Name)
			key, _ := g.apart(func(e *encoder) error { return e.plain(keyOf(name, isInt), 0) })
			list = append(list, pair{key, g.item(p.part(f.Type, true))})
		}
		if err := g.pairs(list); err != nil {
			panic(err)
		}
	case (t.Kind == schema.Map || t.Name == "*" || t.Name == "[]") && (deep || g.r.IntN(4) == 0):
		_ = g.null()
	case t.Kind == schema.Map:
		var list []pair
		seen := make(map[string]bool)
		for range g.r.IntN(4) {
			entry := pair{g.item(p.part(t.Key, true)), g.item(p.part(t.Elem, true))}
			if !seen[string(entry.key)] {
				seen[string(entry.key)] = true
				list = append(list, entry)
			}
		}
		if err := g.pairs(list); err != nil {
			panic(err)
		}
	case t.Name == "*":
		g.value(p.part(t.Elem, false))
	default:
		n, err := length(t)
		if err != nil {
			panic(err)
		}
		if n < 0 {
			n = g.r.IntN(4)
		}
		if p.isBytes() {
			data := make([]byte, n)
			for i := range data {
				data[i] = byte(g.r.Uint32())
			}
			_ = g.bytes(data)
			return
		}
		g.head(wire.MajorArray, uint64(n))
		for range n {
			g.value(p.part(t.Elem, true))
		}
	}
}

// item returns a value apart.
func (g *generator) item(p place) []byte {
	inner := generator{encoder: encoder{Codec: g.Codec}, r: g.r}
	inner.value(p)
	return inner.b
}

func (g *generator) word(name string) {
	item := func(v any) {
		b, err := wire.Marshal(v)
		if err != nil {
			panic(err)
		}
		g.b = append(g.b, b...)
	}
	float := func() float64 {
		return []float64{0, math.Copysign(0, -1), 1.5, -1e30, math.Inf(1), math.NaN(), float64(float32(g.r.NormFloat64()))}[g.r.IntN(7)]
	}
	size := bits[name]
	switch {
	case name == "bool":
		item(g.r.IntN(2) == 0)
	case name == "string":
		item([]string{"", "ä\x00\"", "$type", "x"}[g.r.IntN(4)])
	case strings.HasPrefix(name, "float"):
		item(float())
	case strings.HasPrefix(name, "complex"):
		g.head(wire.MajorArray, 2)
		item(float())
		item(float())
	case isInteger(name) && strings.HasPrefix(name, "u"):
		item(g.r.Uint64() >> (64 - size) >> g.r.IntN(size))
	case isInteger(name):
		item(int64(g.r.Uint64()) >> (64 - size) >> g.r.IntN(size))
	case name == "time.Time":
		g.head(wire.MajorTag, wire.TagTime)
		_ = g.text([]string{"2026-12-01T01:02:03Z", "1999-01-01T00:00:00.000000001-05:30"}[g.r.IntN(2)])
	case name == "any", name == "interface":
		g.b = append(g.b, []string{"\xf6", "\x82\x63int\x01", "\x82\x65uint8\x01", "\x82\x66string\x61a", "\x82\x65[]any\x81\xf6", "\x82\x65x.T#0\xa1\x61a\xf9\x3e\x00"}[g.r.IntN(6)]...)
	case name == "error":
		_ = g.errorTree(place{}, []*node{nil, {kind: '"', text: "boom"}}[g.r.IntN(2)])
	case name == "math/big.Int":
		_ = g.bigInt(&node{text: []string{"0", "-7", "123456789012345678901234567890", "-123456789012345678901234567890"}[g.r.IntN(4)]})
	case g.r.IntN(2) == 0:
		_ = g.text("a text")
	default:
		_ = g.bytes([]byte{1, 2, 3})
	}
}
