package daemon

import "runtime"

// maxStacks bounds the stacks that a daemon sends, in bytes.
const maxStacks = 8 << 20

// stacks returns the stacks of all goroutines, cut to maxStacks bytes. It stops all
// goroutines meanwhile.
func stacks() string {
	for size := 64 << 10; ; size *= 2 {
		buf := make([]byte, size)
		if n := runtime.Stack(buf, true); n < size || size >= maxStacks {
			return string(buf[:n])
		}
	}
}
