package rt_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/loopgen/loopgen/rt/rttest"
)

// The error of a client without /dev/null names the missing file, and does not tell the
// user to raise a limit.
func TestStartWithoutNullDevice(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c"}
	out, err := mounted(t, `mount -t tmpfs none /dev; exec "$0"`, "connect", a).CombinedOutput()
	if err != nil {
		t.Fatalf("%s, %v", out, err)
	}
	var said string
	if err := json.Unmarshal(out, &said); err != nil {
		t.Fatalf("the client said %s: %v", out, err)
	}
	if strings.Contains(said, "limit") || !strings.Contains(said, "open /dev/null: no such file or directory; ") || !strings.Contains(said, "null device") {
		t.Errorf("the client was told %q", said)
	}
}
