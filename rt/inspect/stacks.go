package inspect

import (
	"cmp"
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// Stack is the stack of one goroutine of a daemon, or of several that are equal but for the
// values of arguments.
type Stack struct {
	// Method is the method of the call that the goroutine runs, or for which a goroutine
	// that runs it was started. It is empty for other goroutines.
	Method     string
	State      string // as "chan receive"
	Goroutines int    // how many goroutines have this stack
	Text       string // functions with file and line, the innermost first
}

// errNoStacks says that a daemon answered with its status.
var errNoStacks = errors.New("the daemon was built with a version of loopgen that sends no stacks; restart it with a newer build")

// Stacks returns the stacks of the daemon's goroutines, those of calls first. Only the
// daemon's own user and root get them: for other users the error wraps rt.ErrNotAllowed.
// Other errors are those of Status. All goroutines of the daemon stop for the time that it
// takes to copy the stacks.
func (d *Daemon) Stacks(ctx context.Context) ([]Stack, error) {
	question, err := wire.Marshal(wire.StatusRequest{Ask: wire.AskStacks})
	if err != nil {
		return nil, err
	}
	answer, err := d.ask(ctx, wire.Frame{Kind: wire.KindStatus, ID: 1, Body: question})
	if err != nil {
		return nil, d.explain(ctx, err)
	}
	var stacks wire.Stacks
	if err := wire.UnmarshalOpen(answer.Body, &stacks); err != nil || stacks.Stacks == "" {
		return nil, errNoStacks
	}
	return group(stacks.Stacks), nil
}

// goroutine is one goroutine in the text of runtime.Stack.
type goroutine struct {
	id, parent string
	method     string // that it runs itself
	state      string
	text       string
}

var (
	// goroutineHead is the first line of a goroutine: goroutine 7 [chan receive, 5 minutes]:
	goroutineHead = regexp.MustCompile(`^goroutine (\d+) .*\[([^\],]*).*\]:$`)
	// creator is the line before the place where a goroutine was started.
	creator = regexp.MustCompile(`^created by .* in goroutine (\d+)$`)
	// arguments are the values at the end of the line of a function.
	arguments = regexp.MustCompile(`\((0x|\{|\.\.\.|\?|\d)[^()]*\)$|\(\)$`)
	// offset is the end of the line of a file.
	offset = regexp.MustCompile(` \+0x[0-9a-f]+$`)
)

// callFunction runs a call. Above it on the stack are functions that label and decode, and the
// generated ones that callers matches, then the method.
const callFunction = "/rt/internal/daemon.(*serverConn).answer("

var callers = regexp.MustCompile(`/rt/stub\.Serve\d|/rt/profile\.|\.init\.\d+\.func`)

// parseGoroutine returns a goroutine of the text of runtime.Stack, or nil.
func parseGoroutine(text string) *goroutine {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	head := goroutineHead.FindStringSubmatch(lines[0])
	if head == nil {
		return nil
	}
	g := &goroutine{id: head[1], state: head[2]}
	for i, line := range lines {
		if strings.Contains(line, callFunction) {
			g.method = calledMethod(lines[:i])
		}
		if found := creator.FindStringSubmatch(line); found != nil {
			g.parent = found[1]
			lines[i] = strings.TrimSuffix(line, " in goroutine "+found[1])
			continue
		}
		lines[i] = offset.ReplaceAllString(arguments.ReplaceAllString(line, ""), "")
	}
	g.text = strings.Join(lines[1:], "\n")
	return g
}

// calledMethod returns the name of the method whose stack is above callFunction, or "" while
// none runs. A function has two lines, its name and its place; the first line is the head of
// the goroutine.
func calledMethod(above []string) string {
	for i := len(above) - 2; i > 0; i -= 2 {
		if strings.Contains(above[i], "/rt/stub.(*Run)") {
			return "" // it writes the results
		}
		if !callers.MatchString(above[i]) {
			name := arguments.ReplaceAllString(above[i], "")
			return name[strings.LastIndexByte(name, '.')+1:]
		}
	}
	return ""
}

// group returns the goroutines in the text of runtime.Stack.
func group(text string) []Stack {
	byID := make(map[string]*goroutine)
	var all []*goroutine
	for part := range strings.SplitSeq(text, "\n\n") {
		if g := parseGoroutine(part); g != nil {
			byID[g.id] = g
			all = append(all, g)
		}
	}
	var stacks []Stack
	for _, g := range all {
		// The chain ends: a goroutine is older than those that it starts.
		method := ""
		for at := g; at != nil && method == ""; at = byID[at.parent] {
			method = at.method
		}
		i := slices.IndexFunc(stacks, func(s Stack) bool {
			return s.Method == method && s.State == g.state && s.Text == g.text
		})
		if i < 0 {
			i = len(stacks)
			stacks = append(stacks, Stack{Method: method, State: g.state, Text: g.text})
		}
		stacks[i].Goroutines++
	}
	slices.SortStableFunc(stacks, func(a, b Stack) int {
		if (a.Method == "") != (b.Method == "") {
			return cmp.Compare(b.Method, "") - cmp.Compare(a.Method, "")
		}
		return cmp.Or(cmp.Compare(a.Method, b.Method), cmp.Compare(b.Goroutines, a.Goroutines))
	})
	return stacks
}
