package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/inspect"
)

// measured is what is known of a daemon, or of those that a singleton has had.
type measured struct {
	Name, Service, Dir string
	Up                 bool              // it runs and answers
	Methods            []rt.MethodStatus `json:",omitempty"` // those that were called
	Error              string            `json:",omitempty"` // why there are no numbers

	Starts             map[string]uint64 `json:",omitempty"` // by result; none if the daemon is of an older build
	RefusedConnections map[string]uint64 `json:",omitempty"` // by reason

	Clients, Running, Queued int // 0 if it is not up
}

// metrics prints the numbers of all daemons as OpenMetrics text.
func metrics(ctx context.Context, in *invocation) error {
	daemons, err := inspect.List(in.where)
	list := make([]*measured, len(daemons))
	var asked sync.WaitGroup
	for i, d := range daemons {
		asked.Go(func() { list[i] = measure(ctx, d) }) // one silent daemon delays no other
	}
	asked.Wait()
	for _, m := range list {
		if m.Error != "" {
			fmt.Fprintf(in.stderr, "loopctl: %s: %s\n", word(m.Name), clean(m.Error))
		}
	}
	if in.json {
		for _, m := range list {
			if err := in.encode(m); err != nil {
				return err
			}
		}
		return err
	}
	var text strings.Builder
	writeMetrics(&text, list)
	_, werr := io.WriteString(in.stdout, text.String())
	return errors.Join(err, werr)
}

// measure asks the daemon, or reads what it has left if it does not run. The numbers of one
// that runs and does not answer are not known: those in its file are older.
func measure(ctx context.Context, d *inspect.Daemon) *measured {
	m := &measured{Name: d.Name, Service: d.Service, Dir: d.Dir}
	if d.Lives() {
		s, err := d.Status(ctx)
		switch {
		case err == nil:
			m.Up, m.Clients, m.Running, m.Queued = true, len(s.Clients), len(s.Running), max(s.Waiting, len(s.Queued))
			m.Starts, m.RefusedConnections = s.Starts, s.RefusedConnections
			m.Methods = slices.DeleteFunc(s.Methods, func(m rt.MethodStatus) bool { return !called(m) })
			return m
		case !errors.Is(err, rt.ErrNotRunning):
			m.Error = err.Error()
			return m
		}
		d = d.Refresh() // it has exited meanwhile
	}
	totals, err := d.Totals()
	if err != nil {
		m.Error = err.Error()
	}
	m.Methods, m.Starts, m.RefusedConnections = totals.Methods, totals.Starts, totals.RefusedConnections
	return m
}

// called reports whether a call of the method was counted.
func called(m rt.MethodStatus) bool { return m.Calls > 0 || len(m.Refused) > 0 }

// writeMetrics writes OpenMetrics text, version 1.0.0. All samples of a metric are together.
func writeMetrics(w io.Writer, list []*measured) {
	writeDaemons(w, list)
	writeMethods(w, list)
	fmt.Fprint(w, "# EOF\n")
}

// writeDaemons writes the metrics of daemons.
func writeDaemons(w io.Writer, list []*measured) {
	gauge := func(name, help string, value func(*measured) int, all bool) {
		fmt.Fprintf(w, "# TYPE %s gauge\n# HELP %[1]s %s\n", name, help)
		for _, m := range list {
			if all || m.Up {
				fmt.Fprintf(w, "%s{%s} %d\n", name, m.labels(), value(m))
			}
		}
	}
	gauge("loopgen_up", "Whether the daemon runs and answers.", func(m *measured) int {
		if m.Up {
			return 1
		}
		return 0
	}, true)
	gauge("loopgen_clients", "Connected clients.", func(m *measured) int { return m.Clients }, false)
	gauge("loopgen_running", "Calls that run.", func(m *measured) int { return m.Running }, false)
	gauge("loopgen_queued", "Calls that wait for their turn.", func(m *measured) int { return m.Queued }, false)

	counter := func(name, help, label string, values func(*measured) map[string]uint64) {
		fmt.Fprintf(w, "# TYPE %s counter\n# HELP %[1]s %s\n", name, help)
		for _, m := range list {
			for _, value := range slices.Sorted(maps.Keys(values(m))) {
				fmt.Fprintf(w, "%s_total{%s,%s=%s} %d\n", name, m.labels(), label, quote(value), values(m)[value])
			}
		}
	}
	counter("loopgen_starts", "Starts of daemons by result.", "result", func(m *measured) map[string]uint64 { return m.Starts })
	counter("loopgen_refused_connections", "Connections that were not admitted as clients.", "reason", func(m *measured) map[string]uint64 { return m.RefusedConnections })
}

// writeMethods writes the metrics of methods.
func writeMethods(w io.Writer, list []*measured) {
	each := func(head string, write func(labels string, m rt.MethodStatus)) {
		fmt.Fprint(w, head)
		for _, d := range list {
			for _, m := range d.Methods {
				write(d.labels()+",method="+quote(m.Name), m)
			}
		}
	}
	each("# TYPE loopgen_calls counter\n# HELP loopgen_calls Calls by outcome.\n", func(labels string, m rt.MethodStatus) {
		for _, o := range outcomesOf(m) {
			fmt.Fprintf(w, "loopgen_calls_total{%s,outcome=%s} %d\n", labels, quote(o.name), o.calls)
		}
	})
	each("# TYPE loopgen_panics counter\n# HELP loopgen_panics Panics of methods.\n", func(labels string, m rt.MethodStatus) {
		fmt.Fprintf(w, "loopgen_panics_total{%s} %d\n", labels, m.Failed["panic"])
	})
	each("# TYPE loopgen_received_bytes counter\n# UNIT loopgen_received_bytes bytes\n# HELP loopgen_received_bytes Arguments of executed calls.\n", func(labels string, m rt.MethodStatus) {
		fmt.Fprintf(w, "loopgen_received_bytes_total{%s} %d\n", labels, m.Received)
	})
	each("# TYPE loopgen_sent_bytes counter\n# UNIT loopgen_sent_bytes bytes\n# HELP loopgen_sent_bytes Results of executed calls.\n", func(labels string, m rt.MethodStatus) {
		fmt.Fprintf(w, "loopgen_sent_bytes_total{%s} %d\n", labels, m.Sent)
	})
	each("# TYPE loopgen_call_seconds histogram\n# UNIT loopgen_call_seconds seconds\n# HELP loopgen_call_seconds Run time of executed calls.\n", func(labels string, m rt.MethodStatus) {
		writeHistogram(w, "loopgen_call_seconds", labels, m.RunTimes, m.Ran)
	})
	each("# TYPE loopgen_wait_seconds histogram\n# UNIT loopgen_wait_seconds seconds\n# HELP loopgen_wait_seconds Time from the arrival of executed calls until they began.\n", func(labels string, m rt.MethodStatus) {
		writeHistogram(w, "loopgen_wait_seconds", labels, m.WaitTimes, m.Waited)
	})
}

// outcomeCount is how many calls of a method had an outcome.
type outcomeCount struct {
	name  string
	calls uint64
}

// outcomesOf returns the outcomes of the calls of a method: ok, error, and the reasons of
// failures.
func outcomesOf(m rt.MethodStatus) []outcomeCount {
	failed := uint64(0)
	reasons := make(map[string]uint64)
	for name, n := range m.Failed {
		failed += n
		reasons[name] += n
	}
	for name, n := range m.Refused {
		reasons[name] += n
	}
	list := []outcomeCount{{"ok", m.Calls - min(m.Calls, m.Errors+failed)}, {"error", m.Errors}}
	for _, name := range slices.Sorted(maps.Keys(reasons)) {
		list = append(list, outcomeCount{name, reasons[name]})
	}
	return list
}

// writeHistogram writes the buckets, each with those before it.
func writeHistogram(w io.Writer, name, labels string, buckets []uint64, sum time.Duration) {
	total := uint64(0)
	for i := range histogramBuckets {
		if i < len(buckets) {
			total += buckets[i]
		}
		le := "+Inf"
		if i < histogramBuckets-1 {
			le = strconv.FormatFloat((time.Microsecond << i).Seconds(), 'g', -1, 64)
			if !strings.ContainsAny(le, ".e") {
				le += ".0"
			}
		}
		fmt.Fprintf(w, "%s_bucket{%s,le=%q} %d\n", name, labels, le, total)
	}
	fmt.Fprintf(w, "%s_count{%s} %d\n%[1]s_sum{%[2]s} %[4]s\n", name, labels, total, strconv.FormatFloat(sum.Seconds(), 'g', -1, 64))
}

// histogramBuckets is the number of elements of rt.MethodStatus.RunTimes with its zeros.
const histogramBuckets = 24

// labels returns the labels of a daemon. The directory tells daemons of one name apart.
func (m *measured) labels() string {
	return "service=" + quote(m.Service) + ",name=" + quote(m.Name) + ",dir=" + quote(m.Dir)
}

// quote returns the value of a label in quotes.
func quote(value string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(strings.ToValidUTF8(value, "�")) + `"`
}

// numbers returns what was counted for a method, on a line.
func numbers(m rt.MethodStatus) string {
	text := fmt.Sprintf("%d calls", m.Calls)
	for _, o := range outcomesOf(m)[1:] {
		if o.calls > 0 {
			text += fmt.Sprintf(", %s: %d", o.name, o.calls)
		}
	}
	if m.Calls == 0 {
		return text
	}
	mean := func(sum time.Duration) string { return digits(sum / time.Duration(m.Calls)) }
	return text + fmt.Sprintf("; run %s on average, 99 %% within %s; wait %s, %s; received %d bytes, sent %d",
		mean(m.Ran), within99(m.RunTimes), mean(m.Waited), within99(m.WaitTimes), m.Received, m.Sent)
}

// within99 returns the upper bound of the bucket with the longest of 99 % of the calls.
func within99(buckets []uint64) string {
	total, seen := uint64(0), uint64(0)
	for _, n := range buckets {
		total += n
	}
	for i, n := range buckets {
		if seen += n; seen >= total-total/100 {
			if i == histogramBuckets-1 {
				break
			}
			return digits(time.Microsecond << i)
		}
	}
	return "more"
}

// digits returns a duration with three digits or so.
func digits(d time.Duration) string {
	unit := time.Duration(1)
	for unit*1000 <= d {
		unit *= 10
	}
	return d.Round(unit).String()
}
