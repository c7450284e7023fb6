package rt_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/testdata/objects"
)

func init() {
	// Has N clients, makes a call through the last one, and closes them.
	addRole("misbehave and close", func(ctx context.Context, _ *counterShared, a args) (any, error) {
		for i := range a.N {
			shared := objects.ShareCounter(a.config(), a.Options)
			defer shared.Close()
			c, err := shared.Connect(ctx)
			if err != nil {
				return nil, err
			}
			if i == a.N-1 {
				c.Misbehave(ctx, "panic")
			}
		}
		return "done", nil
	})
}

const follow = "LOOPGEN_LOG=stderr"

// shows waits until a client's standard error has a text.
func (b builtClient) shows(t *testing.T, text string) {
	t.Helper()
	eventually(t, fmt.Sprintf("standard error has %q", text), func() bool { return fileContains(b.stderr, text) })
}

// With LOOPGEN_LOG=stderr a client shows what its daemon writes: all of it if the
// client started the daemon, else from the time when it connects. The daemon has
// neither the variable nor a descriptor of the client.
func TestLogOnStandardError(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c", IdleTTL: -1}
	starter, other, quiet := a.by(t, ""), a.by(t, ""), a.by(t, "")
	first := starter.start(t, "obey", withEnv(follow))
	first.tell(t, "connect", "connected")
	starter.shows(t, "msg=serving")
	first.begin(t, "environment")
	if env := first.line(t); strings.Contains(env, "LOOPGEN_LOG") {
		t.Errorf("the daemon's environment is %s", env)
	}
	stderr, err := os.Stat(starter.stderr)
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range descriptors(t, a.endpoint(t).PID) {
		if info, err := os.Stat(fd); err == nil && os.SameFile(info, stderr) {
			t.Errorf("the daemon has the client's standard error as %s", fd)
		}
	}
	second := other.start(t, "obey", withEnv(follow))
	second.tell(t, "connect", "connected")
	third := quiet.start(t, "obey")
	third.tell(t, "misbehave panic", "true")
	starter.shows(t, "misbehaved")
	other.shows(t, "misbehaved")
	if fileContains(other.stderr, "msg=serving") {
		t.Error("the client that did not start the daemon shows what the daemon wrote before")
	}
	quiet.complained(t)
}

// descriptors returns the paths of a process's open files.
func descriptors(t *testing.T, pid int) (paths []string) {
	t.Helper()
	dir := "/proc/" + strconv.Itoa(pid) + "/fd/"
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		paths = append(paths, dir+e.Name())
	}
	return paths
}

// When Close returns, the output of a call was shown, once for all clients in a process.
func TestCloseShowsTheLog(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c", IdleTTL: -1}.by(t, "")
	var said string
	a.start(t, "misbehave and close", withN(3), withEnv(follow)).wait(t, &said)
	text, err := os.ReadFile(a.stderr)
	if err != nil {
		t.Fatal(err)
	}
	// Not the line that the daemon serves: it is written beside the first call.
	if n := strings.Count(string(text), "value=misbehaved"); n != 1 {
		t.Errorf("what the call wrote was copied %d times:\n%s", n, text)
	}
}

// A log that is rotated is followed to its end, and the new one from its beginning.
func TestRotatedLogIsFollowed(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c", IdleTTL: -1}.by(t, "")
	c := a.start(t, "obey", withEnv(follow))
	c.tell(t, "connect", "connected")
	a.shows(t, "msg=serving")
	log := a.endpoint(t).Log
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	c.tell(t, "misbehave panic", "true") // the daemon writes to the old file, up to a second
	a.shows(t, "value=misbehaved")
	eventually(t, "there is a new log", func() bool { _, err := os.Stat(log); return err == nil })
	if err := share(t, a.singleton).Shutdown(t.Context(), rt.ShutdownDrain); err != nil {
		t.Fatal(err)
	}
	a.shows(t, `msg="shutting down"`)
	written := 0
	for _, path := range []string{log + ".1", log} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		written += len(text)
	}
	eventually(t, "all was copied", func() bool {
		info, err := os.Stat(a.stderr)
		return err == nil && info.Size() >= int64(written)
	})
	if text, err := os.ReadFile(a.stderr); err != nil || len(text) != written {
		t.Errorf("%d bytes of %d were copied, %v:\n%s", len(text), written, err, text)
	}
}
