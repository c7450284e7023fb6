package stub_test

import (
	"encoding/hex"
	"encoding/json"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt/stub"
)

// The types of the vectors.
type (
	Limits struct {
		On   bool
		Tags []string
	}
	Settings struct {
		Size   int
		Name   string
		Verify *bool
		Rates  map[string]int
		Inner  Limits
	}
	Place    struct{ A, B int }
	Embedder struct {
		*Place
		C int
	}
)

// recoder decodes an argument of some type and returns what encodes it again.
type recoder func(d *stub.Decoder) func(e *stub.Encoder)

// recoders are those of the vectors' types, by their texts in signatures.
var recoders = map[string]recoder{}

func recode[T any]() {
	text := stub.SignatureOf(reflect.TypeFor[func(int, T)]())
	recoders[strings.TrimSuffix(strings.TrimPrefix(text, "func("), ")")] = func(d *stub.Decoder) func(*stub.Encoder) {
		var v T
		stub.Decode(d, &v)
		return argument(v)
	}
}

func init() {
	recode[bool]()
	recode[int]()
	recode[float64]()
	recode[string]()
	recode[[]byte]()
	recode[[3]byte]()
	recode[*bool]()
	recode[[]int]()
	recode[[2]int]()
	recode[map[string]int]()
	recode[map[Place]bool]()
	recode[complex128]()
	recode[time.Time]()
	recode[big.Int]()
	recode[netip.Addr]()
	recode[any]()
	recode[error]()
	recode[Settings]()
	recode[*Settings]()
	recode[[]Limits]()
	recode[Embedder]()
}

type configVector struct {
	Name          string   `json:"name"`
	Comment       string   `json:"comment,omitempty"`
	Service       string   `json:"service"`
	Constructor   string   `json:"constructor"`
	Types         []string `json:"types,omitempty"`
	Args          string   `json:"args,omitempty"`
	Configuration string   `json:"configuration"`
	Verdict       string   `json:"verdict"`
	Hashed        string   `json:"hashed,omitempty"`
	Hash          string   `json:"hash,omitempty"`
}

// TestConfigurationVectors makes configurations of arguments as PROTOCOL.md says.
// Package wire hashes them.
func TestConfigurationVectors(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "wire", "hashes.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all struct{ Configurations []configVector }
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	made := 0
	for _, v := range all.Configurations {
		if v.Args == "" {
			continue // refused before it is hashed
		}
		t.Run(v.Name, func(t *testing.T) {
			args, err := hex.DecodeString(v.Args)
			if err != nil {
				t.Fatal(err)
			}
			d, err := stub.NewDecoder(&stub.Service{}, args)
			if err != nil {
				t.Fatal(err)
			}
			var again []func(*stub.Encoder)
			for _, typ := range v.Types {
				if recoders[typ] == nil {
					t.Fatalf("no type %s", typ)
				}
				again = append(again, recoders[typ](d))
			}
			if err := d.End(); err != nil {
				t.Fatal(err)
			}
			if got := hex.EncodeToString([]byte(configuration(t, again...))); got != v.Configuration {
				t.Errorf("got %s, want %s", got, v.Configuration)
			}
		})
		made++
	}
	if made == 0 {
		t.Error("no vectors")
	}
}
