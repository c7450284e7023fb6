package sock

import (
	"errors"
	"fmt"
	"os"
	"testing"
)

// A socket whose mode cannot be set is closed again.
func TestListenUnixWithoutAMode(t *testing.T) {
	nowhere := fmt.Sprintf("@loopgen-test-%d", os.Getpid()) // in no directory
	for range 2 {
		if ln, err := ListenUnix(nowhere, 0o600); ln != nil || !errors.Is(err, os.ErrNotExist) {
			t.Errorf("got %v, %v; want %v", ln, err, os.ErrNotExist)
		}
	}
}
