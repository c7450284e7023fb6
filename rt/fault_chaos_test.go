//go:build linux

package rt_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/rttest"
)

// chaosMode is what happens to the processes of a chaos run.
type chaosMode struct {
	name       string
	idle       time.Duration
	kill, stop bool
	hangup     bool // the daemon gets SIGHUP, and leaves
	processes  int
	transport  rt.Transport
}

// TestChaos lets many client processes call one object while they and its daemon
// are killed and stopped at random and the daemon leaves whenever nobody calls,
// and then compares what callers were told with what was executed.
//
// LOOPGEN_TEST_SEED repeats the choices of a run, LOOPGEN_TEST_SECONDS is how
// long each mode goes on, and LOOPGEN_TEST_CALLS how many calls each must have
// acknowledged at least, however long that takes.
func TestChaos(t *testing.T) {
	for _, transport := range []rt.Transport{rt.TransportUnix, rt.TransportTCP} {
		for _, mode := range []chaosMode{
			{name: "idle 1ms", idle: time.Millisecond, processes: 4},
			{name: "idle 1us", idle: time.Microsecond, processes: 4},
			{name: "kill", idle: 20 * time.Millisecond, kill: true, processes: 8},
			{name: "stop", idle: 20 * time.Millisecond, stop: true, processes: 8},
			{name: "hangup", idle: 20 * time.Millisecond, stop: true, hangup: true, processes: 8},
			{name: "all", idle: 5 * time.Millisecond, kill: true, stop: true, hangup: true, processes: 8},
		} {
			mode.transport = transport
			t.Run(fmt.Sprintf("%s/%s", transport, mode.name), func(t *testing.T) {
				if !thorough() {
					t.Parallel() // each for itself has the processor when time does not matter
				}
				chaos(t, mode)
			})
		}
	}
}

// chaosRun is one run of the test.
type chaosRun struct {
	t       *testing.T
	mode    chaosMode
	shared  singleton
	random  *rand.Rand
	clients []*client
	kills   int
	stops   int
	hangups int
}

func chaos(t *testing.T, mode chaosMode) {
	seed := rand.Uint64()
	if s := os.Getenv("LOOPGEN_TEST_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	wanted, _ := strconv.Atoi(os.Getenv("LOOPGEN_TEST_CALLS"))
	r := &chaosRun{
		t: t, mode: mode, random: rand.New(rand.NewPCG(seed, 0)),
		shared: singleton{Dir: rttest.Dir(t), Name: "chaos", Transport: mode.transport, IdleTTL: mode.idle},
	}
	r.shared.Options.Witness = filepath.Join(r.shared.Dir, "witness")
	if err := os.Mkdir(filepath.Join(r.shared.Dir, chaosRecords), 0o700); err != nil {
		t.Fatal(err)
	}
	for range mode.processes {
		r.clients = append(r.clients, r.client())
	}
	began := time.Now()
	end := began.Add(long(time.Second))
	for time.Now().Before(end) || r.executed() < wanted+wanted/10 {
		time.Sleep(time.Duration(r.random.Int64N(int64(20 * time.Millisecond))))
		r.fault()
	}
	for _, c := range r.clients {
		c.release()
	}
	for _, c := range r.clients {
		r.ends(c)
	}
	took := time.Since(began)
	eventually(t, "the daemon leaves", func() bool { return !r.shared.alive(t) })

	log := readChaos(t, r.shared.Dir)
	births := r.shared.births(t)
	t.Logf("seed %d: %v, %d calls acknowledged, %d given up, %d of unknown outcome, %d locks, %d lives, %d kills, %d stops, %d hangups, errors: %v",
		seed, took.Round(time.Millisecond), log.acked, log.gaveUp, log.unknown, len(log.holds), births, r.kills, r.stops, r.hangups, log.errors)
	for i, v := range log.violations() {
		if i == 20 {
			t.Error("violation: …")
			break
		}
		t.Errorf("violation: %s", v)
	}
	if !mode.kill && len(log.errors) > 0 {
		t.Errorf("violation: errors, although nothing was killed: %v", log.errors)
	}
	if log.acked < wanted || thorough() && (log.acked < 100 || births < 2 && (mode.kill || !mode.stop) || mode.kill && r.kills == 0 || mode.stop && r.stops == 0) {
		t.Error("too little has happened")
	}
}

// ends waits for the end of a client that has been released. Its calls return soon, since
// nothing is killed or stopped any more. A client that hangs writes its stacks.
func (r *chaosRun) ends(c *client) {
	hangs := time.AfterFunc(time.Minute, func() {
		r.t.Errorf("violation: a call did not return: process %d hangs", c.cmd.Process.Pid)
		c.cmd.Process.Signal(syscall.SIGQUIT)
	})
	defer hangs.Stop()
	var ok bool
	c.wait(r.t, &ok)
}

func (r *chaosRun) client() *client {
	return start(r.t, "chaos", r.shared, withN(max(r.mode.processes/3, 1)), withSeed(r.random.Int64()))
}

// executed returns how many executions the journal has noted.
func (r *chaosRun) executed() int {
	b, err := os.ReadFile(filepath.Join(r.shared.Dir, chaosJournal))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.t.Fatal(err)
	}
	return bytes.Count(b, []byte(" ."))
}

// fault does something to a process.
func (r *chaosRun) fault() {
	victim := r.random.IntN(2 * len(r.clients))
	kill := r.mode.kill && (!r.mode.stop || r.random.IntN(2) == 0)
	switch {
	case !kill && !r.mode.stop:
	case victim < len(r.clients) && kill:
		c := r.clients[victim]
		c.cmd.Process.Kill()
		c.cmd.Wait()
		r.clients[victim] = r.client()
		r.kills++
	case victim < len(r.clients):
		r.stop(r.clients[victim].cmd.Process)
	default:
		daemon := r.daemon()
		if daemon == nil {
			return
		}
		defer daemon.Release()
		switch {
		case kill:
			daemon.Kill()
			r.kills++
		case r.mode.hangup && r.random.IntN(4) == 0: // it leaves, and loses nothing
			if daemon.Signal(syscall.SIGHUP) == nil {
				r.hangups++
			}
		default:
			r.stop(daemon)
		}
	}
}

// stop stops a process for a moment.
func (r *chaosRun) stop(p *os.Process) {
	if p.Signal(syscall.SIGSTOP) != nil {
		return
	}
	longest := 30 * time.Millisecond
	if r.random.IntN(5) == 0 {
		longest = 150 * time.Millisecond // callers wait 50 ms for the verdict on a call that they give up
	}
	time.Sleep(time.Duration(r.random.Int64N(int64(longest))))
	p.Signal(syscall.SIGCONT)
	r.stops++
}

// daemon returns the process that the endpoint names, if it is ours: a daemon may
// end at any time, and a pid be given to somebody else.
func (r *chaosRun) daemon() *os.Process {
	dir, err := rundir.Open(r.shared.Dir, r.shared.Name)
	if err != nil {
		r.t.Fatal(err)
	}
	e, err := dir.ReadEndpoint()
	if err != nil {
		return nil
	}
	p, err := os.FindProcess(e.PID) // holds on to the process, not to its number
	if err != nil {
		return nil
	}
	cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", e.PID))
	if err != nil || !strings.HasSuffix(strings.TrimRight(string(cmdline), "\x00"), "loopgen:"+r.shared.Name) {
		p.Release()
		return nil
	}
	return p
}
