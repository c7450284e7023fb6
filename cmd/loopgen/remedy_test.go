package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/loopgen/loopgen/generator"
)

// TestRemediesWork runs the loopgen commands of testdata/script and types the text that
// each remedy gives: it adds directives and functions to the source, and flags to the
// command line. Then the diagnostic must be gone, and there must be no new error. A
// remedy with alternatives is followed once for each. With LOOPGEN_TEST_SECONDS it runs
// the commands of all scripts, else those of a few.
func TestRemediesWork(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	scripts, err := filepath.Glob(filepath.Join(root, "testdata", "script", "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	few := []string{"err_methods", "gen_acquires", "gen_remedies"}
	for _, script := range scripts {
		name := strings.TrimSuffix(filepath.Base(script), ".txtar")
		if os.Getenv("LOOPGEN_TEST_SECONDS") == "" && !slices.Contains(few, name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			archive, err := txtar.ParseFile(script)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range commandsOf(string(archive.Comment)) {
				t.Run(strings.Join(c.args, " "), func(t *testing.T) {
					t.Parallel()
					c.archive, c.root = archive, root
					for alternative, n := 0, 1; alternative < n; alternative++ {
						n = c.follow(t, alternative)
					}
				})
			}
		})
	}
}

// command is a loopgen command of a script.
type command struct {
	archive *txtar.Archive
	root    string
	dir     string // slash-separated, relative to the script's
	args    []string
}

// commandsOf returns the commands of a script. They run here on the files of the archive,
// so those with variables are left out.
func commandsOf(script string) []command {
	var commands []command
	dir := "."
	for line := range strings.Lines(script) {
		words := scriptWords(line)
		if len(words) == 2 && words[0] == "cd" {
			dir = filepath.Join(dir, words[1])
			if rest, ok := strings.CutPrefix(words[1], "$WORK"); ok {
				dir = filepath.Join(".", rest)
			}
		}
		i := slices.Index(words, "loopgen")
		if i < 1 || i > 2 || strings.Contains(line, "$") || slices.Contains(words, "-check") || slices.Contains(words, "-schema") {
			continue
		}
		c := command{dir: dir, args: words[i+1:]}
		if !slices.ContainsFunc(commands, func(other command) bool { return other.dir == dir && slices.Equal(other.args, c.args) }) {
			commands = append(commands, c)
		}
	}
	return commands
}

// scriptWords splits a line of a script as package testscript does.
func scriptWords(line string) []string {
	var words []string
	var word strings.Builder
	quoted, started := false, false
	line = strings.TrimSpace(line) + " "
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\'' && quoted && line[i+1] == '\'':
			word.WriteByte(c)
			i++
		case c == '\'':
			quoted, started = !quoted, true
		case c == '#' && !quoted && !started:
			return words
		case c != ' ' || quoted:
			word.WriteByte(c)
			started = true
		case started:
			words = append(words, word.String())
			word.Reset()
			started = false
		}
	}
	return words
}

// follow generates, types what the remedies say, and generates again until no remedy
// says anything. Of each remedy it takes the alternative of that number, or the last. It
// returns how many alternatives the remedies have at most.
func (c command) follow(t *testing.T, alternative int) (alternatives int) {
	u := &user{t: t, args: slices.Clone(c.args)}
	dir := filepath.Join(c.extract(t), c.dir)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return 0 // the script makes it
	}
	before, err := u.generate(dir)
	if err != nil {
		return 0
	}
	followed := make(map[string]bool)
	errors := make(map[string]bool)
	for _, d := range before.Diagnostics {
		errors[about(d)] = d.Severity == generator.Error
	}
	for diagnostics := before.Diagnostics; ; {
		typed := false
		for _, d := range diagnostics {
			about := about(d)
			ways := waysOf(d)
			alternatives = max(alternatives, len(ways))
			if len(ways) == 0 || followed[about] {
				continue
			}
			for _, text := range ways[min(alternative, len(ways)-1)] {
				t.Logf("%s\n\ttyped: %s", d, text)
				u.follow(d, text)
			}
			followed[about] = true
			typed = true
		}
		if !typed {
			return alternatives
		}
		u.edit()
		after, err := u.generate(dir)
		if err != nil && strings.Contains(err.Error(), "run loopgen once for each") {
			return alternatives // -new, -name and -output need a command for each type
		}
		if err != nil {
			t.Errorf("after that: %v", err)
			return alternatives
		}
		diagnostics = after.Diagnostics
		for _, d := range diagnostics {
			about := about(d)
			switch {
			case followed[about]:
				t.Errorf("still there: %s", d)
			case d.Severity == generator.Error && !errors[about] && len(waysOf(d)) == 0 && !next.MatchString(d.String()):
				t.Errorf("new: %s", d)
			}
		}
		if t.Failed() {
			return alternatives
		}
	}
}

// about tells diagnostics apart. Lines are inserted above methods meanwhile, so the
// position counts only where there is no method.
func about(d generator.Diagnostic) string {
	if d.Method == "" {
		return fmt.Sprint(d.Pos.Line, ": ", d.Reason)
	}
	return d.Method + ": " + d.Reason
}

// extract writes the files of the archive and returns their directory, a module that uses
// this repository unless they have one of their own.
func (c command) extract(t *testing.T) string {
	work := t.TempDir()
	for _, file := range c.archive.Files {
		name := filepath.Join(work, filepath.FromSlash(file.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, file.Data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := writeModule(work, c.root); err != nil {
		t.Fatal(err)
	}
	return work
}

// A way is what a remedy gives to type: a directive, flags, or a function and the flag
// that names it. "drop" takes it back. A text with an ellipsis, or with a name that is
// explained, is an example.
var way = regexp.MustCompile(`(?:(drop )|write (func .*?) and say )?(?:` +
	`//loopgen:((?:inout|in|session|timeout) [\w.=]+|\w+)(?: at (\w+)(?: and (\w+))?)?(, with \w+ )?` +
	`|(-[a-z]+ (?:'[^']*'|"(?:[^"\\]|\\.)*"|[^\s,;?'"]+(?:,[^\s,;?'"]+)*)(?: -[a-z]+ [^\s;?-][^\s;?]*\w)*))` +
	`(?: instead of (?://loopgen:(readonly)|-(readonly) (\w+)))?`)

// next matches errors that a remedy may lead to: one about a name that nothing used
// before, and one about a type without methods once all are left out.
var next = regexp.MustCompile(`; did you mean \w+\?$|no exported method is left`)

// waysOf finds them in the text of a diagnostic as it is printed. It returns a list for
// each alternative.
func waysOf(d generator.Diagnostic) [][]string {
	_, remedy, _ := strings.Cut(d.String(), d.Reason+"; ")
	var ways [][]string
	for alternative := range strings.SplitSeq(remedy, ", or ") {
		var together []string
		for _, found := range way.FindAllStringSubmatch(alternative, -1) {
			if found[6] == "" && !strings.Contains(found[0], "…") {
				together = append(together, found[0])
			}
		}
		if together != nil {
			ways = append(ways, together)
		}
	}
	return ways
}

// aboutMethod matches flags that are directives, too.
var aboutMethod = regexp.MustCompile(`^-(skip|readonly|concurrent|idempotent|inout|in|session|timeout|exclusive) `)

// user types.
type user struct {
	t       *testing.T
	args    []string
	options generator.Options // of args
	edits   []edit
}

// edit inserts a line before another one, or replaces the end of that, from a column on.
type edit struct {
	file   string
	line   int
	column int // 0 to insert
	text   string
}

func (u *user) follow(d generator.Diagnostic, text string) {
	found := way.FindStringSubmatch(text)
	drop, function, directive, methods, flags := found[1] != "", found[2], found[3], found[4:6], found[7]
	line := "//loopgen:" + directive
	if !drop && aboutMethod.MatchString(flags) && strings.HasPrefix(u.lines(d.Pos.Filename)[max(d.Pos.Line, 1)-1], "func (") {
		u.t.Errorf("a flag for a method that the package declares: %s", d)
	}
	if found[8] != "" {
		u.edits = append(u.edits, edit{d.Pos.Filename, u.lineOf(d, "//loopgen:"+found[8]), 1, "//"})
	}
	if found[9] != "" {
		u.setFlag(found[9], found[10], true)
	}
	switch {
	case flags != "":
		if function != "" {
			u.declare(function)
		}
		for flag := range strings.SplitSeq(" "+flags, " -") {
			if name, value, ok := strings.Cut(flag, " "); ok {
				if text, err := strconv.Unquote(value); err == nil {
					value = text
				}
				u.setFlag(name, strings.Trim(value, "'"), drop)
			}
		}
	case drop:
		u.edits = append(u.edits, edit{d.Pos.Filename, u.lineOf(d, line), 1, "//"})
	case methods[0] != "":
		for _, name := range slices.DeleteFunc(methods, func(name string) bool { return name == "" }) {
			u.edits = append(u.edits, edit{d.Pos.Filename, u.lineOf(d, " "+name+"("), 0, line})
		}
	case d.Method == "":
		u.edits = append(u.edits, edit{d.Pos.Filename, d.Pos.Line, d.Pos.Column, line})
	default:
		u.edits = append(u.edits, edit{d.Pos.Filename, d.Pos.Line, 0, line})
	}
}

// setFlag adds a flag to the command line, or takes its value back.
func (u *user) setFlag(name, value string, drop bool) {
	end := len(u.args)
	if u.options.Pattern != "" {
		end--
	}
	if !drop {
		u.args = slices.Insert(u.args, end, "-"+name, value)
		return
	}
	for i := 0; i+1 < end; i++ {
		if u.args[i] != "-"+name {
			continue
		}
		items := slices.DeleteFunc(strings.Split(u.args[i+1], ","), func(item string) bool { return item == value })
		u.args[i+1] = strings.Join(items, ",")
		if len(items) == 0 {
			u.args = slices.Delete(u.args, i, i+2)
		}
		return
	}
	u.t.Errorf("there is no flag -%s %s to drop", name, value)
}

// generate parses the command line and runs it in the directory.
func (u *user) generate(dir string) (*generator.Result, error) {
	options, _, err := parseFlags(u.args)
	if err != nil {
		return nil, err
	}
	u.options = *options
	u.options.Dir = dir
	return generator.Generate(u.t.Context(), u.options)
}

// lineOf returns the number of a line: of the last directive above the diagnostic that
// has the text, or of the method of the same receiver whose declaration has it.
func (u *user) lineOf(d generator.Diagnostic, text string) int {
	lines := u.lines(d.Pos.Filename)
	receiver, _, _ := strings.Cut(lines[d.Pos.Line-1], ")")
	found := 0
	for i, line := range lines {
		above := strings.HasPrefix(text, "//") && i < d.Pos.Line
		if strings.Contains(line, text) && (above || strings.HasPrefix(line, receiver)) {
			found = i + 1
		}
	}
	if found == 0 {
		u.t.Fatalf("%s: no line has %q", d, text)
	}
	return found
}

func (u *user) lines(file string) []string {
	content, err := os.ReadFile(file)
	if err != nil {
		u.t.Fatal(err)
	}
	return strings.Split(string(content), "\n")
}

// declare adds a function without a body to the package, with one.
func (u *user) declare(function string) {
	names, err := filepath.Glob(filepath.Join(u.options.Dir, "*.go"))
	if err != nil || len(names) == 0 {
		u.t.Fatal("no Go files: ", err)
	}
	clause := regexp.MustCompile(`(?m)^package \w+$`)
	var source, imports string
	for _, name := range names {
		text := strings.Join(u.lines(name), "\n")
		source = cmp.Or(source, clause.FindString(text))
		imports += text
	}
	paths := regexp.MustCompile(`"([\w./-]+)"`).FindAllStringSubmatch(imports, -1)
	for name := range strings.SplitSeq(strings.Join(u.options.Types, ","), ",") {
		name, _, _ = strings.Cut(name, "[")
		if dot := strings.LastIndex(name, "."); dot > 0 {
			paths = append(paths, []string{"", name[:dot]})
		}
	}
	for _, qualifier := range regexp.MustCompile(`\b(\w+)\.`).FindAllStringSubmatch(function, -1) {
		for _, path := range paths {
			spec := "\nimport \"" + path[1] + "\""
			if filepath.Base(path[1]) == qualifier[1] && !strings.Contains(source, spec) {
				source += spec
			}
		}
	}
	name := filepath.Join(u.options.Dir, "written_by_user.go")
	if err := os.WriteFile(name, []byte(source+"\n\n"+function+" { panic(\"written\") }\n"), 0o666); err != nil {
		u.t.Fatal(err)
	}
}

// edit carries out the edits, the last line of a file first.
func (u *user) edit() {
	slices.SortStableFunc(u.edits, func(a, b edit) int { return cmp.Compare(b.line, a.line) })
	for _, e := range u.edits {
		lines := u.lines(e.file)
		if e.column == 0 {
			lines = slices.Insert(lines, e.line-1, e.text)
		} else {
			replaced := lines[e.line-1][e.column-1:]
			lines[e.line-1] = lines[e.line-1][:e.column-1] + e.text
			for strings.HasPrefix(replaced, "/*") && !strings.Contains(replaced, "*/") { // the rest of a comment
				replaced += lines[e.line]
				lines = slices.Delete(lines, e.line, e.line+1)
			}
		}
		if err := os.WriteFile(e.file, []byte(strings.Join(lines, "\n")), 0o666); err != nil {
			u.t.Fatal(err)
		}
	}
	u.edits = nil
}
