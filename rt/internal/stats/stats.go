// Package stats counts the calls of each method, and what a daemon refuses. It touches neither files nor connections.
//
// The counters of a daemon are in a Table. Numbers are a copy of those of one method, as
// Status and the file of totals have them.
package stats

import (
	"math/bits"
	"sync"
	"sync/atomic"
	"time"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// Buckets is the number of buckets of a histogram. Bucket i counts durations of at most
// 2^i µs that are no longer than bucket i-1 allows; the last one counts the rest.
const Buckets = 24

// histogram counts durations.
type histogram struct {
	buckets [Buckets]atomic.Uint64
	sum     atomic.Int64 // nanoseconds
}

func (h *histogram) add(d time.Duration) {
	if d <= 0 {
		h.buckets[0].Add(1)
		return
	}
	h.buckets[min(bits.Len64(uint64(d-1)/uint64(time.Microsecond)), Buckets-1)].Add(1)
	h.sum.Add(int64(d))
}

// include adds the durations that another histogram has counted.
func (h *histogram) include(buckets []uint64, total time.Duration) {
	for i, n := range buckets {
		h.buckets[i].Add(n)
	}
	h.sum.Add(int64(total))
}

// snapshot returns the buckets without zeros at the end. A call that is counted meanwhile
// may be missing.
func (h *histogram) snapshot() []uint64 {
	var counts []uint64
	for i := range h.buckets {
		if n := h.buckets[i].Load(); n > 0 {
			counts = append(append(counts, make([]uint64, i-len(counts))...), n)
		}
	}
	return counts
}

// codes is one more than the greatest code of a failure.
const codes = int(wire.FailureLostChange) + 1

// Method counts the calls of a method. Its methods may be called concurrently; they neither
// allocate nor block. Each outcome has a counter of its own, and the number of executed calls
// is their sum: a difference of two counters could fall from one reading to the next.
//
// Counting a call takes 35 ns. Two processors that count calls of one method at a time pass
// its cache lines to and fro, which takes 60 to 200 ns: see BenchmarkContended. Only calls of
// concurrent methods meet here, after they have met at the lock of the daemon's turn, so
// counters for each connection would save less than they cost in memory.
type Method struct {
	run, wait         histogram
	received, sent    atomic.Uint64
	ok, errors        atomic.Uint64
	failed, unstarted [codes]atomic.Uint64
}

// Executed counts the times and sizes of a call that waited for the turn and then ran.
// received and sent are the sizes of arguments and results in bytes. OK, Error or Failed
// counts the outcome of the call before, so that no histogram has more calls than
// Numbers.Calls.
func (m *Method) Executed(run, wait time.Duration, received, sent int) {
	if received > 0 {
		m.received.Add(uint64(received))
	}
	if sent > 0 {
		m.sent.Add(uint64(sent))
	}
	m.wait.add(wait)
	m.run.add(run)
}

// OK counts that an executed call returned no error.
func (m *Method) OK() { m.ok.Add(1) }

// Error counts that an executed call returned an error of its own.
func (m *Method) Error() { m.errors.Add(1) }

// Failed counts that an executed call has no results because of code.
func (m *Method) Failed(code wire.FailureCode) { count(&m.failed, code) }

// Refused counts a call that was not executed because of code.
func (m *Method) Refused(code wire.FailureCode) { count(&m.unstarted, code) }

// count ignores a code that this package does not know; a part may have returned it.
func count(counts *[codes]atomic.Uint64, code wire.FailureCode) {
	if code < wire.FailureCode(codes) {
		counts[code].Add(1)
	}
}

// Numbers are the numbers of one method. The zero value says that there was no call.
type Numbers struct {
	Calls     uint64            `cbor:",omitempty"` // executed
	Errors    uint64            `cbor:",omitempty"` // executed calls that returned an error
	Failed    map[string]uint64 `cbor:",omitempty"` // executed calls without results, by reason, as "panic"
	Refused   map[string]uint64 `cbor:",omitempty"` // calls that were not executed, by reason, as "canceled"
	Received  uint64            `cbor:",omitempty"` // bytes of arguments of executed calls
	Sent      uint64            `cbor:",omitempty"` // bytes of results
	Ran       time.Duration     `cbor:",omitempty"` // sum of the run times
	Waited    time.Duration     `cbor:",omitempty"` // sum of the times from arrival to the turn
	RunTimes  []uint64          `cbor:",omitempty"` // executed calls by run time; zeros at the end are left out
	WaitTimes []uint64          `cbor:",omitempty"` // the same by the time that they waited
}

// unsuccessful returns the number of executed calls that were not successful.
func (n *Numbers) unsuccessful() uint64 {
	total := n.Errors
	for _, calls := range n.Failed {
		total += calls
	}
	return total
}

// numbers returns what was counted so far. A call that is counted meanwhile may be missing in
// some of the numbers.
func (m *Method) numbers() Numbers {
	n := Numbers{
		RunTimes: m.run.snapshot(), WaitTimes: m.wait.snapshot(), Ran: time.Duration(m.run.sum.Load()), Waited: time.Duration(m.wait.sum.Load()),
		Received: m.received.Load(), Sent: m.sent.Load(), Errors: m.errors.Load(),
		Failed: byName(m.failed[:], failureName), Refused: byName(m.unstarted[:], failureName),
	} // the histograms first: see Executed
	n.Calls = m.ok.Load() + n.unsuccessful()
	return n
}

// include adds the numbers of earlier daemons, and returns the number of their calls. It
// drops failures of a code that this package does not know. The outcomes come first: see
// Executed.
func (m *Method) include(n Numbers) (calls uint64) {
	include(m.unstarted[:], failureName, n.Refused)
	calls = include(m.failed[:], failureName, n.Failed)
	ok := n.Calls - n.unsuccessful()
	m.ok.Add(ok)
	m.errors.Add(n.Errors)
	m.received.Add(n.Received)
	m.sent.Add(n.Sent)
	m.wait.include(n.WaitTimes, n.Waited)
	m.run.include(n.RunTimes, n.Ran)
	return calls + ok + n.Errors
}

// Table counts the calls of all methods of a daemon, its start, and the connections that it
// refuses. Its methods may be called concurrently.
type Table struct {
	names   []string
	methods []Method

	starts  [len(results)]atomic.Uint64
	refused [wire.WelcomeNotAllowed + 1]atomic.Uint64 // by code; 0: the client did not prove that it has the key

	mu      sync.Mutex
	earlier uint64 // calls of earlier daemons among those that methods has counted; guarded by mu
}

// New returns a table of the methods with these names. It keeps names.
func New(names []string) *Table {
	return &Table{names: names, methods: make([]Method, len(names))}
}

// Include adds the totals that Parse has returned, of earlier daemons. It drops the numbers
// of methods that the table does not have.
func (t *Table) Include(before Totals) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, name := range t.names {
		t.earlier += t.methods[i].include(before.Methods[name])
	}
	include(t.starts[:], resultName, before.Starts)
	include(t.refused[:], reasonName, before.RefusedConnections)
}

// results are the results of a start.
var results = [...]string{"failed", "ok"}

// Started counts the start of the daemon: it serves, or it never will.
func (t *Table) Started(ok bool) {
	result := 0
	if ok {
		result = 1
	}
	t.starts[result].Add(1)
}

// RefuseConnection counts a connection that was not admitted as a client's. The code is that
// of the welcome, or 0 if the client did not prove that it has the key.
func (t *Table) RefuseConnection(code wire.WelcomeCode) { t.refused[code].Add(1) }

// Method returns the counters of a method by its number.
func (t *Table) Method(number int) *Method { return &t.methods[number] }

// Executed returns the number of calls that this daemon has executed.
func (t *Table) Executed() (calls uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.methods {
		m := &t.methods[i]
		calls += m.ok.Load() + m.errors.Load()
		for code := range m.failed {
			calls += m.failed[code].Load()
		}
	}
	return calls - t.earlier
}

// Totals returns the numbers of a method, those of earlier daemons included.
func (t *Table) Totals(number int) Numbers { return t.methods[number].numbers() }

// Connections returns the starts by result and the refused connections by reason, those of
// earlier daemons included.
func (t *Table) Connections() (starts, refused map[string]uint64) {
	return byName(t.starts[:], resultName), byName(t.refused[:], reasonName)
}

// All returns the totals of all methods that were called, and of starts and connections.
func (t *Table) All() Totals {
	all := Totals{Methods: make(map[string]Numbers)}
	for i, name := range t.names {
		if n := t.Totals(i); n.Calls > 0 || n.Refused != nil {
			all.Methods[name] = n
		}
	}
	all.Starts, all.RefusedConnections = t.Connections()
	return all
}

func sum(counts []uint64) (total uint64) {
	for _, n := range counts {
		total += n
	}
	return total
}

func failureName(code int) string { return wire.FailureCode(code).String() }

func resultName(i int) string { return results[i] }

func reasonName(code int) string {
	if code == 0 {
		return "unauthenticated"
	}
	return wire.WelcomeCode(code).String()
}

// include adds numbers by name, and returns their sum.
func include(counts []atomic.Uint64, name func(int) string, names map[string]uint64) (total uint64) {
	for i := range counts {
		n := names[name(i)]
		counts[i].Add(n)
		total += n
	}
	return total
}

// byName returns the numbers that are not zero, or nil if all are.
func byName(counts []atomic.Uint64, name func(int) string) map[string]uint64 {
	var names map[string]uint64
	for i := range counts {
		if n := counts[i].Load(); n > 0 {
			if names == nil {
				names = make(map[string]uint64)
			}
			names[name(i)] = n
		}
	}
	return names
}
