package main

import (
	"cmp"
	"runtime/debug"
	"strings"
)

// version returns the line that -version prints: the module's version, the revision
// that the command was built from if the build recorded one, and the version of Go.
func version(info *debug.BuildInfo, ok bool) string {
	if !ok {
		return "loopgen (devel)"
	}
	words := []string{"loopgen", cmp.Or(info.Main.Version, "(devel)")}
	settings := make(map[string]string)
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	if revision := settings["vcs.revision"]; revision != "" {
		words = append(words, "revision", revision)
		if settings["vcs.modified"] == "true" {
			words = append(words, "with local changes")
		}
	}
	if info.GoVersion != "" {
		words = append(words, info.GoVersion)
	}
	return strings.Join(words, " ")
}
