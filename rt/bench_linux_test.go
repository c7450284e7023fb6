package rt_test

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
)

// BenchmarkCPU measures the processor time that client and daemon together take
// for Inc() int by one caller, while time passes and while they sleep. Floor:
// as in BenchmarkCall.
func BenchmarkCPU(b *testing.B) {
	inc, daemon := incTrip(b, rt.TransportUnix)
	raw := startRaw(b, rt.TransportUnix, payload)
	duel(b, "raw", consuming(b, raw.pid, raw.trip(b)), consuming(b, daemon, inc))
}

// consuming makes rounds of trips by one caller. Its one time is what this
// process and the server's ran on any processor, per trip.
func consuming(b *testing.B, server int, trip func() error) contestant {
	const trips = 200
	return func() []time.Duration {
		begin := processorTime(b, os.Getpid()) + processorTime(b, server)
		for range trips {
			if err := trip(); err != nil {
				b.Fatal(err)
			}
		}
		end := processorTime(b, os.Getpid()) + processorTime(b, server)
		return []time.Duration{(end - begin) / trips}
	}
}

// processorTime is what a process has run so far, in user and in system mode:
// by the clock that clock_getcpuclockid(3) names.
func processorTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	const wholeProcess = 2 // CPUCLOCK_SCHED
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|wholeProcess), &t); err != nil {
		b.Fatal(err)
	}
	return time.Duration(t.Nano())
}

// BenchmarkWrites counts the writes of the daemon for each answer while the calls that a
// connection may have outstanding leave the queue: the median of the rounds.
func BenchmarkWrites(b *testing.B) {
	round := drainWrites(b)
	var writes []float64
	for b.Loop() {
		writes = append(writes, round())
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(middle(writes), "writes/answer")
}

// TestQueuedCallsAreAnsweredTogether shows that a queue of fast calls takes fewer writes
// than answers.
func TestQueuedCallsAreAnsweredTogether(t *testing.T) {
	round := drainWrites(t)
	var writes []float64
	for range 15 {
		writes = append(writes, round())
	}
	if got := middle(writes); got > 0.5 {
		t.Errorf("a draining queue takes %.2f writes per answer, want at most 0.5", got)
	}
}

// drainWrites makes rounds in which a queue of one connection drains. A round returns how
// many times the daemon wrote for each answer.
func drainWrites(b testing.TB) (round func() float64) {
	const calls = 250
	var daemon int
	var before uint64
	drained := drain(b, calls, func(pid int) { daemon, before = pid, writesOf(b, pid) })
	return func() float64 {
		drained()
		return float64(writesOf(b, daemon)-before) / calls
	}
}

// writesOf is how often a process has called write and the like.
func writesOf(b testing.TB, pid int) (n uint64) {
	b.Helper()
	io, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", pid))
	if err != nil {
		b.Skip(err) // the kernel does not account it
	}
	_, count, _ := strings.Cut(string(io), "syscw: ")
	if _, err := fmt.Sscan(count, &n); err != nil {
		b.Fatal(err)
	}
	return n
}

// BenchmarkMemory measures a daemon's anonymous memory: with one connection, and
// how much more there is for each of a thousand that are idle, having called
// once. Floor: a raw server, of this binary too, with as many connections.
func BenchmarkMemory(b *testing.B) {
	const open = 1000
	var daemons, raws, connections, rawConnections []float64
	for b.Loop() {
		a := singleton{Dir: rttest.Dir(b), Name: "c", Transport: rt.TransportUnix}
		connect(b, a)
		daemon := a.endpoint(b).PID
		idle := anonymousKiB(b, daemon)
		crowd := start(b, "connections", a, withN(open))
		crowd.says(b, "connected")
		daemons = append(daemons, idle)
		connections = append(connections, (anonymousKiB(b, daemon)-idle)/open)
		crowd.cmd.Process.Kill()

		raw := startRaw(b, rt.TransportUnix, payload)
		greet := func() {
			if err := raw.trip(b)(); err != nil {
				b.Fatal(err)
			}
		}
		greet()
		idle = anonymousKiB(b, raw.pid)
		for range open {
			greet()
		}
		raws = append(raws, idle)
		rawConnections = append(rawConnections, (anonymousKiB(b, raw.pid)-idle)/open)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(middle(daemons), "KiB/daemon")
	b.ReportMetric(middle(raws), "KiB/raw")
	b.ReportMetric(middle(daemons)/middle(raws), "x/raw")
	b.ReportMetric(middle(connections), "KiB/connection")
	b.ReportMetric(middle(rawConnections), "KiB/rawconnection")
	b.ReportMetric(middle(connections)/middle(rawConnections), "x/rawconnection")
}

// anonymousKiB is the memory of a process that no file stands behind.
func anonymousKiB(b *testing.B, pid int) (kib float64) {
	b.Helper()
	status, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	defer status.Close()
	for lines := bufio.NewScanner(status); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), "RssAnon:"); ok {
			if _, err := fmt.Sscanf(value, "%f kB", &kib); err != nil {
				b.Fatal(err)
			}
			return kib
		}
	}
	b.Fatalf("process %d does not tell its anonymous memory", pid)
	return 0
}
