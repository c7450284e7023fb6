package stub_test

import (
	"testing"

	"github.com/loopgen/loopgen/generator"
	"github.com/loopgen/loopgen/rt/stub"
	_ "github.com/loopgen/loopgen/testdata/objects"
	_ "github.com/loopgen/loopgen/testdata/records"
)

// The generator spells the types of source as the runtime spells the compiled ones. A
// test of testdata/corpus compares many more types.
func TestGeneratorSpellsAlike(t *testing.T) {
	for dir, types := range map[string][]string{
		"../../testdata/objects": {"Counter", "Journal", "Specimen", "Vault"},
		"../../testdata/records": {"Clerk"},
	} {
		result, err := generator.Generate(t.Context(), generator.Options{Dir: dir, Types: types, Schema: true})
		if err != nil || len(result.Schemas) != len(types) {
			t.Fatal(dir, result, err)
		}
		for _, described := range result.Schemas {
			service := stub.Lookup(described.Name)
			if service == nil || len(service.Methods) != len(described.Methods) {
				t.Fatalf("%s: %+v is not the service %+v", dir, described, service)
			}
			for i, m := range described.Methods {
				if got := service.Signature(i); got != m.Text || service.Methods[i].Name != m.Name {
					t.Errorf("%s.%s\nsource  %s\nruntime %s", described.Name, m.Name, m.Text, got)
				}
			}
		}
	}
}
