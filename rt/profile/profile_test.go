package profile_test

import (
	"bytes"
	"context"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"

	"github.com/loopgen/loopgen/rt/internal/daemon"
	"github.com/loopgen/loopgen/rt/internal/wire"
	_ "github.com/loopgen/loopgen/rt/profile"
	"github.com/loopgen/loopgen/rt/stub"
)

// labelled reports whether a goroutine has the label of a method.
func labelled(t *testing.T, method string) bool {
	t.Helper()
	var text bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&text, 1); err != nil {
		t.Fatal(err)
	}
	return strings.Contains(text.String(), `labels: {"method":"`+method+`"}`)
}

// A goroutine reads its connection after a method has panicked, and has no label then.
func TestLabelEndsWithTheCall(t *testing.T) {
	for name, end := range map[string]func(){"Return": func() {}, "Panic": func() { panic("x") }} {
		call := daemon.Profiler.Label(name, func(*stub.Run, any) {
			if !labelled(t, name) {
				t.Errorf("%s: no label in the call", name)
			}
			end()
		})
		func() {
			defer func() { _ = recover() }()
			call(nil, nil)
		}()
		if labelled(t, name) {
			t.Errorf("%s: a label after the call", name)
		}
	}
}

// A profile ends with the context of its request, and until then there is no other one.
func TestOneProfile(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan *wire.Failure)
	go func() { // ends with ctx
		_, failure := daemon.Profiler.Profile(ctx, "mutex", wire.MaxProfileSeconds)
		ended <- failure
	}()
	for runtime.SetMutexProfileFraction(-1) == 0 { // until the profile has begun
		runtime.Gosched()
	}
	if _, failure := daemon.Profiler.Profile(ctx, "heap", 1); failure == nil || failure.Code != wire.FailureInUse {
		t.Errorf("another profile meanwhile: %+v", failure)
	}
	cancel()
	if failure := <-ended; failure != nil {
		t.Errorf("the profile: %+v", failure)
	}
	if rate := runtime.SetMutexProfileFraction(-1); rate != 0 {
		t.Errorf("the rate of mutex profiles is %d", rate)
	}
	if data, failure := daemon.Profiler.Profile(t.Context(), "heap", 1); failure != nil || len(data) == 0 {
		t.Errorf("the next profile: %d bytes, %+v", len(data), failure)
	}
	for _, seconds := range []int{-1, 0, wire.MaxProfileSeconds + 1} {
		if _, failure := daemon.Profiler.Profile(t.Context(), "cpu", seconds); failure == nil || failure.Code != wire.FailureBadArguments {
			t.Errorf("%d seconds: %+v", seconds, failure)
		}
	}
	if _, failure := daemon.Profiler.Profile(t.Context(), "trace", 1); failure == nil || failure.Code != wire.FailureBadArguments {
		t.Errorf("a kind that there is not: %+v", failure)
	}
}
