package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/loopgen/loopgen/generator"
)

// report prints the result for people. It returns errFailed if there is an error in it.
func report(result *generator.Result, all bool, stderr io.Writer) error {
	for _, d := range result.Diagnostics {
		d.Pos.Filename = fromHere(d.Pos.Filename)
		if !d.Pos.IsValid() && d.Place == "" {
			fmt.Fprint(stderr, "loopgen: ")
		}
		fmt.Fprintln(stderr, d)
	}
	failed := count(result, generator.Error) > 0
	for _, s := range result.Summaries {
		if !failed && (s.LeftOut+s.ClientOnly > 0 || all) {
			fmt.Fprintln(stderr, "loopgen:", s)
		}
	}
	text := counted(result)
	switch {
	case failed:
		fmt.Fprintf(stderr, "loopgen: %s, nothing written\n", text)
		return errFailed
	case text != "":
		fmt.Fprintln(stderr, "loopgen:", text)
	}
	return nil
}

// counted returns how many diagnostics of each severity there are, the worst first:
// "1 error, 2 warnings".
func counted(result *generator.Result) string {
	var parts []string
	for severity := generator.Error; ; severity-- {
		switch n := count(result, severity); {
		case n == 1:
			parts = append(parts, "1 "+severity.String())
		case n > 1:
			parts = append(parts, fmt.Sprintf("%d %ss", n, severity))
		}
		if severity == generator.Note {
			return strings.Join(parts, ", ")
		}
	}
}

// reportJSON prints the result as JSON for tools, an object to a line.
func reportJSON(result *generator.Result, stdout io.Writer) error {
	lines := json.NewEncoder(stdout)
	lines.SetEscapeHTML(false)
	for _, d := range result.Diagnostics {
		line := finding{Method: d.Method, Severity: d.Severity.String(), Reason: d.Reason, Remedy: d.Remedy, Place: d.Place, Path: d.Path}
		if d.Pos.IsValid() {
			line.Position = &position{fromHere(d.Pos.Filename), d.Pos.Line, d.Pos.Column}
		}
		if err := lines.Encode(line); err != nil {
			return fmt.Errorf("printing what was found: %w", err)
		}
	}
	end := conclusion{
		Types: []counts{}, Files: []string{},
		Errors: count(result, generator.Error), Warnings: count(result, generator.Warning), Notes: count(result, generator.Note),
	}
	for _, s := range result.Summaries {
		missed := append([]string{}, s.Missed...) // [] and not null
		end.Types = append(end.Types, counts{s.Type, s.Methods(), s.Shared, s.ClientOnly, s.LeftOut, s.Skipped, s.Verdict(), missed})
	}
	for _, f := range result.Files {
		end.Files = append(end.Files, fromHere(f.Path))
	}
	if err := lines.Encode(map[string]conclusion{"summary": end}); err != nil {
		return fmt.Errorf("printing what was found: %w", err)
	}
	if end.Errors > 0 {
		return errFailed
	}
	return nil
}

func count(result *generator.Result, severity generator.Severity) int {
	n := 0
	for _, d := range result.Diagnostics {
		if d.Severity == severity {
			n++
		}
	}
	return n
}

// The JSON that the manual describes.
type (
	finding struct {
		Position *position `json:"position,omitempty"`
		Place    string    `json:"place,omitempty"`
		Method   string    `json:"method,omitempty"`
		Severity string    `json:"severity"`
		Reason   string    `json:"reason"`
		Remedy   string    `json:"remedy,omitempty"`
		Path     string    `json:"path,omitempty"`
	}
	position struct {
		File   string `json:"file"`
		Line   int    `json:"line"`
		Column int    `json:"column"`
	}
	conclusion struct {
		Types    []counts `json:"types"`
		Errors   int      `json:"errors"`
		Warnings int      `json:"warnings"`
		Notes    int      `json:"notes"`
		Files    []string `json:"files"`
	}
	counts struct {
		Type       string   `json:"type"`
		Methods    int      `json:"methods"`
		Shared     int      `json:"shared"`
		ClientOnly int      `json:"clientOnly"`
		LeftOut    int      `json:"leftOut"`
		Skipped    int      `json:"skipped"`
		Verdict    string   `json:"verdict,omitempty"`
		Missed     []string `json:"missed"`
	}
)

// fromHere returns path relative to the working directory where that is
// shorter, as compilers print it.
func fromHere(path string) string {
	dir, err := os.Getwd()
	if err != nil || !filepath.IsAbs(path) {
		return path
	}
	rel, err := filepath.Rel(dir, path)
	if err != nil || len(rel) > len(path) {
		return path
	}
	return rel
}
