package main

import (
	"runtime/debug"
	"testing"
)

func TestVersion(t *testing.T) {
	setting := func(key, value string) debug.BuildSetting { return debug.BuildSetting{Key: key, Value: value} }
	for _, test := range []struct {
		name string
		info *debug.BuildInfo
		want string
	}{
		{"no build information", nil, "loopgen (devel)"},
		{"a test binary", &debug.BuildInfo{GoVersion: "go1.26.1"}, "loopgen (devel) go1.26.1"},
		{"a release", &debug.BuildInfo{GoVersion: "go1.26.1", Main: debug.Module{Version: "v1.2.3"}}, "loopgen v1.2.3 go1.26.1"},
		{"a working tree", &debug.BuildInfo{
			GoVersion: "go1.26.1", Main: debug.Module{Version: "(devel)"},
			Settings: []debug.BuildSetting{setting("vcs", "git"), setting("vcs.revision", "0123abcd"), setting("vcs.modified", "true")},
		}, "loopgen (devel) revision 0123abcd with local changes go1.26.1"},
	} {
		if got := version(test.info, test.info != nil); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}
