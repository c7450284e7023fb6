package inspect_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/inspect"
	"github.com/loopgen/loopgen/rt/inspect/internal/jsonvalue"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/rt/schema"
	"github.com/loopgen/loopgen/testdata/objects"
)

func TestMain(m *testing.M) { rttest.Main(m) }

// specimen starts a daemon and returns the method of that name.
func specimen(t *testing.T) func(name string) *inspect.Callable {
	t.Helper()
	dir := rttest.Dir(t)
	shared := objects.ShareSpecimen(rt.Config{Name: "specimen", Scope: rt.ScopeDir(dir)})
	t.Cleanup(func() { shared.Close() })
	if _, err := shared.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	d, err := inspect.Find(inspect.Where{Dir: dir}, "specimen")
	if err != nil {
		t.Fatal(err)
	}
	return func(name string) *inspect.Callable {
		m, err := d.Method(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
}

// TestVectorsThroughDaemon sends the values of values.json that the daemon's methods take to
// a daemon, which decodes and encodes them: the JSON comes back. Values that it refuses do
// not reach the method.
func TestVectorsThroughDaemon(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "wire", "values.json"))
	var all []struct{ Name, Type, Input, Verdict string }
	if err == nil {
		err = json.Unmarshal(data, &all)
	}
	if err != nil {
		t.Fatal(err)
	}
	find := specimen(t)
	anyMethod, errs, numbers := find("Any"), find("Given"), find("Numbers")
	// The daemon lacks the type of the test that has written the vectors, and cannot
	// rebuild the error whose Error method panics as what it was. Any takes what a Shape
	// does not.
	other := []string{"registered type", "interface with methods", "type without the methods", "error that has fields, one of them an error that is nil"}
	same := 0
	for _, v := range all {
		input, err := hex.DecodeString(v.Input)
		if err != nil {
			t.Fatal(err)
		}
		typ, err := schema.ParseType(map[bool]string{true: "interface", false: v.Type}[v.Type == "Shape"])
		if err != nil {
			t.Fatal(err)
		}
		text, _, err := new(jsonvalue.Codec).Decode(typ, input)
		if err != nil {
			continue // see the test of package jsonvalue
		}
		m, place, args := anyMethod, 0, []json.RawMessage{text}
		switch v.Type {
		case "error":
			m, args[0] = errs, slices.Concat([]byte("["), text, []byte("]"))
		case "complex64", "complex128", "uintptr":
			m, args = numbers, []json.RawMessage{[]byte("[0,0]"), []byte("[0,0]"), []byte("0"), []byte("null")}
			place = slices.Index([]string{"complex64", "complex128", "uintptr"}, v.Type)
			args[place] = text
		case "any", "Shape":
		default:
			continue
		}
		reply, err := m.Call(t.Context(), args)
		var refused *rt.CallError
		var usage *inspect.UsageError
		switch {
		case err == nil && v.Verdict == "ok" && string(reply.Results[place]) == string(args[place]):
			same++
		case errors.As(err, &usage) || errors.As(err, &refused) && refused.Outcome == rt.OutcomeNotExecuted:
			if v.Verdict == "ok" && !slices.Contains(other, v.Name) {
				t.Errorf("%s: %s was refused: %v", v.Name, args[place], err)
			}
		case !slices.Contains(other, v.Name):
			t.Errorf("%s (%s): sent %s, got %+v, %v", v.Name, v.Verdict, args[place], reply, err)
		}
	}
	if same < 20 {
		t.Errorf("%d values came back, want at least 20", same)
	}
}
