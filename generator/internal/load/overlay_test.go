package load

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestSplitFlags(t *testing.T) {
	got := splitFlags(` -mod=mod  '-ldflags=-s -w' "-overlay=a b.json" -tags=x'y `)
	want := []string{"-mod=mod", "-ldflags=-s -w", "-overlay=a b.json", "-tags=x'y"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRefuseOverlay(t *testing.T) {
	file := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(file, []byte("GOPROXY=off\nGOFLAGS=-mod=mod -overlay=x.json\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ flags, configuration, want string }{
		{"", "off", ""},
		{"-mod=mod -tags=overlay", file, ""},
		{"-overlay=", file, ""},
		{"-overlay=x.json -overlay=", file, ""},
		{"-overlay=x.json", "off", "GOFLAGS has -overlay=x.json, and loopgen reads files as they are on disk: run it with GOFLAGS='-overlay='"},
		{"-mod=mod --overlay=x.json", "off", "GOFLAGS has --overlay=x.json, and loopgen reads files as they are on disk: run it with GOFLAGS='-mod=mod'"},
		{"", file, "GOFLAGS in " + file + " has -overlay=x.json, and loopgen reads files as they are on disk: run it with GOFLAGS='-mod=mod'"},
	} {
		t.Setenv("GOFLAGS", test.flags)
		t.Setenv("GOENV", test.configuration)
		got := ""
		if err := refuseOverlay(); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("GOFLAGS=%s GOENV=%s: got %q, want %q", test.flags, test.configuration, got, test.want)
		}
	}
}
