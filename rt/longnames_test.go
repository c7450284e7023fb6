//go:build unix

package rt_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/testdata/objects"
)

// A name of 4096 bytes is cut in the client's and the daemon's log, in errors and in
// what String returns. Status has all of it.
func TestLongNamesAreCutWhereverPeopleReadThem(t *testing.T) {
	t.Parallel()
	name := strings.Repeat("é", 2048)
	cut := strings.Repeat("é", 99) + "…"
	var logged bytes.Buffer
	a := singleton{Dir: rttest.Dir(t), Name: name}
	shared := share(t, a, func(c *rt.Config) {
		c.Logger = slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	if err := shared.EnsureStarted(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, err := shared.Status(t.Context())
	if err != nil || s.Name != name {
		t.Errorf("Status: %v, a name of %d bytes, want %d", err, len(s.Name), len(name))
	}
	var log []byte
	eventually(t, "the daemon's log says that it serves", func() bool {
		log, err = os.ReadFile(s.Log)
		return err == nil && bytes.Contains(log, []byte("serving"))
	})
	other := a
	other.Options = objects.Options{Start: 7}
	_, mismatch := share(t, other).Connect(t.Context())
	if !errors.Is(mismatch, rt.ErrConfigMismatch) {
		t.Errorf("with other arguments: got %v, want ErrConfigMismatch", mismatch)
	}
	for what, text := range map[string]string{
		"the client's log": logged.String(), "the daemon's log": string(log), "the error": mismatch.Error(), "String": shared.String(), "Status.String": s.String(),
	} {
		if !strings.Contains(text, cut) || strings.Contains(text, cut[:len(cut)-len("…")]+"é") {
			t.Errorf("%s does not cut the name at 100 characters: %.2000s", what, text)
		}
	}
}

// The service and the method are cut apart, so that the method's name is seen.
func TestLongServiceNameDoesNotHideTheMethod(t *testing.T) {
	service := "example.com/cache.Cache[string," + strings.Repeat("x", 500) + "]"
	err := &rt.CallError{Method: service + ".Get", Outcome: rt.OutcomeNotSent, Err: rt.ErrClosed}
	want := "loopgen: " + service[:99] + "….Get: " + rt.ErrClosed.Error() + " (not sent)"
	if err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
}
