package main

import (
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// notFollowed are the blocks that follow passes over, by document and first line, and why.
var notFollowed = map[string]string{
	`README.md: go run ./examples/index -workers 4 "$(go env GOROOT)/src"`: "for a clone: run_index.txtar runs the example",
	`README.md: go test ./...`: "for a clone: this test is part of it",
	`generator/SHARING.md: //go:generate go tool loopgen -type github.com/hashicorp/golang-lru/v2.Cache -concurrent all`: "needs another module: testdata/foreign shares the same type",
	`rt/OPERATIONS.md: LOOPGEN_TEST_CALLS=100000 go test -v -run 'TestChaos/.*/all' ./rt`:                                "takes minutes: .ci/long calls runs it",
	`rt/OPERATIONS.md: go test -tags mutants -run TestMutants ./rt`:                                                      "takes minutes: .ci/run runs it",
	`rt/PERFORMANCE.md: go test -run '^$' -bench . -count 10 ./rt`:                                                       "takes minutes: .ci/run runs .ci/speed",
	`rt/PERFORMANCE.md: go test -run '^$' -bench Generate ./generator`:                                                   "measures",
	`rt/UPGRADING.md: LOOPGEN_TEST_SECONDS=30 go test -v -run TestReplaceStorm ./rt`:                                     "takes 30 s: .ci/long faults runs it",
}

// unnamed are the packages that the Go blocks without a file name use, by name.
var unnamed = map[string]string{
	"context": "context", "log": "log", "rt": "github.com/loopgen/loopgen/rt",
	"counter": "example.com/counters/counter", "limiter": "example.com/counters/limiter",
}

// follow does what documents say, in the current directory: "follow README.md" runs the
// blocks of that file, and "follow others" those of all other Markdown files. It writes the
// Go files that have names, runs the commands in one shell after the other, keeping the
// directory, and compares their output with the text that follows. Go code without a name
// is compiled. The clone that the documents expect at ../loopgen is this repository.
func follow(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: follow README.md|others")
	}
	documents, err := readDocuments(ts.Getenv("ROOT"))
	ts.Check(err)
	pending := make(map[string]bool)
	for _, d := range documents {
		if (d.name == "README.md") != (args[0] == "README.md") {
			continue
		}
		for first := range notFollowed {
			if strings.HasPrefix(first, d.name+": ") {
				pending[first] = true
			}
		}
		f := follower{ts: ts, dir: ts.MkAbs(".")}
		for i, b := range d.blocks {
			first, _, _ := strings.Cut(b.text, "\n")
			first = d.name + ": " + first
			if notFollowed[first] != "" {
				delete(pending, first)
				continue
			}
			f.block(fmt.Sprintf("%s:%d", d.name, b.line), b, i > 0 && d.blocks[i-1].language == "sh")
		}
		ts.Check(ts.Chdir(f.dir))
	}
	for first := range pending {
		ts.Fatalf("there is no block %q: remove it from notFollowed", first)
	}
}

// follower is the state between the blocks of a document.
type follower struct {
	ts     *testscript.TestScript
	dir    string // the shell's directory
	stdout string // of the last commands
}

func (f *follower) block(place string, b codeBlock, afterCommands bool) {
	ts := f.ts
	ts.Logf("# %s", place)
	switch {
	case b.language == "sh":
		f.run(place, b.text)
	case b.language == "go" && b.file != "":
		name := filepath.Join(f.dir, filepath.FromSlash(b.file))
		ts.Check(os.MkdirAll(filepath.Dir(name), 0o777))
		ts.Check(os.WriteFile(name, []byte(b.text), 0o666))
	case b.language == "go":
		f.compile(place, b.text)
	case b.language == "text" && afterCommands && f.stdout != "":
		if f.stdout != b.text {
			ts.Fatalf("%s: the commands before print\n%swant\n%s", place, f.stdout, b.text)
		}
	case b.language == "text" || b.language == "ini":
		// An example of output, or a unit, which TestServiceUnits verifies.
	default:
		ts.Fatalf("%s: a block is sh, go, ini or text, not %q", place, b.language)
	}
}

// run runs commands.
func (f *follower) run(place, commands string) {
	ts := f.ts
	commands = strings.ReplaceAll(commands, "=../loopgen\n", "='"+ts.Getenv("ROOT")+"'\n")
	// The tests of dependencies need modules that this repository's tests do not. Without a
	// proxy, tidy cannot find those if they are not in the cache. With -e it goes on, and
	// tidied looks for all other errors.
	commands = strings.ReplaceAll(commands, "go mod tidy\n", "go mod tidy -e\n")
	directory := filepath.Join(ts.Getenv("WORK"), ".directory")
	if err := ts.Exec("sh", "-e", "-c", "cd '"+f.dir+"'\n"+commands+"pwd >'"+directory+"'\n"); err != nil {
		ts.Fatalf("%s: %v", place, err)
	}
	f.stdout = ts.ReadFile("stdout")
	f.dir = strings.TrimSpace(ts.ReadFile(directory))
	if message := untidy(ts.ReadFile("stderr")); message != "" {
		ts.Fatalf("%s: go mod tidy: %s", place, message)
	}
}

// untidy returns the first of the errors that go mod tidy printed that is not about the
// tests of a dependency, or "".
func untidy(stderr string) string {
	const unavailable = "module lookup disabled by GOPROXY=off"
	for _, message := range strings.Split(stderr, "\ngo: ") {
		if strings.Contains(message, unavailable) && !strings.Contains(message, " tested by\n") {
			return message
		}
	}
	return ""
}

// selector finds the packages that code uses.
var selector = regexp.MustCompile(`\b([a-z]+)\.[A-Z]`)

// compile compiles Go code that names no file: declarations or statements.
func (f *follower) compile(place, code string) {
	ts := f.ts
	source := "package fragment\n"
	var imported []string
	for _, use := range selector.FindAllStringSubmatch(code, -1) {
		if p, ok := unnamed[use[1]]; ok && !slices.Contains(imported, p) {
			imported = append(imported, p)
			source += "import " + strconv.Quote(p) + "\n"
		}
	}
	if _, err := parser.ParseFile(token.NewFileSet(), "", source+code, parser.SkipObjectResolution); err == nil {
		source += code
	} else {
		source += "func _() {\n" + code + "}\n"
	}
	source = strings.ReplaceAll(source, "func main()", "func _()")
	name := "fragment" + regexp.MustCompile(`\W`).ReplaceAllString(place, "_")
	dir := filepath.Join(f.dir, name)
	ts.Check(os.Mkdir(dir, 0o777))
	ts.Check(os.WriteFile(filepath.Join(dir, "fragment.go"), []byte(source), 0o666))
	for _, args := range [][]string{{"generate"}, {"vet"}} {
		if err := ts.Exec("go", append(args, "./"+name)...); err != nil {
			ts.Fatalf("%s: go %s: %v", place, args[0], err)
		}
	}
}
