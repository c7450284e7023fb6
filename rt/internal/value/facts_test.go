package value_test

import (
	"maps"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt/internal/value"
)

type FactStruct struct {
	Name string    `json:"name,omitempty"`
	When time.Time `json:",omitzero"`
	From map[netip.Addr]*FactStruct
	Sum  struct {
		N int `cbor:"1,keyasint,omitempty"`
	}
	*FactBase
}

type FactBase struct{ ID int }

type factHeld struct{ Addr netip.AddrPort }

func TestFacts(t *testing.T) {
	got := value.Facts([]reflect.Type{reflect.TypeFor[FactStruct](), reflect.TypeFor[int]()})
	want := map[string]string{
		"net/netip.Addr": "bytes", "FactStruct.name": "omitempty", "FactStruct.When": "optional", "struct.1": "omitempty", "FactStruct.ID": "optional",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if err := value.RegisterType(reflect.TypeFor[factHeld]()); err != nil {
		t.Fatal(err)
	}
	name, _ := value.NameOf(reflect.TypeFor[factHeld]())
	got = value.Facts([]reflect.Type{reflect.TypeFor[[]any]()})
	if got[name] != "factHeld{Addr net/netip.AddrPort}" || got["net/netip.AddrPort"] != "bytes" || !strings.Contains(name, "#") {
		t.Errorf("got %v, want the structure of %s, and how it is encoded", got, name)
	}
}
