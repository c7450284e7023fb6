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
		Types                []string
		Args                 hexBytes // package stub makes the configuration from these
		Configuration        hexBytes
		Verdict              string
		Hashed               hexBytes // the input of SHA-256
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
			got, err := wire.ConfigHash(v.Service, v.Constructor, v.Configuration)
			if verdict(err) != v.Verdict || got != v.Hash {
				t.Errorf("got %q, %v, want %q, %s", got, err, v.Hash, v.Verdict)
			}
			if sum := sha256.Sum256(v.Hashed); err == nil && hex.EncodeToString(sum[:]) != v.Hash {
				t.Error("the vector's hash is not that of its bytes")
			}
		})
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

// The hash of an argument is that of PROTOCOL.md, since the daemon may be of another version.
func TestArgumentHash(t *testing.T) {
	sum := sha256.Sum256([]byte("loopgen argument\x00\x05"))
	if got, want := wire.ArgumentHash([]byte{5}), hex.EncodeToString(sum[:4]); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func FuzzConfigHash(f *testing.F) {
	for _, v := range vectors[hashVectors](f, "hashes.json").Configurations {
		f.Add([]byte(v.Configuration))
	}
	for _, v := range vectors[[]cborVector](f, "cbor.json") {
		f.Add(append([]byte{0x81}, v.Input...))
	}
	f.Fuzz(func(t *testing.T, configuration []byte) {
		hash, err := wire.ConfigHash("s", "c", configuration)
		if err != nil {
			return
		}
		var list []any
		if len(hash) != 64 || wire.Unmarshal(configuration, &list) == nil && configuration[0]>>5 != 4 {
			t.Errorf("got %q of %x", hash, configuration)
		}
		if other, err := wire.ConfigHash("s", "c", append([]byte{0x82, 0x00}, configuration...)); err == nil && other == hash {
			t.Errorf("%x with another argument has the same hash", configuration)
		}
	})
}
