//go:build unix

package rt_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/rt/stub"
	"github.com/loopgen/loopgen/testdata/objects"
)

// The error of a client with another configuration says what differs, then names the
// daemon's process, then says what to do.
func TestConfigMismatchSaysWhatDiffers(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c", Options: objects.Options{Start: 5, Tags: map[string]string{"a": "1"}}}
	connect(t, a)
	pid := a.endpoint(t).PID
	check := func(what string, err error, difference string) {
		t.Helper()
		want := fmt.Sprintf("another configuration: %s; the daemon has pid %d: use the same constructor and arguments, ", difference, pid)
		if !errors.Is(err, rt.ErrConfigMismatch) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v; want %q in it", what, err, want)
		}
	}
	for _, test := range []struct {
		what, difference string
		change           func(*objects.Options)
	}{
		{"another value", "argument 1 of NewCounter (objects.Options) differs in Start", func(o *objects.Options) { o.Start = 6 }},
		{"no value", "argument 1 of NewCounter (objects.Options) differs in Tags", func(o *objects.Options) { o.Tags = nil }},
		{"one value more, one less", "argument 1 of NewCounter (objects.Options) differs in Step, Start", func(o *objects.Options) { o.Start, o.Step = 0, 1 }},
	} {
		other := a
		test.change(&other.Options)
		_, err := share(t, other).Connect(t.Context())
		check(test.what, err, test.difference)
	}

	self := func(c stub.Conn) stub.Conn { return c }
	shared := rt.NewShared(a.config(), &stub.Service{
		Name: "github.com/loopgen/loopgen/testdata/objects.Counter", Constructor: "OpenCounter",
		New: func(context.Context, *stub.Decoder) (any, error) { return nil, nil },
	}, self, self, func(e *stub.Encoder) { stub.Encode(e, a.Options) })
	defer shared.Close()
	_, err := shared.Connect(t.Context())
	check("another constructor", err, "the constructor is OpenCounter here and NewCounter in the daemon")
}

// A client with another configuration waits for a daemon that is leaving, as others
// do, and then starts its own.
func TestOtherConfigurationWaitsForALeavingDaemon(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		open, result := gated(t, connect(t, a))
		down := a.shutDown(t)
		other := a
		other.Options.Start = 6
		shared := share(t, other)
		eventually(t, "the client waits", func() bool { // the first try may be too early to know
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			_, err := shared.Connect(ctx)
			if errors.Is(err, rt.ErrConfigMismatch) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
				return true
			}
			return errors.Is(err, rt.ErrDraining)
		})
		open()
		if n, err := result(); n != 1 || err != nil {
			t.Errorf("the running call: %d, %v", n, err)
		}
		if err := down(); err != nil {
			t.Error(err)
		}
		if n, err := mustConnect(t, shared).Inc(t.Context()); n != 7 || err != nil {
			t.Errorf("after that: %d, %v; want 7", n, err)
		}
	})
}
