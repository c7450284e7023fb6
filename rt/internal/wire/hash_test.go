package wire_test

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

type hashVectors struct {
	Signatures     []struct{ Text, Hash string }
	Configurations []struct {
		Name, Comment        string
		Service, Constructor string
		Args                 hexBytes
		Verdict              string
		Hashed               hexBytes // what SHA-256 is taken of
		Hash                 string
	}
}

func TestHashVectors(t *testing.T) {
	all := vectors[hashVectors](t, "hashes.json")
	for _, v := range all.Signatures {
		if got := wire.SignatureHash(v.Text); got != v.Hash {
			t.Errorf("%s: got %s, want %s", v.Text, got, v.Hash)
		}
	}
	for _, v := range all.Configurations {
		t.Run(v.Name, func(t *testing.T) {
			got, err := wire.ConfigHash(v.Service, v.Constructor, v.Args)
			if verdict(err) != v.Verdict || got != v.Hash {
				t.Errorf("got %q, %v, want %q, %s", got, err, v.Hash, v.Verdict)
			}
			if sum := sha256.Sum256(v.Hashed); err == nil && hex.EncodeToString(sum[:]) != v.Hash {
				t.Error("the vector's hash is not that of its bytes")
			}
		})
	}
}

func configHash(t *testing.T, args ...any) string {
	t.Helper()
	data, err := wire.Marshal(args)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := wire.ConfigHash("service", "constructor", data)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

// An option that was added and is left zero keeps old and new builds together;
// one that is set parts them.
func TestConfigHashOfAddedOptions(t *testing.T) {
	type old struct{ Size int }
	type inner struct {
		On   bool
		Tags []string
		Deep *inner
	}
	type added struct {
		Size  int
		Name  string
		Rate  float64
		Inner inner
		Ptr   *inner
		List  []old
		Map   map[string]int
		Raw   []byte
	}
	before := configHash(t, old{5}, "x")
	for name, after := range map[string]string{
		"fields":              configHash(t, added{Size: 5}, "x"),
		"empty, not nil":      configHash(t, added{Size: 5, List: []old{}, Map: map[string]int{}, Raw: []byte{}, Ptr: &inner{}}, "x"),
		"trailing parameters": configHash(t, old{5}, "x", 0, "", nil, false, inner{}, 0.0),
	} {
		if after != before {
			t.Errorf("zero %s change the hash", name)
		}
	}
	seen := map[string]string{before: "before"}
	for name, after := range map[string]string{
		"size":      configHash(t, added{Size: 6}, "x"),
		"name":      configHash(t, added{Size: 5, Name: "n"}, "x"),
		"rate":      configHash(t, added{Size: 5, Rate: 0.5}, "x"),
		"inner":     configHash(t, added{Size: 5, Inner: inner{On: true}}, "x"),
		"deep":      configHash(t, added{Size: 5, Inner: inner{Deep: &inner{On: true}}}, "x"),
		"list":      configHash(t, added{Size: 5, List: []old{{}}}, "x"),
		"parameter": configHash(t, old{5}, "x", 1),
		"order":     configHash(t, "x", old{5}),
		"position":  configHash(t, old{5}, 0, "x"),
	} {
		if other, taken := seen[after]; taken {
			t.Errorf("%s and %s have the same hash", name, other)
		}
		seen[after] = name
	}
}

func TestConfigHashOfNames(t *testing.T) {
	empty := []byte{0x80}
	seen := map[string]bool{}
	for _, names := range [][2]string{{"ab", "c"}, {"a", "bc"}, {"", "abc"}, {"abc", ""}} {
		hash, err := wire.ConfigHash(names[0], names[1], empty)
		if err != nil || seen[hash] || len(hash) != 64 {
			t.Errorf("%q: got %q, %v", names, hash, err)
		}
		seen[hash] = true
	}
	if _, err := wire.ConfigHash("\xff", "", empty); err == nil {
		t.Error("a name that is not UTF-8 was hashed")
	}
}

func FuzzConfigHash(f *testing.F) {
	for _, v := range vectors[hashVectors](f, "hashes.json").Configurations {
		f.Add([]byte(v.Args))
	}
	for _, v := range vectors[[]cborVector](f, "cbor.json") {
		f.Add(append([]byte{0x81}, v.Input...))
	}
	f.Fuzz(func(t *testing.T, args []byte) {
		hash, err := wire.ConfigHash("s", "c", args)
		if err != nil {
			return
		}
		var list []any
		if len(hash) != 64 || wire.Unmarshal(args, &list) == nil && args[0]>>5 != 4 {
			t.Errorf("got %q of %x", hash, args)
		}
		// A zero argument more is none at all.
		if args[0] >= 0x80 && args[0] < 0x97 {
			longer := append([]byte{args[0] + 1}, args[1:]...)
			if again, err := wire.ConfigHash("s", "c", append(longer, 0xa0)); err != nil || again != hash {
				t.Errorf("got %q, %v, want %q", again, err, hash)
			}
		}
	})
}
