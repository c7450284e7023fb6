package host

import (
	"os"
	"slices"
	"strings"

	"github.com/loopgen/loopgen/rt/internal/cut"
)

// inherited returns what this process has inherited from its parent: the names of its
// environment variables. Windows has neither nice nor rlimits.
func inherited() (nice int, limits map[string]string, env []string) {
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); name != "" {
			env = append(env, cut.Printable(name))
		}
	}
	slices.Sort(env)
	return 0, nil, env
}
