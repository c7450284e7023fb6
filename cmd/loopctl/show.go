package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/inspect"
)

// encode prints an object on a line.
func (in *invocation) encode(v any) error {
	lines := json.NewEncoder(in.stdout)
	lines.SetEscapeHTML(false)
	return lines.Encode(v)
}

// row is a line of ps.
type row struct {
	*inspect.Daemon
	Status *rt.Status `json:",omitempty"`
	Error  string     `json:",omitempty"` // why there is no Status
	err    error
}

func ps(ctx context.Context, in *invocation) error {
	daemons, err := inspect.List(in.where)
	var rows []*row
	var asked sync.WaitGroup
	for _, d := range daemons {
		r := &row{Daemon: d}
		rows = append(rows, r)
		if d.State == inspect.Running && d.Problem == "" {
			asked.Go(func() { r.ask(ctx) }) // one silent daemon delays no other
		}
	}
	asked.Wait()
	rows = slices.DeleteFunc(rows, func(r *row) bool {
		r.Methods = nil // describe prints them
		return !r.Lives() && !in.all
	})
	if in.json {
		for _, r := range rows {
			if err := in.encode(r); err != nil {
				return err
			}
		}
	} else if err := in.table(rows); err != nil {
		return err
	}
	return err
}

// ask fills in the status.
func (r *row) ask(ctx context.Context) {
	s, err := r.Daemon.Status(ctx)
	if errors.Is(err, rt.ErrNotRunning) { // it has exited meanwhile
		r.Daemon = r.Refresh()
		return
	}
	if err != nil {
		r.err, r.Error = err, err.Error()
		return
	}
	s.Methods = nil
	r.Status = &s
}

// state returns the state in a few words.
func (r *row) state() string {
	switch {
	case r.Status != nil && r.Status.Leaving != "":
		return "leaving"
	case r.State == inspect.Exited:
		return "exited " + short(time.Since(r.Changed)) + " ago"
	case r.err == nil:
		return string(r.State)
	case errors.Is(r.err, rt.ErrNotAllowed):
		return "not allowed"
	case errors.Is(r.err, rt.ErrUnresponsive):
		return "silent"
	}
	return "unreachable"
}

// table prints the rows for people.
func (in *invocation) table(rows []*row) error {
	if len(rows) == 0 {
		_, err := fmt.Fprintf(in.stderr, "loopctl: no daemon runs%s\n", in.place())
		return err
	}
	w := tabwriter.NewWriter(in.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tPID\tSTATE\tCLIENTS\tRUNNING\tQUEUED\tUP\tIDLE\tSCOPE\tSERVICE")
	for _, r := range rows {
		numbers := "-\t-\t-\t-\t-"
		pid := "-"
		if s := r.Status; s != nil {
			idle := "-"
			if s.IdleTTL >= 0 && len(s.Clients) == 0 {
				idle = short(s.IdleLeft)
			}
			numbers = fmt.Sprintf("%d\t%d\t%d\t%s\t%s", len(s.Clients), len(s.Running), max(s.Waiting, len(s.Queued)), short(s.Uptime), idle)
		}
		if r.PID != 0 && r.State != inspect.Starting {
			pid = fmt.Sprint(r.PID)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", word(r.Name), pid, r.state(), numbers, word(r.Scope), word(r.Service))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, r := range rows {
		if text := cmp.Or(r.Problem, r.Error); text != "" {
			fmt.Fprintf(in.stderr, "loopctl: %s: %s\n", word(r.Name), clean(text))
		}
	}
	return nil
}

// clean returns text without characters that could control a terminal: names and messages
// may come from another user's service.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}

// word returns text as one column: quoted if it has spaces or is not printable.
func word(text string) string {
	if text == "" {
		return "-"
	}
	quoted := fmt.Sprintf("%q", text)
	if strings.ContainsAny(text, " ") || quoted[1:len(quoted)-1] != text {
		return quoted
	}
	return text
}

// short returns a duration with two digits or more.
func short(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d < time.Hour:
		return d.Round(time.Second).String()
	}
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
}

func showStatus(ctx context.Context, in *invocation) error {
	d, err := in.daemon()
	if err != nil {
		return err
	}
	s, err := d.Status(ctx)
	if err != nil {
		return err
	}
	if in.json {
		return in.encode(s)
	}
	orphans := "stay"
	if s.OrphanTimeout >= 0 {
		orphans = "end after " + s.OrphanTimeout.String()
	}
	_, err = fmt.Fprintf(in.stdout, "%v\nprogram  %s, version %d\ndir      %s\norphans  calls whose callers are gone %s\nnice     %d\nmethods  %d, listed by: loopctl describe %[8]s\n",
		s, word(s.Executable), s.Version, d.Dir, orphans, s.Nice, len(s.Methods), word(d.Name))
	for _, m := range s.Methods {
		if called(m) && err == nil {
			_, err = fmt.Fprintf(in.stdout, "  %s: %s\n", clean(m.Name), clean(numbers(m)))
		}
	}
	return err
}

func stacks(ctx context.Context, in *invocation) error {
	d, err := in.daemon()
	if err != nil {
		return err
	}
	list, err := d.Stacks(ctx)
	if err != nil {
		return err
	}
	for _, s := range list {
		if in.json {
			err = in.encode(s)
		} else {
			head := "no call"
			if s.Method != "" {
				head = "call of " + s.Method
			}
			_, err = fmt.Fprintf(in.stdout, "%s: %d in state %s\n    %s\n\n", clean(head), s.Goroutines, clean(s.State), strings.ReplaceAll(clean(s.Text), "\n", "\n    "))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// method is a line of describe.
type method struct {
	Name      string
	Mode      string `json:",omitempty"` // empty if the daemon does not answer
	Signature string
	Params    []string `json:",omitempty"`
	Doc       string   `json:",omitempty"`
}

// text returns the method for people: the declaration, the mode, the first sentence of the
// comment, and if all is set the types.
func (m *method) text(types map[string]string, all bool) string {
	d, err := inspect.Declare(m.Name, m.Signature, m.Params, types)
	if err != nil { // of a newer version
		return clean("func " + m.Name + strings.TrimPrefix(m.Signature, "func"))
	}
	text := d.Source
	if m.Mode != "" {
		text += "  // " + m.Mode
		if len(d.Changed) > 0 {
			text += ", changes " + strings.Join(d.Changed, ", ")
		}
	}
	if m.Doc != "" {
		text += "\n    " + m.Doc
	}
	if all {
		text += strings.Join(append([]string{""}, d.Types...), "\n")
	}
	return clean(text)
}

func describe(ctx context.Context, in *invocation) error {
	d, err := in.daemon()
	if err != nil {
		return err
	}
	var methods []method
	var known []string
	s, serr := d.Status(ctx)
	said := make(map[string]rt.MethodStatus)
	for _, m := range s.Methods {
		said[m.Name] = m
	}
	for _, m := range d.Methods {
		known = append(known, m.Name)
		if len(in.args) == 1 || m.Name == in.args[1] {
			methods = append(methods, method{m.Name, said[m.Name].Mode, m.Signature, said[m.Name].Params, said[m.Name].Doc})
		}
	}
	if len(d.Methods) == 0 {
		return fmt.Errorf("%s does not say which methods it has: %w", d.Dir, serr)
	}
	if len(methods) == 0 {
		hint := meant(in.args[1], known)
		if hint == "" {
			hint = "; it has " + strings.Join(known, ", ")
		}
		return errUsage{fmt.Errorf("%s has no method %q%s", word(d.Service), in.args[1], hint)}
	}
	if !in.json && len(in.args) == 1 {
		fmt.Fprintf(in.stdout, "%s %s\n", word(d.Name), clean(d.Service))
	}
	for _, m := range methods {
		if in.json {
			err = in.encode(m)
		} else {
			_, err = fmt.Fprintln(in.stdout, m.text(s.Types, len(in.args) == 2))
			if counted := said[m.Name]; len(in.args) == 2 && called(counted) {
				fmt.Fprintf(in.stdout, "    %s\n", clean(numbers(counted)))
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func logs(ctx context.Context, in *invocation) error {
	d, err := in.daemon()
	if err != nil {
		return err
	}
	out := in.stdout
	if in.json {
		lines := &jsonLines{in: in}
		defer lines.flush()
		out = lines
	}
	if in.follow {
		return d.Follow(ctx, out, in.lines)
	}
	return d.Tail(out, in.lines)
}

// jsonLines prints each line that is written to it as an object.
type jsonLines struct {
	in   *invocation
	rest []byte // of an unfinished line
}

func (j *jsonLines) Write(b []byte) (int, error) {
	j.rest = append(j.rest, b...)
	for {
		line, rest, ok := bytes.Cut(j.rest, []byte("\n"))
		if !ok {
			return len(b), nil
		}
		if err := j.in.encode(map[string]string{"Line": string(line)}); err != nil {
			return 0, err
		}
		j.rest = rest
	}
}

func (j *jsonLines) flush() {
	if len(j.rest) > 0 {
		_, _ = j.Write([]byte("\n"))
	}
}

func doctor(ctx context.Context, in *invocation) error {
	var d *inspect.Daemon
	if len(in.args) == 1 {
		var err error
		if d, err = in.daemon(); err != nil {
			return err
		}
	}
	findings := inspect.Diagnose(ctx, in.where, d)
	for _, f := range findings {
		if rest, ok := strings.CutPrefix(f.Command, "loopctl "); ok {
			f.Command = self(os.Args[0]) + " " + rest
		}
		if in.json {
			if err := in.encode(f); err != nil {
				return err
			}
			continue
		}
		printFinding(in.stdout, f)
	}
	if len(findings) > 0 {
		return errFailed
	}
	if !in.json {
		fmt.Fprintln(in.stdout, "nothing is wrong")
	}
	return nil
}

// self returns the command by which the user started this program, whose path is typed: a
// directory of the build cache means the go command.
func self(typed string) string {
	switch {
	case !strings.ContainsRune(typed, os.PathSeparator):
		return "loopctl"
	case strings.Contains(typed, string(os.PathSeparator)+"go-build"):
		return "go tool loopctl"
	}
	return typed
}

func printFinding(w io.Writer, f inspect.Finding) {
	if f.Name != "" {
		fmt.Fprintf(w, "%s: ", word(f.Name))
	}
	fmt.Fprintf(w, "%s\n    %s\n", clean(f.Problem), clean(f.Command))
}
