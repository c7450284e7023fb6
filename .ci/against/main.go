// Against compares the speed of this checkout with that of a commit. It builds the
// benchmarks of both, runs them in short rounds in turn, and prints how many times as
// long this checkout takes: the quotient of the medians, and the quartiles of the
// rounds' quotients. This checkout against itself stands beside it: what differs there
// is noise.
//
//	.ci/speed -against COMMIT
//
// A benchmark that the commit lacks is run from today's benchmark files laid over it,
// or shown as none.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// rows are the benchmarks that are compared, each by its µs/call.
var rows = []string{
	"Call/unix", "Callers/8", "Callers/64", "Quota/1000", "Queued/1000", "Struct",
	"Echo/1KiB", "Echo/64KiB", "Echo/1MiB", "Start/memory/again", "Attach",
}

// laidOver are the files that a commit may lack.
var laidOver = []string{"rt/bench*_test.go", "testdata/records/clerk.go"}

func main() {
	rounds := flag.Int("rounds", 30, "how often each benchmark runs")
	length := flag.String("length", "100ms", "how long each run takes")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: .ci/speed -against COMMIT")
		os.Exit(2)
	}
	if err := compare(flag.Arg(0), *rounds, *length); err != nil {
		fmt.Fprintln(os.Stderr, "against:", err)
		os.Exit(1)
	}
}

func compare(commit string, rounds int, length string) error {
	dir, err := os.MkdirTemp("", "against")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	then := filepath.Join(dir, "then")
	if err := run(".", "git", "worktree", "add", "-q", "--detach", then, commit); err != nil {
		return err
	}
	defer run(".", "git", "worktree", "remove", "--force", then)
	now, old, laid := filepath.Join(dir, "now.test"), filepath.Join(dir, "old.test"), filepath.Join(dir, "laid.test")
	if err := build(".", now); err != nil {
		return err
	}
	if err := build(then, old); err != nil {
		return err
	}
	over := layOver(then) // the error of a commit that they do not fit
	if over == nil {
		over = build(then, laid)
	}
	fmt.Printf("%-22s %8s %17s   %8s %17s\n", "against "+commit, "quotient", "quartiles", "itself", "quartiles")
	for _, row := range rows {
		program := old
		if !has(old, row) {
			program = laid
		}
		if program == laid && over != nil {
			fmt.Printf("%-22s %8s\n", row, "none")
			continue
		}
		var ours, theirs, again []float64
		for range rounds {
			for _, of := range []struct {
				program string
				to      *[]float64
			}{{now, &ours}, {program, &theirs}, {now, &again}} {
				t, err := measure(of.program, row, length)
				if err != nil {
					return err
				}
				*of.to = append(*of.to, t)
			}
		}
		fmt.Printf("%-22s %s   %s\n", row, quotient(ours, theirs), quotient(ours, again))
	}
	return nil
}

// build builds the benchmarks of the checkout in dir.
func build(dir, program string) error {
	return run(dir, "go", "test", "-c", "-o", program, "./rt")
}

// layOver copies today's benchmarks over the checkout in dir, and generates there what
// they call.
func layOver(dir string) error {
	for _, pattern := range laidOver {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			return err
		}
		for _, path := range paths {
			content, err := os.ReadFile(path)
			if err == nil {
				err = os.MkdirAll(filepath.Dir(filepath.Join(dir, path)), 0o777)
			}
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, path), content, 0o666)
			}
			if err != nil {
				return err
			}
		}
	}
	return run(dir, "go", "run", "./cmd/loopgen", "-type", "Clerk", "./testdata/records")
}

// pattern returns what selects a benchmark: "^BenchmarkCall$/^unix$".
func pattern(row string) string {
	parts := strings.Split("Benchmark"+row, "/")
	return "^" + strings.Join(parts, "$/^") + "$"
}

// has reports whether a program has a benchmark.
func has(program, row string) bool {
	name, _, _ := strings.Cut(row, "/")
	out, err := exec.Command(program, "-test.list", pattern(name)).Output()
	return err == nil && len(bytes.TrimSpace(out)) > 0
}

// measure runs a benchmark once and returns its µs/call. It runs on one processor, as
// in .ci/speed.
func measure(program, row, length string) (float64, error) {
	args := []string{program, "-test.run", "^$", "-test.bench", pattern(row), "-test.benchtime", length}
	if taskset, err := exec.LookPath("taskset"); err == nil {
		args = append([]string{taskset, "-c", "0"}, args...)
	}
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("%s: %w\n%s", row, err, out)
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		for i, field := range fields {
			if i > 0 && field == "µs/call" {
				return strconv.ParseFloat(fields[i-1], 64)
			}
		}
	}
	return 0, fmt.Errorf("%s: no µs/call in\n%s", row, out)
}

// quotient returns the quotient of the medians, and the quartiles of the quotients of
// each round.
func quotient(of, by []float64) string {
	var each []float64
	for i := range of {
		each = append(each, of[i]/by[i])
	}
	return fmt.Sprintf("%8.3f   %.3f to %.3f ", quantile(of, 0.5)/quantile(by, 0.5), quantile(each, 0.25), quantile(each, 0.75))
}

func quantile(of []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(of))
	return sorted[int(q*float64(len(sorted)))]
}

func run(dir, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}
