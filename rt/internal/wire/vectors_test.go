package wire_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// hexBytes are bytes, which the vectors have as hexadecimal digits.
type hexBytes []byte

func (b *hexBytes) UnmarshalText(text []byte) error {
	decoded, err := hex.DecodeString(string(text))
	*b = decoded
	return err
}

func (b hexBytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(b)), nil }

// vectors reads a file of testdata/wire. A field that the test does not know is an error,
// because it would not be tested.
func vectors[T any](t testing.TB, name string) T {
	t.Helper()
	file, err := os.Open(filepath.Join("..", "..", "..", "testdata", "wire", name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var v T
	decoder := json.NewDecoder(file)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

// verdict names an outcome as the vectors do.
func verdict(err error) string {
	var unsupported *wire.UnsupportedError
	var refused *wire.RefusedError
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, io.EOF):
		return "end of file"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "unexpected end of file"
	case errors.Is(err, wire.ErrFrameTooLarge):
		return "too large"
	case errors.Is(err, wire.ErrMalformed):
		return "malformed"
	case errors.Is(err, wire.ErrAuth):
		return "not authenticated"
	case errors.As(err, &unsupported):
		return "unsupported"
	case errors.As(err, &refused):
		return refused.Welcome.Code.String()
	}
	return "refused"
}

// reason names why CBOR was refused, as the vectors do.
func reason(err error) string {
	var duplicate *cbor.DupMapKeyError
	var unknown *cbor.UnknownFieldError
	switch {
	case err == nil:
		return "ok"
	case wire.Reason(err) != "":
		return wire.Reason(err)
	case errors.As(err, &duplicate):
		return "duplicate key"
	case errors.As(err, &unknown):
		return "unknown field"
	}
	return "wrong type"
}
