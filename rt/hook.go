package rt

import (
	"fmt"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/loopgen/loopgen/rt/internal/process"
)

// hookMissing returns ErrHookMissing with the program that does not call
// ServeIfDaemon, which is this one, and the place for the call.
func hookMissing() error {
	program := process.Executable()
	if isTestBinary(program) {
		return kindError{ErrHookMissing, fmt.Errorf("rt.ServeIfDaemon was not called in the test binary %s: "+
			"declare func TestMain(m *testing.M) { rttest.Main(m) } in the package's tests (import github.com/loopgen/loopgen/rt/rttest), "+
			"or make the call the first line of the TestMain there", program)}
	}
	return kindError{ErrHookMissing, fmt.Errorf("rt.ServeIfDaemon was not called in %s: make it the first line of main", program)}
}

// isTestBinary reports whether this process runs a binary made by go test, which
// may have another name than go test gives it.
func isTestBinary(program string) bool {
	if info, ok := debug.ReadBuildInfo(); ok && info.Path != "" {
		return strings.HasSuffix(info.Path, ".test")
	}
	return strings.HasSuffix(strings.TrimSuffix(filepath.Base(program), ".exe"), ".test")
}
