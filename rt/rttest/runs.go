package rttest

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt/internal/inprocess"
)

// run runs the tests as often as -count says, with one call of m.Run for each run.
// Between two runs it ends all daemons below dir and the objects that
// LOOPGEN_MODE=inprocess has made in this process. It returns the exit status.
func run(m *testing.M, dir string) (code int) {
	if !flag.Parsed() {
		flag.Parse()
	}
	count := separateRuns()
	if count > 1 {
		set("test.count", "1")
	}
	var deadline time.Time
	if timeout := value[time.Duration]("test.timeout"); timeout > 0 {
		deadline = time.Now().Add(timeout)
	}
	for i := range count {
		if i > 0 {
			set("test.shuffle", "off") // the first run has already shuffled the tests
			set("test.cpu", "")        // package testing appends to the list that it has
			if !deadline.IsZero() {
				set("test.timeout", max(time.Until(deadline), time.Nanosecond).String())
			}
			if problems := renew(dir); len(problems) > 0 {
				complain(problems)
				return max(code, 1)
			}
		}
		code = max(code, m.Run())
		if code > 1 || code == 1 && value[bool]("test.failfast") { // 2 means a wrong command line
			break
		}
	}
	return code
}

// separateRuns returns the number of calls of m.Run. It is one for each run of the
// tests, or only one if package testing does something once for all runs.
func separateRuns() uint {
	for _, name := range []string{"cpuprofile", "memprofile", "blockprofile", "mutexprofile", "trace", "list", "fuzz"} {
		if value[string]("test."+name) != "" {
			return 1
		}
	}
	return max(value[uint]("test.count"), 1)
}

// renew restores dir to its state before the first run.
func renew(dir string) (problems []error) {
	if problems = append(inprocess.End(), end(dir)...); len(problems) > 0 {
		return problems
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return []error{err}
	}
	return nil
}

func complain(problems []error) {
	for _, problem := range problems {
		fmt.Fprintln(os.Stderr, "rttest:", problem)
	}
}

// value returns the value of a flag of package testing, or zero if there is no such
// flag.
func value[T any](name string) (v T) {
	if f := flag.Lookup(name); f != nil {
		if getter, ok := f.Value.(flag.Getter); ok {
			v, _ = getter.Get().(T)
		}
	}
	return v
}

// set sets a flag of package testing. All callers pass valid values.
func set(name, text string) {
	if err := flag.Set(name, text); err != nil {
		fmt.Fprintln(os.Stderr, "rttest: setting -"+name+" to "+strconv.Quote(text)+":", err)
		os.Exit(2)
	}
}
