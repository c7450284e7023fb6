//go:build unix

package host

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/loopgen/loopgen/rt/internal/cut"
)

// inherited returns the priority, the resource limits and the names of the environment
// variables that this process has inherited from its parent.
func inherited() (nice int, limits map[string]string, env []string) {
	if prio, err := unix.Getpriority(unix.PRIO_PROCESS, 0); err == nil {
		nice = prio
		if runtime.GOOS == "linux" {
			nice = 20 - prio // the bare system call: getpriority(2), "C library/kernel differences"
		}
	}
	limits = make(map[string]string)
	for name, resource := range map[string]int{
		"nofile": unix.RLIMIT_NOFILE, "core": unix.RLIMIT_CORE, "cpu": unix.RLIMIT_CPU,
		"data": unix.RLIMIT_DATA, "fsize": unix.RLIMIT_FSIZE, "stack": unix.RLIMIT_STACK, "as": unix.RLIMIT_AS,
	} {
		var r unix.Rlimit
		if unix.Getrlimit(resource, &r) == nil {
			limits[name] = rlimit(uint64(r.Cur)) + ":" + rlimit(uint64(r.Max))
		}
	}
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		env = append(env, cut.Printable(name))
	}
	slices.Sort(env)
	return nice, limits, env
}

func rlimit(n uint64) string {
	if n >= 1<<63-1 { // RLIM_INFINITY, which is signed on some systems
		return "unlimited"
	}
	return fmt.Sprint(n)
}
