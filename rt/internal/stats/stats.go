// Package stats counts the calls of each method, and what a daemon refuses. It touches neither files nor connections.
//
// The counters of a daemon are in a Table. Numbers are a copy of those of one method, as
// Status and the file of totals have them.
package stats

import (
	"math/bits"
	"slices"
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

// snapshot returns the buckets without zeros at the end. A call that is counted meanwhile
// may be missing.
func (h *histogram) snapshot() []uint64 {
	counts := make([]uint64, 0, Buckets)
	for i := range h.buckets {
		counts = append(counts, h.buckets[i].Load())
	}
	return trim(counts)
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

// Zero reports whether no call was counted.
func (n *Numbers) Zero() bool { return n.Calls == 0 && len(n.Refused) == 0 }

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
		Failed: byName(&m.failed), Refused: byName(&m.unstarted),
	} // the histograms first: see Executed
	n.Calls = m.ok.Load() + n.unsuccessful()
	return n
}

// plus returns the sum of two numbers.
func (n Numbers) plus(o Numbers) Numbers {
	return Numbers{
		Calls: n.Calls + o.Calls, Errors: n.Errors + o.Errors, Failed: merge(n.Failed, o.Failed), Refused: merge(n.Refused, o.Refused),
		Received: n.Received + o.Received, Sent: n.Sent + o.Sent, Ran: n.Ran + o.Ran, Waited: n.Waited + o.Waited,
		RunTimes: add(n.RunTimes, o.RunTimes), WaitTimes: add(n.WaitTimes, o.WaitTimes),
	}
}

// Table counts the calls of all methods of a daemon, its start, and the connections that it
// refuses. Its methods may be called concurrently.
type Table struct {
	names   []string
	methods []Method
	before  atomic.Pointer[Totals]

	mu              sync.Mutex // guards the fields below
	starts, refused map[string]uint64
}

// New returns a table of the methods with these names. It keeps names.
func New(names []string) *Table {
	t := &Table{names: names, methods: make([]Method, len(names)), starts: make(map[string]uint64), refused: make(map[string]uint64)}
	t.before.Store(new(Totals))
	return t
}

// SetBefore sets the numbers of earlier daemons, which All and Totals add. The table keeps
// before and does not change it.
func (t *Table) SetBefore(before Totals) { t.before.Store(&before) }

// Start counts the start of the daemon, with one of the results above.
func (t *Table) Start(result string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.starts[result]++
}

// RefuseConnection counts a connection that was not admitted as a client's.
func (t *Table) RefuseConnection(reason string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refused[reason]++
}

// Method returns the counters of a method by its number.
func (t *Table) Method(number int) *Method { return &t.methods[number] }

// Executed returns the number of calls that this daemon has executed.
func (t *Table) Executed() (calls uint64) {
	for i := range t.methods {
		m := &t.methods[i]
		calls += m.ok.Load() + m.errors.Load()
		for code := range m.failed {
			calls += m.failed[code].Load()
		}
	}
	return calls
}

// Totals returns the numbers of a method, those of earlier daemons included.
func (t *Table) Totals(number int) Numbers {
	return t.before.Load().Methods[t.names[number]].plus(t.methods[number].numbers())
}

// Connections returns the starts and the refused connections, those of earlier daemons
// included.
func (t *Table) Connections() (starts, refused map[string]uint64) {
	before := t.before.Load()
	t.mu.Lock()
	defer t.mu.Unlock()
	return merge(before.Starts, t.starts), merge(before.RefusedConnections, t.refused)
}

// All returns the totals of all methods that were called, and of starts and connections.
func (t *Table) All() Totals {
	all := Totals{Methods: make(map[string]Numbers)}
	for i, name := range t.names {
		if n := t.Totals(i); !n.Zero() {
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

func trim(counts []uint64) []uint64 {
	for len(counts) > 0 && counts[len(counts)-1] == 0 {
		counts = counts[:len(counts)-1]
	}
	return counts
}

// add returns the sums of two lists. It changes neither.
func add(a, b []uint64) []uint64 {
	if len(a) < len(b) {
		a, b = b, a
	}
	a = slices.Clone(a)
	for i, n := range b {
		a[i] += n
	}
	return a
}

// merge returns the sums of two maps. It changes neither.
func merge(a, b map[string]uint64) map[string]uint64 {
	if len(a)+len(b) == 0 {
		return nil
	}
	sums := make(map[string]uint64)
	for _, m := range []map[string]uint64{a, b} {
		for name, n := range m {
			sums[name] += n
		}
	}
	return sums
}

func byName(counts *[codes]atomic.Uint64) map[string]uint64 {
	var names map[string]uint64
	for code := range counts {
		if n := counts[code].Load(); n > 0 {
			if names == nil {
				names = make(map[string]uint64)
			}
			names[wire.FailureCode(code).String()] = n
		}
	}
	return names
}
