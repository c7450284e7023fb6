package load

import (
	"go/parser"
	"go/token"
	"testing"
)

func TestCovers(t *testing.T) {
	for _, test := range []struct {
		within      string
		constraints []string
		want        bool
	}{
		{"", []string{""}, true},
		{"", nil, false},
		{"", []string{"linux"}, false},
		{"", []string{"linux", "!linux"}, true},
		{"", []string{"unix", "windows"}, true}, // the runtime needs one of these
		{"", []string{"linux", "windows"}, false},
		{"", []string{"linux || windows || !unix", "unix && !linux"}, true},
		{"", []string{"amd64", "arm64"}, false},
		{"", []string{"amd64", "!amd64"}, true},
		{"", []string{"go1.20"}, true},
		{"", []string{"go1.999"}, false},
		{"unix", []string{"linux", "!linux && !windows"}, true},
		{"linux", []string{"android", "linux && !android"}, true},
		{"linux", []string{"linux && cgo"}, false},
		{"linux", []string{"linux && cgo", "!cgo"}, true},
		{"linux && amd64", []string{"linux"}, true},
		{"special", []string{"special || other"}, true},
		{"special", []string{"special && other"}, false},
		{"", []string{"a && b && c", "!a", "!b", "!c"}, true},
		{"", []string{"a || b || c || d || e || f || g || h || i", "!a"}, false}, // too many to try
		{"", []string{"&&"}, false},
	} {
		if got := Uncovered(test.within, test.constraints) == ""; got != test.want {
			t.Errorf("within %q, %q: got %t, want %t", test.within, test.constraints, got, test.want)
		}
	}
}

func TestUncovered(t *testing.T) {
	for _, test := range []struct {
		within      string
		constraints []string
		want        string
	}{
		{"", []string{"linux"}, "darwin"},
		{"", []string{"!windows"}, "windows"},
		{"", []string{"!js && !plan9 && !wasip1"}, ""},
		{"", []string{"amd64 || arm64"}, "linux/386"},
		{"", []string{"!windows || amd64"}, "windows/arm64"},
		{"linux", []string{"386 || amd64"}, "linux/arm64"},
		{"", []string{"!purego"}, "linux with the tag purego"},
		{"", []string{"special"}, "linux without the tag special"},
		{"windows", []string{"a && !b"}, "windows without the tag a and the tag b"},
		{"js", nil, ""},
	} {
		if got := Uncovered(test.within, test.constraints); got != test.want {
			t.Errorf("within %q, %q: got %q, want %q", test.within, test.constraints, got, test.want)
		}
	}
}

func TestDisjoint(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"", "", false},
		{"", "linux", false},
		{"", "js", true}, // package rt does not compile there
		{"linux", "windows", true},
		{"windows", "", false},
		{"linux || windows", "unix", false},
		{"special", "!special", true},
		{"special", "other", false},
	} {
		if got := Disjoint(test.a, test.b); got != test.want {
			t.Errorf("%q and %q: got %t, want %t", test.a, test.b, got, test.want)
		}
	}
}

func TestIgnored(t *testing.T) {
	for line, want := range map[string]bool{
		"ignore":                false,
		"ignore && linux":       false,
		"!ignore":               true,
		"linux || ignore":       true,
		"!(linux || ignore)":    true,
		"!(!ignore || linux)":   false,
		"ignore_this":           true,
		"!linux && special":     true,
		"(a || ignore) && !b":   true,
		"ignore || ignore && a": false,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "p.go", "//go:build "+line+"\n\npackage p\n", parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if got := !ignored(file); got != want {
			t.Errorf("%q: in a build: %t, want %t", line, got, want)
		}
	}
}
