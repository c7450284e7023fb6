package check

import "testing"

func TestMisspelt(t *testing.T) {
	for comment, want := range map[string]string{
		"//loopgen readonly":               "//loopgen:readonly",
		"//loopgen  readonly":              "//loopgen:readonly",
		"// loopgen readonly":              "//loopgen:readonly",
		"//loopgen readonly it reads":      "//loopgen:readonly",
		"// loopgen:readonly":              "//loopgen:readonly",
		"// loopgen:readonly it reads":     "//loopgen:readonly",
		"//\tloopgen:readonly":             "//loopgen:readonly",
		"//Loopgen:readonly":               "//loopgen:readonly",
		"//LOOPGEN:ReadOnly":               "//loopgen:readonly",
		"//loopgen: readonly":              "//loopgen:readonly",
		"//loopgen::readonly":              "//loopgen:readonly",
		"//loopgen-skip":                   "//loopgen:skip",
		"//loopgen.skip":                   "//loopgen:skip",
		"//loopgen=skip":                   "//loopgen:skip",
		"//loopgen/skip":                   "//loopgen:skip",
		"/*loopgen:readonly*/":             "//loopgen:readonly",
		"/* loopgen:readonly */":           "//loopgen:readonly",
		"/*\nGet reads.\nloopgen:skip\n*/": "//loopgen:skip",
		"/*\n * loopgen:skip\n */":         "//loopgen:skip",
		"// +loopgen:readonly":             "//loopgen:readonly",
		"//+loopgen:readonly":              "//loopgen:readonly",
		"//@loopgen:readonly":              "//loopgen:readonly",
		"//go:loopgen:readonly":            "//loopgen:readonly",
		"//go:loopgen readonly":            "//loopgen:readonly",
		"//loopgen timeout 5s":             "//loopgen:timeout 5s",
		"// loopgen timeout 5s":            "//loopgen:timeout 5s",
		"//loopgen inout p":                "//loopgen:inout p",
		"// loopgen session end=Unlock":    "//loopgen:session end=Unlock",
		"//loopgen timeout":                "//loopgen:timeout 5s, or another time above zero",

		"//loopgen:readonly":                     "",
		"//loopgen:raedonly":                     "", // reported as an unknown directive
		"//loopgen:timeout five":                 "", // reported with its argument
		"// loopgen reads this type":             "",
		"//loopgen reads this type":              "",
		"// loopgen skips it":                    "",
		"// loopgen skip means to leave it out":  "",
		"// loopgen timeout errors are retried":  "",
		"// loopgen: skip what is not data":      "",
		"// loopgen: what it skips":              "",
		"// loopgen:":                            "",
		"// loopgen":                             "",
		"// Loopgen session handling":            "",
		"// see //loopgen:skip":                  "",
		"// //loopgen:skip":                      "",
		"////loopgen:skip":                       "", // a directive that was commented out
		"//\t//loopgen:skip        leave it out": "",
		"// with loopgen:skip it is left out":    "",
		"//go:generate loopgen -type T":          "",
		"/* loopgen: skip this */":               "",
		"/*\nA line that ends before\nloopgen:skip, which goes on.\n*/": "",
		"//notloopgen:skip":   "",
		"//loopgenerate:skip": "",
	} {
		if got := misspelt(comment); got != want {
			t.Errorf("%q: got %q, want %q", comment, got, want)
		}
	}
}
