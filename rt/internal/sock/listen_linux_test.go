package sock

import (
	"errors"
	"fmt"
	"os"
	"testing"
)

// ListenUnix closes a socket whose mode it cannot set.
func TestListenUnixWithoutAMode(t *testing.T) {
	nowhere := fmt.Sprintf("@loopgen-test-%d", os.Getpid()) // in no directory
	for range 2 {
		if ln, err := ListenUnix(nowhere, 0o600); ln != nil || !errors.Is(err, os.ErrNotExist) {
			t.Errorf("got %v, %v; want %v", ln, err, os.ErrNotExist)
		}
	}
}
