package cut_test

import (
	"strings"
	"testing"

	"github.com/loopgen/loopgen/rt/internal/cut"
)

func TestName(t *testing.T) {
	for _, test := range []struct{ name, want string }{
		{"", ""},
		{"example.com/counter.Counter", "example.com/counter.Counter"},
		{strings.Repeat("n", 100), strings.Repeat("n", 100)},
		{strings.Repeat("n", 101), strings.Repeat("n", 99) + "…"},
		{strings.Repeat("é", 100), strings.Repeat("é", 100)},
		{strings.Repeat("é", 4000), strings.Repeat("é", 99) + "…"},
		{strings.Repeat("\xff", 101), strings.Repeat("\xff", 99) + "…"},
		{strings.Repeat("語", 98) + "\xe8\xaa" + "end", strings.Repeat("語", 98) + "\xe8" + "…"},
	} {
		if got := cut.Name(test.name); got != test.want {
			t.Errorf("Name(%q)\ngot  %q\nwant %q", test.name, got, test.want)
		}
	}
}

func TestCut(t *testing.T) {
	if got, want := cut.Text("ééé", 2), "é…"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
