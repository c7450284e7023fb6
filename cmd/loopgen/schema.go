package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/loopgen/loopgen/rt/schema"
)

// printSchema prints the schema of the types, in the order of the command line.
func printSchema(types []schema.Service, stdout io.Writer) error {
	s := schema.Schema{Services: types}
	if _, err := io.WriteString(stdout, s.String()); err != nil {
		return fmt.Errorf("printing the schema: %w", err)
	}
	return nil
}

// diffSchemas prints how two files with schemas differ. It returns errFailed if
// that is breaking.
func diffSchemas(older, newer string, asJSON bool, stdout io.Writer) error {
	was, err := readSchema(older)
	if err != nil {
		return err
	}
	is, err := readSchema(newer)
	if err != nil {
		return err
	}
	var lines []any // for tools
	verdict := "compatible"
	for _, f := range schema.Diff(was, is) {
		if f.Breaking {
			verdict, err = "breaking", errFailed
		}
		lines = append(lines, difference{f.Subject, f.Breaking, f.What, f.Effect})
		if !asJSON {
			fmt.Fprintln(stdout, f)
		}
	}
	if !asJSON {
		fmt.Fprintln(stdout, verdict)
		return err
	}
	out := json.NewEncoder(stdout)
	out.SetEscapeHTML(false)
	for _, line := range append(lines, map[string]string{"verdict": verdict}) {
		if err := out.Encode(line); err != nil {
			return fmt.Errorf("printing the differences: %w", err)
		}
	}
	return err
}

// difference is the JSON that the manual describes.
type difference struct {
	Subject  string `json:"subject"`
	Breaking bool   `json:"breaking"`
	Change   string `json:"change"`
	Effect   string `json:"effect"`
}

func readSchema(path string) (*schema.Schema, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading a schema: %w", err)
	}
	s, err := schema.Parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("reading the schema %s: %w", path, err)
	}
	return s, nil
}
