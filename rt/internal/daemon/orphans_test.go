package daemon

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopgen/loopgen/rt/stub"
)

// withOrphan returns a daemon with one running call whose caller has just gone.
func withOrphan(t *testing.T, mode stub.Mode, idleTTL, OrphanTimeout time.Duration) (d *Daemon, release func()) {
	d = newStill(t, idleTTL)
	d.svc.Methods[0].Mode = mode
	d.orphans.timeout = OrphanTimeout
	release = d.hold()
	conn, _ := d.dial(t)
	mustWrite(t, conn, callFrame(t, 1))
	synctest.Wait()
	conn.Close()
	synctest.Wait()
	return d, release
}

// runsFor returns how long the daemon runs from now on, at most an hour.
func (d *Daemon) runsFor() time.Duration {
	began := time.Now()
	select {
	case <-d.ctx.Done():
	case <-time.After(time.Hour):
	}
	return time.Since(began)
}

// TestOrphanKeepsTheDaemonForOrphanTimeout shows how long an idle daemon runs on because of
// a call whose caller is gone. For concurrent methods this is OrphanTimeout, or the idle
// time if that is longer. For other methods there is no limit.
func TestOrphanKeepsTheDaemonForOrphanTimeout(t *testing.T) {
	for name, test := range map[string]struct {
		mode             stub.Mode
		idle, wait, want time.Duration
	}{
		"concurrent":             {stub.Concurrent, time.Second, 30 * time.Second, 30 * time.Second},
		"concurrent, long idle":  {stub.Concurrent, time.Minute, 30 * time.Second, time.Minute},
		"concurrent, negative":   {stub.Concurrent, time.Second, -1, time.Hour},
		"exclusive":              {stub.Exclusive, time.Second, 30 * time.Second, time.Hour},
		"shared":                 {stub.Shared, time.Second, 30 * time.Second, time.Hour},
		"concurrent, without it": {stub.Concurrent, -1, 30 * time.Second, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, release := withOrphan(t, test.mode, test.idle, test.wait)
				defer release()
				if took := d.runsFor(); took != test.want {
					t.Errorf("it began to exit after %v, want %v", took, test.want)
				}
			})
		})
	}
}

// TestOrphanDelaysDrain shows how long a drain waits for a call whose caller is gone.
func TestOrphanDelaysDrain(t *testing.T) {
	const wait = 30 * time.Second
	for name, test := range map[string]struct {
		mode         stub.Mode
		wait, before time.Duration // how long the caller has been gone when the drain begins
		want         time.Duration
	}{
		"concurrent":           {stub.Concurrent, wait, 10 * time.Second, 20 * time.Second},
		"concurrent, expired":  {stub.Concurrent, wait, time.Minute, 0},
		"exclusive":            {stub.Exclusive, wait, 10 * time.Second, wait},
		"exclusive, long gone": {stub.Exclusive, wait, time.Minute, wait},
		"negative":             {stub.Concurrent, -1, time.Minute, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, release := withOrphan(t, test.mode, -1, test.wait)
				defer release()
				time.Sleep(test.before)
				d.BeginShutdown("the test says so", false)
				if took := d.runsFor(); took != test.want {
					t.Errorf("it began to exit after %v, want %v", took, test.want)
				}
			})
		})
	}
}

// TestOrphanThatEndsIsRemoved shows that a call that ends after its caller is gone
// counts as ended, whether it was expired or not.
func TestOrphanThatEndsIsRemoved(t *testing.T) {
	for name, after := range map[string]time.Duration{"counted": time.Second, "expired": time.Minute} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, release := withOrphan(t, stub.Concurrent, -1, 30*time.Second)
				time.Sleep(after)
				release()
				synctest.Wait()
				if d.running != 0 || d.orphans.expired != 0 || len(d.orphans.running) != 0 {
					t.Errorf("%d calls run, %d orphans, %d of them expired; want none", d.running, len(d.orphans.running), d.orphans.expired)
				}
			})
		})
	}
}

// TestEndOfAcquisitionThatHangs shows that a blocked Unlock, which the daemon calls for a
// dead client, keeps the daemon no longer than the client's own calls do.
func TestEndOfAcquisitionThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newStill(t, time.Second)
		d.svc.Methods[0].Mode = stub.Concurrent
		release := d.hold()
		defer release()
		d.end(acquisition{end: 0, args: noArguments})
		if took := d.runsFor(); took != d.orphans.timeout {
			t.Errorf("it began to exit after %v, want %v", took, d.orphans.timeout)
		}
	})
}
