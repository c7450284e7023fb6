package stub_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt/stub"
)

type (
	receiver struct{}
	anything any
	Order    struct {
		ID    int64
		Items []Item `json:",omitempty"`
	}
	Item  struct{ Name string }
	Left  struct{ Right *Right }
	Right struct {
		Left  *Left
		Right *Right
	}
	Odd struct {
		A int `json:"a-b"`
		B int `cbor:"1,keyasint"`
		C int `json:"1"`
		D int `json:"x\ny"`
		Inner
		*Item
	}
)

func TestSignatureOf(t *testing.T) {
	for _, c := range []struct {
		method any
		want   string
	}{
		{func(receiver) {}, "func()"},
		{func(*receiver, string, []Order) (int, error) { return 0, nil },
			"func(string, []Order{ID int64, Items []Item{Name string}}) (int, error)"},
		{func(*receiver, context.Context, int) error { return nil }, "func(int) error"},
		{func(*receiver, int, context.Context, ...string) {}, "func(int, []string)"},
		{func(*receiver, int8, uint, bool, float32, byte, rune) {}, "func(int8, uint, bool, float32, uint8, int32)"},
		{func(*receiver, time.Time, *time.Duration, netip.Addr, big.Int, json.RawMessage) {},
			"func(time.Time, *time.Duration, net/netip.Addr, math/big.Int, RawMessage{[]uint8})"},
		{func(*receiver, Celsius, Label, Hash, []Octet, Level) {},
			"func(Celsius{float64}, Label{string}, Hash{[4]Octet{uint8}}, []Octet{uint8}, github.com/loopgen/loopgen/rt/stub_test.Level)"},
		{func(*receiver, struct{ X, Y *int }, struct{}) {}, "func(struct{X *int, Y *int}, struct{})"},
		{func(*receiver) (map[Label][]Item, [2][]byte) { return nil, [2][]byte{} },
			"func() (map[Label{string}][]Item{Name string}, [2][]uint8)"},
		{func(*receiver, *Node) {}, "func(*Node{Value int, Next *#1, Kids []*#1, ByKey map[string]#1})"},
		{func(*receiver, Tree, Nested) {}, "func(Tree{map[string]#1}, Nested{[]#1})"},
		{func(*receiver, Left, Right) {},
			"func(Left{Right *Right{Left *#2, Right *#1}}, Right{Left *Left{Right *#2}, Right *#1})"},
		{func(*receiver, Box[int], Box[map[string]netip.Addr]) {},
			"func(Box[int]{Value int, More []int}, Box[map[string]Addr]{Value map[string]net/netip.Addr, More []map[string]net/netip.Addr})"},
		{func(*receiver, Odd) {},
			`func(Odd{"a-b" int, 1 int, "1" int, "x\ny" int, A int, B int, Name string})`},
		{func(*receiver, any, []error, complex64, *uintptr, fmt.Stringer, interface{ M() }, anything) error {
			return nil
		},
			"func(any, []error, complex64, *uintptr, Stringer{interface}, interface, anything{any}) error"},
		{func(*receiver, any, chan int, hasHidden) {},
			"func(any, chan int, github.com/loopgen/loopgen/rt/stub_test.hasHidden)"},
	} {
		got := stub.SignatureOf(reflect.TypeOf(c.method))
		if got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
		if strings.Contains(got, "\n") {
			t.Errorf("%q has a line break", got)
		}
	}
}
