package schema_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/loopgen/loopgen/rt/schema"
)

const node = "Node{Next *#1, Kids []#1, V int}"

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		name, was, is string
		want          []string
	}{
		{"same", "func(int)", "func(int)", nil},
		{"parameter retyped", "func(int)", "func(string)", []string{"parameter 1 was int, is string"}},
		{"result retyped", "func() (int, error)", "func() (int64, error)", []string{"result 1 was int, is int64"}},
		{"field of a field retyped", "func(int, User{Address Address{Zip string}})", "func(int, User{Address Address{Zip int}})",
			[]string{"parameter 2: User.Address.Zip was string, is int"}},
		{"fields new", "func() User{ID int}", "func() User{Email string, ID int, Tags []Tag{Name string}}",
			[]string{"result 1: User.Email is new (string)", "result 1: User.Tags is new ([]Tag)"}},
		{"field gone", "func() User{ID int, Zip string}", "func() User{ID int}", []string{"result 1: User.Zip is gone (string)"}},
		{"fields in another order", "func(P{X int, Y int})", "func(P{Y int, X int})",
			[]string{"parameter 1: the order of the fields of P was X, Y, is Y, X"}},
		{"several", "func(U{A int, B int})", "func(U{A string, B bool}) error",
			[]string{"parameter 1: U.A was int, is string", "parameter 1: U.B was int, is bool", "result 1 is new (error)"}},
		{"type renamed", "func([]User{ID int})", "func([]Person{ID int})", []string{"parameter 1 was []User, is []Person"}},
		{"pointer", "func(User{ID int})", "func(*User{ID int})", []string{"parameter 1 was User, is *User"}},
		{"map", "func(map[string]int)", "func(map[string][]int)", []string{"parameter 1 was map[string]int, is map[string][]int"}},
		{"inside of elements", "func(map[K{A int}][]V{B []W{C int}})", "func(map[K{A int8}][]V{B []W{C int8}})",
			[]string{"parameter 1: K.A was int, is int8", "parameter 1: V.B[].C was int, is int8"}},
		{"key of a field", "func(T{M map[K{A int}]*V{B int}})", "func(T{M map[K{A bool}]*V{B bool}})",
			[]string{"parameter 1: T.M[key].A was int, is bool", "parameter 1: T.M[].B was int, is bool"}},
		{"array", "func([3]int)", "func([4]int)", []string{"parameter 1 was [3]int, is [4]int"}},
		{"defined type", "func(Zip{string})", "func(Zip{int})", []string{"parameter 1: Zip was string, is int"}},
		{"struct instead of another", "func(Zip{string})", "func(Zip{Code string})", []string{"parameter 1: Zip was string, is struct{…}"}},
		{"unnamed struct", "func(struct{A int})", "func(struct{A int, B int})", []string{"parameter 1: struct.B is new (int)"}},
		{"own marshaller", "func(net/netip.Addr)", "func(net/netip.Prefix)", []string{"parameter 1 was net/netip.Addr, is net/netip.Prefix"}},
		{"recursive, inside", "func(" + node + ")", "func(" + strings.Replace(node, "V int", "V string", 1) + ")",
			[]string{"parameter 1: Node.V was int, is string"}},
		{"recursive, the loop", "func(" + node + ")", "func(" + strings.Replace(node, "*#1", "#1", 1) + ")",
			[]string{"parameter 1: Node.Next was *Node, is Node"}},
		{"recursive, another loop", "func(Left{Right Right{Left *#2}})", "func(Left{Right Right{Left *#1}})",
			[]string{"parameter 1: Left.Right.Left was *Left, is *Right"}},
		{"another type of the same name", "func(A{B A{C *#1}})", "func(A{B A{C *#2}})", []string{"parameter 1: A.B.C was #1, is #2"}},
		{"variadic", "func([]string)", "func(string)", []string{"parameter 1 was []string, is string"}},
		{"interfaces", "func(any, Shape{interface})", "func(Anything{any}, any)",
			[]string{"parameter 1 was any, is Anything", "parameter 2 was Shape, is any"}},
		{"error", "func() error", "func()", []string{"result 1 is gone (error)"}},
		{"comes back", "func([]uint8)", "func(inout []uint8)", []string{"parameter 1 was []uint8, is inout []uint8"}},
		{"what comes back", "func(out []uint8)", "func(inout []uint8)", []string{"parameter 1 was out []uint8, is inout []uint8"}},
		{"instances", "func(Box[int]{V int})", "func(Box[string]{V string})", []string{"parameter 1 was Box[int], is Box[string]"}},
		{"inside of an instance", "func(Box[map[string]interface {}]{V int})", "func(Box[map[string]interface {}]{V int, N int})",
			[]string{"parameter 1: Box[map[string]interface {}].N is new (int)"}},
		{"parameter in front", "func(string, int)", "func(bool, string, int)", []string{"parameter 1 is new (bool)"}},
		{"parameters in the middle", "func(string, int)", "func(string, bool, bool, int)",
			[]string{"parameter 2 is new (bool)", "parameter 3 is new (bool)"}},
		{"parameter in front, another changed", "func(U{A int}, int)", "func(bool, U{A string}, int)",
			[]string{"parameter 1 is new (bool)", "parameter 2: U.A was int, is string"}},
		{"parameter gone", "func(string, int)", "func(int)", []string{"parameter 1 is gone (string)"}},
		{"parameter at the end", "func(string)", "func(string, bool)", []string{"parameter 2 is new (bool)"}},
		{"one new, one retyped", "func(string)", "func(int, bool)", []string{"parameter 1 was string, is int", "parameter 2 is new (bool)"}},
		{"all gone", "func(string, int)", "func()", []string{"parameter 1 is gone (string)", "parameter 2 is gone (int)"}},
		{"quoted fields", `func(T{"a-b" int, 1 int, "1" int})`, `func(T{"a-b" int, 1 bool, "1" int})`, []string{"parameter 1: T.1 was int, is bool"}},
		{"what cannot be sent", "func(chan int, []func(int) string)", "func(chan bool, []func(int))",
			[]string{"parameter 1 was chan int, is chan bool", "parameter 2 was []func(int) string, is []func(int)"}},
		{"fields called like types", "func(T{map int, struct int, out int})", "func(T{map int, struct int, out bool})",
			[]string{"parameter 1: T.out was int, is bool"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			changes, err := schema.Compare(c.was, c.is)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, change := range changes {
				got = append(got, change.String())
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%s\n%s\ngot  %q\nwant %q", c.was, c.is, got, c.want)
			}
		})
	}
}

func TestChangeBetween(t *testing.T) {
	for was, want := range map[string]string{
		"func() User{Zip string}":         "result 1: User.Zip is int here and string there",
		"func() User{}":                   "result 1: User.Zip is int here and missing there",
		"func() User{Zip int, Email int}": "result 1: User.Email is missing here and int there",
	} {
		changes, err := schema.Compare(was, "func() User{Zip int}")
		if err != nil || len(changes) != 1 {
			t.Fatal(changes, err)
		}
		if got := changes[0].Between("there", "here"); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestCompareTypes(t *testing.T) {
	changes, err := schema.CompareTypes("type argument", "string, User{ID int64}", "string, User{ID int32}")
	if err != nil || len(changes) != 1 || changes[0].String() != "type argument 2: User.ID was int64, is int32" {
		t.Error(changes, err)
	}
	// Long ones are replaced by their hash.
	if changes, err := schema.CompareTypes("type argument", "string", "03ba204e50d126e4"); err == nil {
		t.Error("a hash: got ", changes)
	}
}

func TestNoSignature(t *testing.T) {
	for _, text := range []string{
		"", "func", "func(", "func(int", "func(int))", "func(int,string)", "func(, int)", "func() ", "func() (int", "func()  int",
		"func([]", "func([x]int)", "func(map[string)", "func(map[string]", "func(#)", "func(#x)", "func(T{A int", "func(T{A int,B int})",
		"func(T{A int, })", "func(T{ int})", "func(Box[int{A int})", `func(T{"a int})`, "func(out )", "func(out out int)", "func() out int",
		"func(" + strings.Repeat("*", 2000) + "int)", "5f3c",
	} {
		for _, pair := range [][2]string{{text, "func(int)"}, {"func(int)", text}} {
			if changes, err := schema.Compare(pair[0], pair[1]); err == nil {
				t.Errorf("%q and %q: got %v, want an error", pair[0], pair[1], changes)
			}
		}
	}
}

// Texts that differ have a place where they do, and what is no signature is an
// error and nothing worse.
func FuzzCompare(f *testing.F) {
	f.Add("func(string, []Order{ID int64, Items []Item{Name string}}) (int, error)", "func(*"+node+") map[Label{string}]any")
	f.Add(`func(Odd{"a-b" int, 1 int, "x\ny" int})`, "func(inout []uint8, chan int, Box[struct { A int \"x\" }]{V func(int) string}) error")
	f.Add("func(Twice{A int, A string})", "func(Twice{A string, A int})")
	f.Add("func(Left{Right *Right{Left *#2, Right *#1}}, [4]Octet{uint8})", "func(A{B A{C #2}}, Tree{map[string]#1}, main.Level)")
	f.Fuzz(func(t *testing.T, was, is string) {
		for _, text := range []string{was, is} {
			if changes, err := schema.Compare(text, text); err == nil && len(changes) > 0 {
				t.Errorf("%q differs from itself: %v", text, changes)
			}
		}
		changes, err := schema.Compare(was, is)
		if err != nil {
			return
		}
		if (was == is) != (len(changes) == 0) {
			t.Errorf("%q\n%q\nhave the differences %v", was, is, changes)
		}
		for _, c := range changes {
			if c.Path == "" || c.Was == c.Is {
				t.Errorf("%q\n%q\nhave the difference %+v", was, is, c)
			}
		}
	})
}
