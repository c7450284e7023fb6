package rt

import (
	"path"
	"strings"
)

// panicPlace returns the file and line, as "counter.go:12", at which the code of the
// program panicked or called runtime.Goexit. stack is what debug.Stack returned in
// the deferred function. Frames of the runtime and, where the stack tells them apart,
// of the standard library are skipped: they are not where the program is at fault.
// The result is empty if the stack has another form.
func panicPlace(stack string) string {
	lines := strings.Split(stack, "\n")
	library := "" // the directory of the standard library; empty in a program built with -trimpath
	raised := false
	for i := 0; i+1 < len(lines); i++ {
		function := lines[i]
		file, isFile := strings.CutPrefix(lines[i+1], "\t")
		switch {
		case !isFile:
		case !raised:
			if raised = strings.HasPrefix(function, "panic(") || strings.HasPrefix(function, "runtime.Goexit("); raised {
				library, _, _ = strings.Cut(file, "runtime/panic.go:")
			}
		case strings.HasPrefix(function, "created by "):
			return ""
		case strings.HasPrefix(function, "runtime.") || library != "" && strings.HasPrefix(file, library):
		default:
			place, _, _ := strings.Cut(path.Base(file), " ")
			return place
		}
	}
	return ""
}
