package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/loopgen/loopgen/rt/inspect"
)

// command is one of the commands of loopctl.
type command struct {
	name  string
	usage string
	least int // number of arguments
	most  int
	flags func(*flag.FlagSet, *invocation) // besides those of all commands; may be nil
	run   func(context.Context, *invocation) error
}

// invocation is a command line.
type invocation struct {
	where   inspect.Where
	json    bool
	all     bool          // ps -a
	follow  bool          // logs -f
	lines   int           // logs -n
	now     bool          // stop -now
	timeout time.Duration // call -timeout
	seconds int           // profile -seconds
	output  string        // profile -o
	args    []string

	stdout, stderr io.Writer
}

// commands is set in init to avoid an initialization cycle: complete uses it.
var commands []*command

func init() {
	commands = []*command{
		{name: "ps", usage: "ps [-a]", run: ps, flags: func(f *flag.FlagSet, in *invocation) {
			f.BoolVar(&in.all, "a", false, "")
		}},
		{name: "status", usage: "status NAME", least: 1, most: 1, run: showStatus},
		{name: "describe", usage: "describe NAME [METHOD]", least: 1, most: 2, run: describe},
		{name: "call", usage: "call [-timeout 10s] NAME METHOD [JSON...]", least: 2, most: 1000, run: call, flags: func(f *flag.FlagSet, in *invocation) {
			f.DurationVar(&in.timeout, "timeout", 0, "")
		}},
		{name: "logs", usage: "logs NAME [-f] [-n 100]", least: 1, most: 1, run: logs, flags: func(f *flag.FlagSet, in *invocation) {
			f.BoolVar(&in.follow, "f", false, "")
			f.IntVar(&in.lines, "n", 100, "")
		}},
		{name: "stop", usage: "stop [-now] NAME", least: 1, most: 1, run: stop, flags: func(f *flag.FlagSet, in *invocation) {
			f.BoolVar(&in.now, "now", false, "")
		}},
		{name: "restart", usage: "restart NAME", least: 1, most: 1, run: restart},
		{name: "stacks", usage: "stacks NAME", least: 1, most: 1, run: stacks},
		{name: "profile", usage: "profile [-seconds 5] [-o FILE] NAME cpu|heap|mutex", least: 2, most: 2, run: profile, flags: func(f *flag.FlagSet, in *invocation) {
			f.IntVar(&in.seconds, "seconds", 5, "")
			f.StringVar(&in.output, "o", "", "")
		}},
		{name: "metrics", usage: "metrics", run: metrics},
		{name: "doctor", usage: "doctor [NAME]", most: 1, run: doctor},
		{name: "completion", usage: "completion bash|zsh|fish", least: 1, most: 1, run: completion},
	}
}

// find returns the command of that name, or nil.
func find(name string) *command {
	for _, c := range commands {
		if c.name == name {
			return c
		}
	}
	return nil
}

// names returns the names of all commands.
func names() []string {
	var list []string
	for _, c := range commands {
		list = append(list, c.name)
	}
	return list
}

// flagSet returns the command's flags, which set fields of in.
func (c *command) flagSet(in *invocation) *flag.FlagSet {
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.BoolVar(&in.json, "json", false, "")
	flags.StringVar(&in.where.Scope, "scope", "", "")
	flags.StringVar(&in.where.Dir, "dir", "", "")
	if c.flags != nil {
		c.flags(flags, in)
	}
	return flags
}

// parse reads a command line. Flags may follow arguments, but none follows "--".
func (c *command) parse(args []string, stdout, stderr io.Writer) (*invocation, error) {
	in := &invocation{stdout: stdout, stderr: stderr}
	flags := c.flagSet(in)
	for {
		// A negative number is no flag.
		if len(args) > 0 && c.name == "call" && len(in.args) >= 2 && isNumber(args[0]) {
			in.args, args = append(in.args, args[0]), args[1:]
			continue
		}
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		if flags.NArg() == 0 {
			break
		}
		if parsed := len(args) - flags.NArg(); parsed > 0 && args[parsed-1] == "--" {
			in.args = append(in.args, flags.Args()...)
			break
		}
		in.args = append(in.args, flags.Arg(0))
		args = flags.Args()[1:]
	}
	switch n := len(in.args); {
	case n > 0 && in.args[0] == "":
		return nil, errors.New("the first argument is empty")
	case n < c.least && c.name == "completion":
		return nil, errors.New("no shell given")
	case n < c.least && n == 1 && c.name == "profile":
		return nil, errors.New("no kind of profile given")
	case n < c.least && n == 1:
		return nil, errors.New("no METHOD given")
	case n < c.least:
		return nil, errors.New("no NAME given")
	case n > c.most:
		return nil, fmt.Errorf("%s is one argument too many", in.args[c.most])
	}
	return in, in.where.Check()
}

// isNumber reports whether a word of the command line is a negative number.
func isNumber(word string) bool {
	return len(word) > 1 && word[0] == '-' && word[1] >= '0' && word[1] <= '9'
}

// daemon returns the daemon that the first argument names.
func (in *invocation) daemon() (*inspect.Daemon, error) {
	d, err := inspect.Find(in.where, in.args[0])
	missing, ok := err.(*inspect.NotFoundError)
	switch {
	case !ok:
		return d, err
	case len(missing.Known) == 0:
		return nil, fmt.Errorf("%w, and none runs%s; loopctl ps -a lists those that have exited", err, in.place())
	}
	hint := meant(in.args[0], missing.Known)
	if hint == "" {
		hint = "; loopctl ps lists those that run"
	}
	return nil, fmt.Errorf("%w%s%s", err, in.place(), hint)
}

// place says where the daemons were looked for, if a flag says that.
func (in *invocation) place() string {
	text := ""
	if in.where.Dir != "" {
		text += " in " + in.where.Dir
	}
	if in.where.Scope != "" {
		text += " with scope " + in.where.Scope
	}
	return text
}

// meant returns a question for the name that was probably meant, or "".
func meant(typed string, known []string) string {
	best, least := "", max(len(typed)/3, 1)+1
	for _, name := range known {
		if d := distance(typed, name); d < least {
			best, least = name, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", best)
}

// distance returns the number of letters to insert, delete or replace in a to get b.
func distance(a, b string) int {
	above := make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			change := above[j]
			if a[i] != b[j] {
				change++
			}
			row[j+1] = min(change, above[j+1]+1, row[j]+1)
		}
		above = row
	}
	return above[len(b)]
}
