package check

import (
	"os"
	"strings"
	"testing"
)

// The rules in the doc.go of package generator are those of the code.
func TestRulesInDoc(t *testing.T) {
	doc, err := os.ReadFile("../../doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(doc), "\n// # Rules\n")
	section, _, _ = strings.Cut(section, "\n// # ")
	var got, want []string
	for line := range strings.Lines(section) {
		if row, ok := strings.CutPrefix(line, "//\t"); ok {
			got = append(got, row)
		}
	}
	for _, r := range rules {
		want = append(want, r.reason+"; "+r.remedy+"\n")
	}
	if strings.Join(got, "") != strings.Join(want, "") {
		t.Errorf("doc.go says\n%s\nand rules.go\n%s", strings.Join(got, ""), strings.Join(want, ""))
	}
}
