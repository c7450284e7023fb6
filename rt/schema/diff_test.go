package schema_test

import (
	"math/big"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/schema"
	"github.com/loopgen/loopgen/rt/stub"
)

const released = `loopgen schema 1
service example.com/user.Store
constructor NewStore func(Options{Start int})
method Add func(int) int
method Label func(int) string
method Usage func() Usage{Calls int}
type example.com/user.Circle Circle{Radius float64}
type "example.com/user.Box[struct { A int }]" Box[struct { A int }]{V struct{A int}}
error FullError FullError{Limit int}
sentinel ErrFull
service example.com/user.Cache
type-params 2
method Get func($1) ($2, bool)
`

func parse(t *testing.T, text string) *schema.Schema {
	t.Helper()
	s, err := schema.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSchemaText(t *testing.T) {
	s := parse(t, released)
	if got := s.String(); got != released {
		t.Errorf("got\n%s\nwant\n%s", got, released)
	}
	if store := s.Services[0]; store.Constructor != (schema.Entry{Name: "NewStore", Text: "func(Options{Start int})"}) ||
		len(store.Methods) != 3 || store.Types[1].Name != "example.com/user.Box[struct { A int }]" || store.Sentinels[0].Name != "ErrFull" {
		t.Errorf("got %+v", store)
	}
	for _, c := range []struct{ old, new, want string }{
		{"schema 1", "schema 2", "line 1: "},
		{released, "", "cut off"},
		{"($2, bool)\n", "($2, bool)", "cut off"},
		{"method Add func", "method Add fun", "line 4: reading signature"},
		{"service example.com/user.Store\n", "", "line 2: "},
		{"type-params 2", "type-params two", "line 12: "},
		{"sentinel ErrFull", "sentinel", "line 10: the name is missing"},
		{"sentinel ErrFull", "variable ErrFull", "line 10: unknown key"},
		{"FullError{Limit int}", "FullError{Limit", "line 9: reading signature"},
	} {
		_, err := schema.Parse(strings.Replace(released, c.old, c.new, 1))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q instead of %q: got %v, want %q", c.new, c.old, err, c.want)
		}
	}
}

func TestDiff(t *testing.T) {
	for _, c := range []struct {
		name     string
		old, new string // what is replaced
		breaking bool
		want     []string // subjects and what is said of them
	}{
		{"method added", "method Add ", "method Ab func()\nmethod Add ", false, []string{"Store.Ab: is new"}},
		{"method removed", "method Add func(int) int\n", "", true, []string{"Store.Add: is gone"}},
		{"method changed", "Label func(int)", "Label func(string)", true, []string{"Store.Label: parameter 1 was int, is string"}},
		{"method changed twice", "Usage{Calls int}", "Usage{Calls int64, Limit int}", true,
			[]string{"Store.Usage: result 1: Usage.Calls was int, is int64", "Store.Usage: result 1: Usage.Limit is new (int)"}},
		{"option added", "Start int}", "Start int, Limit int}", false, []string{"NewStore: parameter 1: Options.Limit is new (int)"}},
		{"constructor's parameter added", "Start int})", "Start int}, string)", false, []string{"NewStore: parameter 2 is new (string)"}},
		{"constructor's parameter in front", "(Options", "(string, Options", true, []string{"NewStore: parameter 1 is new (string)"}},
		{"option removed", "Options{Start int}", "Options{}", true, []string{"NewStore: parameter 1: Options.Start is gone (int)"}},
		{"another constructor", "constructor NewStore", "constructor Open", true, []string{"Store: was made by NewStore, is made by Open"}},
		{"no constructor any more", "constructor NewStore func(Options{Start int})\n", "", true, []string{"Store: was made by NewStore, is made by the zero value"}},
		{"type changed", "Radius float64", "Radius float32", true, []string{"example.com/user.Circle: Circle.Radius was float64, is float32"}},
		{"type added", "type example", "type example.com/user.Disc Disc{}\ntype example", false, []string{"example.com/user.Disc: can be held by interfaces now"}},
		{"type removed", "type example.com/user.Circle Circle{Radius float64}\n", "", true, []string{"example.com/user.Circle: can no longer be held by interfaces"}},
		{"error changed", "Limit int", "Limit int, Of string", true, []string{"FullError: FullError.Of is new (string)"}},
		{"error added", "error FullError", "error EmptyError EmptyError{}\nerror FullError", false, []string{"EmptyError: is a new error type"}},
		{"sentinel renamed", "ErrFull", "ErrNoRoom", false, []string{"ErrFull: is no error variable any more", "ErrNoRoom: is a new error variable"}},
		{"type argument added", "type-params 2", "type-params 3", true, []string{"Cache: had 2 type parameters, has 3"}},
		{"generic method changed", "($2, bool)", "$2", true, []string{"Cache.Get: result 2 is gone (bool)"}},
		{"service renamed", "user.Cache", "user.LRU", true, []string{"Cache: is gone", "LRU: is new"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			findings := schema.Diff(parse(t, released), parse(t, strings.Replace(released, c.old, c.new, 1)))
			breaking := false
			var got []string
			for _, f := range findings {
				breaking = breaking || f.Breaking
				got = append(got, f.Subject+": "+f.What)
				if f.Effect == "" {
					t.Error("no effect: ", f)
				}
			}
			if breaking != c.breaking || !slices.Equal(got, c.want) {
				t.Errorf("got  %v %q\nwant %v %q", breaking, got, c.breaking, c.want)
			}
		})
	}
	if findings := schema.Diff(parse(t, released), parse(t, released)); len(findings) > 0 {
		t.Errorf("the same schema: got %v", findings)
	}
}

// argument is a value for a constructor.
type argument struct {
	typ    reflect.Type
	encode func(*stub.Encoder)
}

func arg[T any](v T) argument {
	return argument{reflect.TypeFor[T](), func(e *stub.Encoder) { stub.Encode(e, v) }}
}

func encoded(t *testing.T, args []argument) (signature, hash string) {
	t.Helper()
	types := []reflect.Type{reflect.TypeFor[int]()} // the receiver, of which nothing is looked at
	_, configuration, err := stub.EncodeArguments(&stub.Service{}, 1<<20, func(e *stub.Encoder) {
		for _, a := range args {
			types = append(types, a.typ)
			a.encode(e)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if hash, err = wire.ConfigHash("service", "New", configuration.Bytes); err != nil {
		t.Fatal(err)
	}
	return stub.SignatureOf(reflect.FuncOf(types, nil, false)), hash
}

func ptr[T any](v T) *T { return &v }

type (
	number  int16
	label   string
	pair    struct{ A, B int }
	reverse struct{ B, A int64 }
	fixed   struct{ F [2]int }
	loop    struct {
		A    int
		Next *loop
	}
)

// What other versions of pair are like.
func withField() argument    { type pair struct{ A, B, C int }; return arg(pair{A: 1, B: 2}) }
func withoutField() argument { type pair struct{ A int }; return arg(pair{A: 1}) }
func withArrayField() argument {
	type pair struct {
		A, B int
		F    [2]int
	}
	return arg(pair{A: 1, B: 2})
}
func withNested() argument {
	type pair struct {
		A, B int
		Next *pair
	}
	return arg(pair{A: 1, B: 2})
}
func withOrder() argument { type pair struct{ B, A int }; return arg(pair{A: 1, B: 2}) }

// What Diff says of a constructor is what the configuration's hash does. Values
// are equal in both versions, and zero where only one has them.
func TestDiffOfConstructor(t *testing.T) {
	list := func(args ...argument) []argument { return args }
	for _, c := range []struct {
		name string
		was  []argument
		is   []argument
		// apart: Diff says breaking although these values would be together,
		// since others would not.
		apart bool
	}{
		{name: "added at the end", was: list(arg(7)), is: list(arg(7), arg(""))},
		{name: "added in front", was: list(arg(7)), is: list(arg(""), arg(7))},
		{name: "first one added", was: list(), is: list(arg(map[string]int(nil)))},
		{name: "array added", was: list(arg(7)), is: list(arg(7), arg([2]int{}))},
		{name: "bytes added", was: list(arg(7)), is: list(arg(7), arg([2]byte{}))},
		{name: "empty array added", was: list(arg(7)), is: list(arg(7), arg([0]int{}))},
		{name: "complex added", was: list(arg(7)), is: list(arg(7), arg(0i))},
		{name: "time added", was: list(arg(7)), is: list(arg(7), arg(time.Time{}))},
		{name: "duration added", was: list(arg(7)), is: list(arg(7), arg(time.Duration(0)))},
		{name: "interface and error added", was: list(arg(7)), is: list(arg(7), arg[any](nil), arg[error](nil))},
		{name: "pointer to an array added", was: list(arg(7)), is: list(arg(7), arg[*[2]int](nil))},
		{name: "floats added", was: list(arg(7)), is: list(arg(7), arg(0.0), arg(float32(0)), arg(false))},
		{name: "struct added", was: list(arg(7)), is: list(arg(7), arg(pair{}))},
		{name: "struct with an array added", was: list(arg(7)), is: list(arg(7), arg(fixed{}))},
		{name: "recursive struct added", was: list(arg(7)), is: list(arg(7), arg(loop{}))},
		{name: "own encoding added", was: list(arg(7)), is: list(arg(7), arg(netip.Addr{})), apart: true},
		{name: "big number added", was: list(arg(7)), is: list(arg(7), arg(big.Int{})), apart: true},
		{name: "field added", was: list(arg(pair{1, 2})), is: list(withField())},
		{name: "array field added", was: list(arg(pair{1, 2})), is: list(withArrayField())},
		{name: "recursive field added", was: list(arg(pair{1, 2})), is: list(withNested())},
		{name: "field removed", was: list(arg(pair{1, 0})), is: list(withoutField()), apart: true},
		{name: "removed at the end", was: list(arg(7), arg("")), is: list(arg(7)), apart: true},
		{name: "removed in front", was: list(arg(""), arg(7)), is: list(arg(7))},
		{name: "another integer", was: list(arg(7)), is: list(arg(uint8(7)))},
		{name: "a defined integer", was: list(arg(7)), is: list(arg(number(7)))},
		{name: "a duration", was: list(arg(time.Duration(7))), is: list(arg(7))},
		{name: "a defined string", was: list(arg("x")), is: list(arg(label("x")))},
		{name: "text", was: list(arg(7)), is: list(arg("7"))},
		{name: "float", was: list(arg(7)), is: list(arg(7.0))},
		{name: "shorter float", was: list(arg(0.1)), is: list(arg(float32(0.1)))},
		{name: "pointer", was: list(arg(pair{1, 2})), is: list(arg(&pair{1, 2})), apart: true},
		{name: "pointers to other integers", was: list(arg(ptr[int](7))), is: list(arg(ptr[byte](7)))},
		{name: "pointer to zero", was: list(arg(pair{})), is: list(arg(&pair{}))},
		{name: "fields in another order", was: list(arg(pair{1, 2})), is: list(withOrder())},
		{name: "the same, and another name", was: list(arg(pair{1, 2})), is: list(arg(reverse{2, 1}))},
		{name: "slice of other integers", was: list(arg([]int{1})), is: list(arg([]int32{1}))},
		{name: "bytes instead of a slice", was: list(arg([]int{1})), is: list(arg([]byte{1}))},
		{name: "pointers instead of bytes", was: list(arg([]byte{1})), is: list(arg([]*byte{new(byte)}))},
		{name: "array instead of a slice", was: list(arg([]int{1})), is: list(arg([1]int{1})), apart: true},
		{name: "map with other values", was: list(arg(map[string]int{"a": 1})), is: list(arg(map[label]uint{"a": 1}))},
		{name: "map with other keys", was: list(arg(map[string]int{"1": 1})), is: list(arg(map[int]int{1: 1}))},
		{name: "map instead of a struct", was: list(arg(pair{1, 2})), is: list(arg(map[string]int{"A": 1, "B": 2})), apart: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			was, wasHash := encoded(t, c.was)
			is, isHash := encoded(t, c.is)
			of := func(signature string) *schema.Schema {
				return &schema.Schema{Services: []schema.Service{{Name: "p.T", Constructor: schema.Entry{Name: "New", Text: signature}}}}
			}
			findings := schema.Diff(of(was), of(is))
			breaking := slices.ContainsFunc(findings, func(f schema.Finding) bool { return f.Breaking })
			if len(findings) == 0 && was != is {
				t.Error("nothing found")
			}
			if together := wasHash == isHash; c.apart && !together || breaking != (!together || c.apart) {
				t.Errorf("%s, then %s\nsame hash: %v, apart: %v, found: %v", was, is, together, c.apart, findings)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(released)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := schema.Parse(text)
		if err != nil {
			return
		}
		again, err := schema.Parse(s.String())
		if err != nil || !reflect.DeepEqual(again, s) {
			t.Errorf("%q\nis read as %+v\nand then as %+v, %v", text, s, again, err)
		}
		for _, finding := range schema.Diff(s, again) {
			t.Errorf("%q differs from itself: %v", text, finding)
		}
	})
}
