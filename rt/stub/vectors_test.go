package stub_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestValueVectors reads what PROTOCOL.md says of interfaces, errors, complex
// numbers and uintptr in bytes.
func TestValueVectors(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "wire", "values.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []struct{ Name, Type, Comment, Input, Verdict, Value string }
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	types := map[string]func([]byte) (value string, again []byte, err error){
		"any": vector[any], "[]any": vector[[]any], "map[any]int": vector[map[any]int], "Shape": vector[Shape],
		"error": vector[error], "complex64": vector[complex64], "complex128": vector[complex128], "uintptr": vector[uintptr],
	}
	for _, v := range all {
		input, err := hex.DecodeString(v.Input)
		if err != nil {
			t.Fatal(v.Name, err)
		}
		value, again, err := types[v.Type](input)
		switch {
		case v.Verdict == "refused":
			if err == nil {
				t.Errorf("%s: got %s, want an error", v.Name, value)
			}
		case err != nil || value != v.Value || string(again) != string(input):
			t.Errorf("%s: got %s, %v, and %x, want %s and %s", v.Name, value, err, again, v.Value, v.Input)
		}
	}
}

// vector decodes one item, and encodes it again.
func vector[T any](input []byte) (value string, again []byte, err error) {
	v, err := decode[T](append([]byte{0x81}, input...))
	if err != nil {
		return "", nil, err
	}
	again, err = encode(v)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("%#v", v), again[1:], nil
}
