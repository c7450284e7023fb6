package host

import (
	"log/slog"
	"os"
	"runtime"
	"time"
)

// maxStacks bounds the stacks of all goroutines in the log, in bytes.
const maxStacks = 1 << 20

// watchConstructor writes the stacks of all goroutines to standard error, which is the
// log, unless stop is called before the constructor's time is almost over. The client kills
// the daemon at the end of that time, and cannot ask for the stacks afterwards. The
// client's time began before this process started, so the stacks are written early enough
// to allow for the start.
func watchConstructor(log *slog.Logger, timeout time.Duration) (stop func()) {
	after := timeout - min(timeout/4, time.Second)
	timer := time.AfterFunc(after, func() {
		stacks := make([]byte, maxStacks)
		stacks = stacks[:runtime.Stack(stacks, true)]
		log.Warn("the constructor has not returned: the stacks of all goroutines follow", "after", after, "StartTimeout", timeout)
		os.Stderr.Write(append(stacks, '\n'))
	})
	return func() { timer.Stop() }
}
