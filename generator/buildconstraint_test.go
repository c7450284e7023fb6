package generator

import "testing"

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
		if got := covers(test.within, test.constraints); got != test.want {
			t.Errorf("within %q, %q: got %t, want %t", test.within, test.constraints, got, test.want)
		}
	}
}
