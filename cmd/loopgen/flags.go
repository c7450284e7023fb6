package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/loopgen/loopgen/generator"
)

// output says how the result is used.
type output struct {
	check  bool // compare, write nothing
	json   bool // report for tools
	schema bool // print the schemas of the types, write nothing
	diff   bool // compare two files with such schemas
	files  []string

	version bool // print the version, do nothing else
}

// parseFlags reads the command line.
func parseFlags(args []string) (o *generator.Options, how output, err error) {
	o = new(generator.Options)
	flags := flag.NewFlagSet("loopgen", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	list := func(name string, to *[]string) {
		flags.Func(name, "", func(value string) error {
			for _, item := range strings.Split(value, ",") {
				*to = append(*to, strings.TrimSpace(item))
			}
			return nil
		})
	}
	flags.Func("type", "", func(value string) error {
		o.Types = append(o.Types, value)
		return nil
	})
	list("skip", &o.Skip)
	list("readonly", &o.ReadOnly)
	list("concurrent", &o.Concurrent)
	list("exclusive", &o.Exclusive)
	list("idempotent", &o.Idempotent)
	list("inout", &o.InOut)
	list("in", &o.In)
	list("session", &o.Session)
	list("timeout", &o.Timeout)
	flags.StringVar(&o.New, "new", "", "")
	flags.StringVar(&o.Output, "output", "", "")
	flags.StringVar(&o.Name, "name", "", "")
	flags.StringVar(&o.Close, "close", "detach", "")
	flags.StringVar(&o.Hook, "hook", "main", "")
	flags.BoolVar(&o.Strict, "strict", false, "")
	flags.BoolVar(&o.Verbose, "v", false, "")
	flags.BoolVar(&how.check, "check", false, "")
	flags.BoolVar(&how.json, "json", false, "")
	flags.BoolVar(&how.schema, "schema", false, "")
	flags.BoolVar(&how.diff, "diff", false, "")
	flags.BoolVar(&how.version, "version", false, "")
	if err := flags.Parse(args); err != nil {
		return nil, how, err
	}
	switch {
	case how.version:
		return o, how, nil
	case how.diff && !how.schema:
		return nil, how, errors.New("-diff compares schemas: use -schema -diff old new")
	case how.diff && len(o.Types) > 0:
		return nil, how, errors.New("-diff reads its types from the files: leave out -type")
	case how.schema && how.check:
		return nil, how, errors.New("-schema and -check are for different questions: give one")
	case how.schema && how.json && !how.diff:
		return nil, how, errors.New("-json is not for -schema alone, whose text tools can read: leave it out")
	}
	o.Schema = how.schema
	switch rest := flags.Args(); {
	case how.diff && len(rest) != 2:
		return nil, how, fmt.Errorf("-schema -diff takes two files, the old schema and the new one, not %d", len(rest))
	case how.diff:
		how.files = rest
	case len(rest) == 1:
		o.Pattern = rest[0]
	case len(rest) > 1 && strings.HasPrefix(rest[1], "-"):
		return nil, how, fmt.Errorf("%s comes after the package %s: flags go first", rest[1], rest[0])
	case len(rest) > 1:
		return nil, how, fmt.Errorf("%d packages given (%s): give one", len(rest), strings.Join(rest, ", "))
	}
	return o, how, nil
}
