package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
)

// The test binary is the daemon and the workers, too.
func TestMain(m *testing.M) {
	rt.ServeIfDaemon()
	if what, dir, ok := strings.Cut(os.Getenv("RATELIMIT_TEST_WORKER"), " "); ok {
		if err := worker(what, dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	rttest.Main(m)
}

const (
	processes = 4
	tokens    = 101 // that are there at the start
	waits     = 10  // of each process
	interval  = 5 * time.Millisecond
)

// shared opens the limiter of a test: one that gets no token within the test, or
// one that gets one each interval.
func shared(what, dir string) *rt.Shared[*LimiterClient, *LimiterProxy] {
	cfg := rt.Config{Scope: rt.ScopeDir(dir)}
	if what == "allow" {
		return ShareLimiter(cfg, rate.Every(time.Hour), tokens)
	}
	return ShareLimiter(cfg, rate.Every(interval), 1)
}

// worker takes as many tokens as it can get, or as it is to wait for, and prints
// how many.
func worker(what, dir string) error {
	s := shared(what, dir)
	defer s.Close()
	p, err := s.Proxy(context.Background())
	if err != nil {
		return err
	}
	n := 0
	for refused := 0; what == "allow" && refused < 10; {
		if p.Allow() {
			n++
		} else {
			refused++
		}
	}
	for what == "wait" && n < waits {
		if err := p.Wait(context.Background()); err != nil {
			return err
		}
		n++
	}
	fmt.Println(n)
	return nil
}

// together runs the workers at the same time and returns how many tokens they
// have taken together.
func together(t *testing.T, what string) (total int) {
	t.Helper()
	dir := rttest.Dir(t)
	var outs [processes]strings.Builder
	var running []*exec.Cmd
	for i := range outs {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "RATELIMIT_TEST_WORKER="+what+" "+dir)
		cmd.Stdout, cmd.Stderr = &outs[i], os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		running = append(running, cmd)
	}
	for i, cmd := range running {
		err := cmd.Wait()
		n, parseErr := strconv.Atoi(strings.TrimSpace(outs[i].String()))
		if err := errors.Join(err, parseErr); err != nil {
			t.Fatal(err)
		}
		total += n
	}
	return total
}

// Processes get each token once.
func TestTokens(t *testing.T) {
	if got := together(t, "allow"); got != tokens {
		t.Errorf("%d processes took %d tokens, want %d", processes, got, tokens)
	}
}

// Processes that wait are no faster together than one.
func TestOneRate(t *testing.T) {
	start := time.Now()
	got := together(t, "wait")
	const want = processes * waits
	if took, least := time.Since(start), (want-1)*interval; got != want || took < least {
		t.Errorf("%d processes took %d tokens in %v, want %d in at least %v", processes, got, took, want, least)
	}
}

// A shared limiter says what a local one says.
func TestLikeLocal(t *testing.T) {
	s := ShareLimiter(rt.Config{Scope: rt.ScopeDir(rttest.Dir(t))}, 10, 5)
	defer s.Close()
	remote, err := s.Proxy(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	local := rate.NewLimiter(10, 5)
	random := rand.New(rand.NewPCG(1, 2))
	now := time.Now()
	for range 500 {
		now = now.Add(time.Duration(random.Int64N(int64(200 * time.Millisecond))))
		n := 1 + random.IntN(4)
		var got, want any
		switch random.IntN(6) {
		case 0:
			remote.SetLimitAt(now, rate.Limit(n*5))
			local.SetLimitAt(now, rate.Limit(n*5))
		case 1:
			remote.SetBurstAt(now, n)
			local.SetBurstAt(now, n)
		case 2:
			got, want = remote.TokensAt(now), local.TokensAt(now)
		default:
			got, want = remote.AllowN(now, n), local.AllowN(now, n)
		}
		if got != want || remote.Limit() != local.Limit() || remote.Burst() != local.Burst() {
			t.Fatalf("got %v, limit %v, burst %d; want %v, %v, %d", got, remote.Limit(), remote.Burst(), want, local.Limit(), local.Burst())
		}
	}
	expired, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	remote.SetLimit(rate.Every(time.Hour))
	for remote.Allow() {
	}
	if err := remote.Wait(expired); err == nil {
		t.Error("Wait for an hour within a millisecond: got no error")
	}
}
