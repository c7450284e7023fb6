package corpus

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/loopgen/loopgen/generator"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// compareGolden compares the fate of each method with a golden file, so that a
// change of the generator that shares a method less, or leaves it out for another
// reason, is seen in review.
func compareGolden(t *testing.T, path string, results []result, said [][]generator.Diagnostic) {
	var got bytes.Buffer
	fmt.Fprintf(&got, "# Methods that are not shared, or by the client only, and why.\n# Written by go test -run %s -update.\n", t.Name())
	shared := 0
	var before []string
	for i, r := range results {
		shared += len(r.Shared)
		fmt.Fprintf(&got, "\n%s: %d of %d methods shared", r.Name, len(r.Shared), len(r.Methods))
		lines := leftOut(&r, said[i])
		if strings.HasSuffix(r.Name, embedded) && slices.Equal(lines, before) {
			got.WriteString(", the others as above\n")
			continue
		}
		got.WriteString("\n" + strings.Join(lines, ""))
		before = lines
	}
	fmt.Fprintf(&got, "\n%d methods shared\n", shared)
	if *update {
		write(t, path, got.String())
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if difference := diff(string(want), got.String()); difference != "" {
		t.Errorf("%s differs (-want +got); if the change is meant, run go test -run %s -update:\n%s", path, t.Name(), difference)
	}
}

// leftOut returns a line for each method that the proxy does not have.
func leftOut(r *result, said []generator.Diagnostic) []string {
	var lines []string
	for _, m := range r.Methods {
		if slices.Contains(r.Shared, m) {
			continue
		}
		place := ""
		if slices.Contains(r.Client, m) {
			place = " (client only)"
		}
		lines = append(lines, fmt.Sprintf("\t%s%s: %s\n", m, place, strings.Join(reasons(said, m), "; ")))
	}
	return lines
}

// origin is the part of a reason that says where a method of another package is
// declared. It has line numbers.
var origin = regexp.MustCompile(`(promoted from .*?\.go(:\d+)?\)|declared at \S+?\.go(:\d+)?): `)

// reasons returns what was said of a method, without positions.
func reasons(said []generator.Diagnostic, method string) []string {
	var list []string
	for _, d := range said {
		if d.Method == method {
			list = append(list, origin.ReplaceAllString(d.Reason, ""))
		}
	}
	return list
}

// diff returns the lines of two golden files that are in one of them only.
func diff(want, got string) string {
	var text strings.Builder
	wants, gots := qualifiedLines(want), qualifiedLines(got)
	for _, side := range []struct {
		mark        string
		lines, than []string
	}{{"-", wants, gots}, {"+", gots, wants}} {
		for _, line := range side.lines {
			if !slices.Contains(side.than, line) {
				text.WriteString(side.mark + line + "\n")
			}
		}
	}
	return text.String()
}

// qualifiedLines returns the lines of a golden file, those of methods with the type
// in front.
func qualifiedLines(golden string) []string {
	var list []string
	title := ""
	for line := range strings.Lines(golden) {
		line = strings.TrimSuffix(line, "\n")
		if method, ok := strings.CutPrefix(line, "\t"); ok {
			line = title + ": " + method
		} else if i := strings.LastIndex(line, ": "); i >= 0 {
			title = line[:i]
		}
		list = append(list, line)
	}
	return list
}
