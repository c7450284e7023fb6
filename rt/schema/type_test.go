package schema_test

import (
	"testing"

	"github.com/loopgen/loopgen/rt/schema"
)

// A type is spelled as it is parsed.
func TestTypeString(t *testing.T) {
	for _, text := range []string{
		"int", "any", "error", "$1", "time.Time", "net/netip.Addr", "*[]map[string][4]uint8", "struct{}", "struct{A int, B struct{C any}}",
		node, "Tree{map[string]#1}", "Shape{interface}", "Celsius{float64}", `Odd{"a-b" int, 7 int, "7" int}`,
		"Box[map[string]Addr]{Value map[string]net/netip.Addr}", `Box[struct { A int "json:\"a.b\"" }]{}`,
		"chan int", "chan<- int", "<-chan map[string]int", "func(int, string) (bool, error)", "struct { hidden int }",
	} {
		parsed, err := schema.ParseType(text)
		if err != nil {
			t.Error(err)
		} else if got := parsed.String(); got != text {
			t.Errorf("got %s, want %s", got, text)
		}
	}
}

func TestInstance(t *testing.T) {
	literal := &schema.Type{Kind: schema.Struct, Fields: []schema.Field{
		{Name: "A", Type: schema.ArrayOf(2, schema.NewWord("int")), Tag: `json:"a.b"`}, {Type: schema.NewWord("gopkg.in/yaml.v3.Node")},
	}}
	for _, test := range []struct {
		args       []*schema.Type
		name, bare string
	}{
		{nil, "Box", "Box"},
		{[]*schema.Type{schema.NewWord("9fans.net/go/acme.Win"), schema.NewWord("any")}, "Box[9fans.net/go/acme.Win,interface {}]", "Box[Win,interface {}]"},
		{[]*schema.Type{schema.MapOf(schema.NewWord("$1"), schema.SliceOf(schema.PointerTo(literal)))},
			`Box[map[$1][]*struct { A [2]int "json:\"a.b\""; gopkg.in/yaml.v3.Node }]`, `Box[map[$1][]*struct { A [2]int "json:\"a.b\""; Node }]`},
		{[]*schema.Type{{Kind: schema.Struct}}, "Box[struct {}]", "Box[struct {}]"},
	} {
		name := schema.Instance("Box", test.args)
		if bare := schema.Bare(name); name != test.name || bare != test.bare {
			t.Errorf("got  %s and %s\nwant %s and %s", name, bare, test.name, test.bare)
		}
	}
}
