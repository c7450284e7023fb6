package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/inspect"
)

// call calls a method.
func call(ctx context.Context, in *invocation) error {
	// After the first interrupt, which cancels the call, another one ends this process.
	defer context.AfterFunc(ctx, func() { signal.Reset(os.Interrupt) })()
	d, err := in.daemon()
	if err != nil {
		return notCalled(err)
	}
	limited := ctx
	if in.timeout != 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, in.timeout)
		defer cancel()
	}
	m, err := d.Method(limited, in.args[1])
	if err != nil {
		return notCalled(known(d, in.args[1], err))
	}
	args, err := in.arguments(limited, m)
	if err != nil {
		if limited.Err() != nil {
			return notCalled(err)
		}
		return errUsage{fmt.Errorf("%w\nusage: %s", err, usageOf(d, m))}
	}
	reply, err := m.Call(limited, args)
	var usage *inspect.UsageError
	switch {
	case errors.As(err, &usage):
		return errUsage{fmt.Errorf("%w\nusage: %s", err, usageOf(d, m))}
	case err != nil:
		return in.verdict(err)
	}
	if err := in.print(reply); err != nil {
		return err
	}
	if reply.Err != nil {
		if !in.json {
			fmt.Fprintf(in.stderr, "loopctl: %s\n", clean(reply.Err.Message))
			if reply.Err.Structured {
				fmt.Fprintln(in.stderr, clean(indent(reply.Err.Tree)))
			}
		}
		return errFailed
	}
	return nil
}

// known adds the methods to the error of a method that does not exist.
func known(d *inspect.Daemon, name string, err error) error {
	var usage *inspect.UsageError
	if !errors.As(err, &usage) {
		return err
	}
	var names []string
	for _, m := range d.Methods {
		names = append(names, m.Name)
	}
	if slices.Contains(names, name) {
		return err
	}
	hint := meant(name, names)
	if hint == "" {
		hint = "; it has " + strings.Join(names, ", ")
	}
	return fmt.Errorf("%w%s", err, hint)
}

// notCalled returns the error of a call that was not sent.
func notCalled(err error) error {
	var usage *inspect.UsageError
	if errors.As(err, &usage) {
		return errUsage{err}
	}
	return errNoEffect{err}
}

// verdict prints the stack of a panic, and returns the error of a call.
func (in *invocation) verdict(err error) error {
	var failed *rt.CallError
	if !errors.As(err, &failed) {
		return notCalled(err)
	}
	var panicked *rt.PanicError
	if errors.As(err, &panicked) {
		fmt.Fprintln(in.stderr, clean(strings.TrimRight(panicked.Stack, "\n")))
	}
	return errCall{err}
}

// errCall is an *rt.CallError, without the name of loopgen before the text.
type errCall struct{ error }

func (e errCall) Error() string { return strings.TrimPrefix(e.error.Error(), "loopgen: ") }
func (e errCall) Unwrap() error { return e.error }

// usageOf returns the command that calls m.
func usageOf(d *inspect.Daemon, m *inspect.Callable) string {
	text := "loopctl call " + word(d.Name) + " " + m.Name
	for i, p := range m.Params {
		name := p.Name
		if name == "" {
			name = fmt.Sprintf("ARG%d", i+1)
		}
		typ := p.Brief
		if p.Length {
			typ = "LENGTH"
		}
		text += clean(" " + name + "=" + typ)
	}
	if len(m.Params) > 0 {
		text += fmt.Sprintf("; loopctl describe %s %s explains them", word(d.Name), m.Name)
	}
	return text
}

// arguments returns the arguments as JSON: in order, or by name if each is NAME=JSON with
// the name of a parameter.
func (in *invocation) arguments(ctx context.Context, m *inspect.Callable) ([]json.RawMessage, error) {
	texts := slices.Clone(in.args[2:])
	byName := make([]string, len(texts))
	named := len(texts) > 0
	seen := make([]bool, len(m.Params))
	for _, text := range texts {
		name, value, _ := strings.Cut(text, "=")
		i := slices.IndexFunc(m.Params, func(p inspect.Param) bool { return p.Name != "" && p.Name == name })
		if i < 0 || !strings.Contains(text, "=") || seen[i] || i >= len(byName) {
			named = false
			break
		}
		seen[i], byName[i] = true, value
	}
	if len(texts) != len(m.Params) {
		return nil, fmt.Errorf("%s takes %s, not %d", m.Name, plural(len(m.Params), "argument"), len(texts))
	}
	if named {
		texts = byName
	}
	args := make([]json.RawMessage, len(texts))
	for i, text := range texts {
		var err error
		if args[i], err = argument(ctx, m.Params[i], text); err != nil {
			return nil, err
		}
	}
	return args, nil
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// argument returns an argument as JSON. A text needs no quotes. @FILE is the content of a
// file, @- of the standard input.
func argument(ctx context.Context, p inspect.Param, text string) (json.RawMessage, error) {
	content := []byte(text)
	path, isFile := strings.CutPrefix(text, "@")
	if isFile {
		var err error
		if path == "-" {
			content, err = readInput(ctx)
		} else {
			content, err = os.ReadFile(path)
		}
		if err != nil {
			return nil, fmt.Errorf("read the argument %s: %w", text, err)
		}
	}
	bare := !strings.HasPrefix(text, `"`) && !strings.HasPrefix(text, "{") && text != "null"
	switch {
	case p.Length:
	case p.Bytes && isFile:
		return json.Marshal(base64.StdEncoding.EncodeToString(content))
	case p.Text && bare && !utf8.Valid(content):
		return nil, fmt.Errorf("the argument %.60q is not UTF-8", text)
	case p.Text && bare, p.Bytes && bare:
		return json.Marshal(string(content))
	}
	if !json.Valid(content) && p.Type == "any" {
		return nil, fmt.Errorf(`%.60q is no JSON: for a string give '"%s"'`, text, text)
	}
	return content, nil
}

// readInput reads the standard input to its end, or until ctx ends.
func readInput(ctx context.Context) ([]byte, error) {
	type result struct {
		content []byte
		err     error
	}
	read := make(chan result, 1)
	go func() { // ends with the process if ctx ends first
		content, err := io.ReadAll(os.Stdin)
		read <- result{content, err}
	}()
	select {
	case r := <-read:
		return r.content, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// print prints the results, one a line, and after them the arguments that came back. With
// -json it prints an object.
func (in *invocation) print(r *inspect.Reply) error {
	if in.json {
		line := struct {
			Results []json.RawMessage
			Changed []inspect.Changed `json:",omitempty"`
			Error   json.RawMessage   `json:",omitempty"`
		}{Results: r.Results, Changed: r.Changed}
		if line.Results == nil {
			line.Results = []json.RawMessage{}
		}
		if r.Err != nil {
			line.Error = r.Err.Tree
		}
		return in.encode(line)
	}
	for _, result := range r.Results {
		if _, err := fmt.Fprintln(in.stdout, clean(indent(result))); err != nil {
			return err
		}
	}
	for _, c := range r.Changed {
		name := c.Name
		if name == "" {
			name = fmt.Sprintf("argument %d", c.Index+1)
		}
		if _, err := fmt.Fprintf(in.stdout, "%s = %s\n", name, clean(indent(c.Value))); err != nil {
			return err
		}
	}
	return nil
}

// indent returns JSON on a line if it is short, otherwise on several.
func indent(text []byte) string {
	if len(text) <= 100 {
		return string(text)
	}
	var b bytes.Buffer
	if json.Indent(&b, text, "", "  ") != nil {
		return string(text)
	}
	return b.String()
}
