package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// runTidy is the remedy for a go.mod or go.sum that lacks something.
const runTidy = `run "go mod tidy"`

// errIncomplete replaces an error of the go command that refuses to load any package.
var errIncomplete = errors.New("go.mod is not up to date: " + runTidy + ", then generate again")

// proposesCommand reports whether text, which the go command printed, proposes a
// command that completes go.mod or go.sum, as in "to add it:\n\tgo get example.com/m".
// Not every such proposal succeeds: "go get" fails for a module that only a replace
// line names. So loopgen prints a remedy of its own.
func proposesCommand(text string) bool {
	return strings.Contains(text, "\n\tgo get ") || strings.Contains(text, "\n\tgo mod ")
}

// incomplete returns an error if go.mod or go.sum lacks what package l needs, else nil.
func (l listed) incomplete() error {
	if l.Error != nil && proposesCommand(l.Error.Err) {
		return fmt.Errorf("go.mod or go.sum lacks its module: %s, then generate again", runTidy)
	}
	for _, dep := range l.DepsErrors {
		if proposesCommand(dep.Err) {
			return fmt.Errorf("go.mod or go.sum lacks modules that it needs: %s, then generate again", runTidy)
		}
	}
	return nil
}

// LacksModules reports whether the module in dir cannot import the packages at paths
// because go.mod or go.sum is incomplete. It compiles nothing. If the go command fails,
// the answer is no: the next build reports that failure.
func LacksModules(ctx context.Context, dir string, paths ...string) bool {
	cmd := exec.CommandContext(ctx, "go", append([]string{"list", "-e", "-json=ImportPath,Error,DepsErrors", "--"}, paths...)...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		return false
	}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var l listed
		if d.Decode(&l) != nil {
			return false
		}
		if l.incomplete() != nil {
			return true
		}
	}
}
