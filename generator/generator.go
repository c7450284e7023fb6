package generator

import (
	"context"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/loopgen/loopgen/generator/internal/check"
	"github.com/loopgen/loopgen/generator/internal/emit"
	"github.com/loopgen/loopgen/generator/internal/load"
	"github.com/loopgen/loopgen/rt/schema"
)

// Options says what to generate. Types is all that must be set.
type Options struct {
	// Types are the types to share: the names of those that the package declares,
	// and others as import path, dot, name; each perhaps with type arguments. An
	// element can also be a list with commas between.
	Types []string
	// New names the constructor, a function of the package or of the type's own,
	// or is an expression that makes the object, or "zero" for the zero value. Empty
	// means NewT where there is one, or New beside a type of another package, else
	// the zero value, or an empty map. Only for a single type.
	New string
	// Name takes the type's place in the generated names. Only for a single type.
	Name string
	// Output is the name of the file to generate, which goes into the
	// package's directory; empty means the type's name in lower case, without
	// underscores at its beginning, and "_loop.go", or Name for a type that the
	// package does not declare. Only for a single type.
	Output string
	// Skip, ReadOnly and Concurrent name methods to leave out, to run beside
	// each other, and to run at any time. The latter two may be "all".
	Skip, ReadOnly, Concurrent []string
	// Exclusive names methods that run alone although others may be "all" of
	// ReadOnly or Concurrent, and although they may wait: they are not warned of.
	Exclusive []string
	// Idempotent names methods that may be executed twice: a call whose daemon
	// died is tried again.
	Idempotent []string
	// InOut names parameters that the method changes for its caller, so that
	// they are copied back: "Method.param".
	InOut []string
	// In names parameters whose changes stay in the daemon: "Method.param".
	In []string
	// Session names methods that acquire something, and those that end that:
	// "Lock=Unlock". The daemon does so when a client is gone.
	Session []string
	// Timeout bounds calls whose context has no deadline: "Method=5s".
	Timeout []string
	// Close says what Close means in client and proxy: "detach" (the default)
	// ends the handle, "forward" calls the object's method.
	Close string
	// Hook says where the daemon begins to serve: "main" (the default) in the
	// call of rt.ServeIfDaemon, "init" in the init function of the generated file, so
	// that main needs no call.
	Hook string
	// Strict makes an error of every method that is left out.
	Strict bool
	// Schema adds the types' schemas to the result.
	Schema bool
	// Verbose adds a note for every decision.
	Verbose bool
	// Dir is the directory to work in; empty means the current one.
	Dir string
	// Pattern names the package as the go command would; empty means the one in Dir.
	Pattern string
}

// types returns the elements of Types, split at the commas that are not in brackets.
func (o *Options) types() []string {
	if len(o.Types) == 0 {
		return nil
	}
	var types []string
	list := strings.Join(o.Types, ",")
	depth, start := 0, 0
	for i, c := range list {
		switch c {
		case '[', '(', '{':
			depth++
		case ']', ')', '}':
			depth--
		case ',':
			if depth == 0 {
				types = append(types, strings.TrimSpace(list[start:i]))
				start = i + 1
			}
		}
	}
	return append(types, strings.TrimSpace(list[start:]))
}

// Validate returns an error that says which option cannot be used and why, or
// nil. Generate calls it first.
func (o *Options) Validate() error {
	types := o.types()
	if len(types) == 0 {
		return errors.New("no type given: use -type T")
	}
	for i, name := range types {
		if _, err := check.ParseTypeSpec(name); err != nil {
			return err
		}
		if slices.Contains(types[:i], name) {
			return fmt.Errorf("-type: %s is given twice", name)
		}
	}
	if len(types) > 1 && o.New+o.Name+o.Output != "" {
		return errors.New("-new, -name and -output are for a single type: run loopgen once for each")
	}
	if o.Name != "" && !token.IsIdentifier(o.Name) {
		return fmt.Errorf("-name: %q is not a Go identifier", o.Name)
	}
	if _, err := parser.ParseExpr(o.New); o.New != "" && (err != nil || strings.Contains(o.New, "\n")) {
		return fmt.Errorf("-new: %q is neither the name of a function nor a Go expression on one line, like New(10)", o.New)
	}
	if o.Output != "" && (!strings.HasSuffix(o.Output, ".go") || strings.HasSuffix(o.Output, "_test.go")) {
		return fmt.Errorf("-output: %q must end in .go and not in _test.go", o.Output)
	}
	if reason := fileNameProblem(filepath.Base(o.Output)); o.Output != "" && reason != "" {
		return fmt.Errorf("-output: %q: %s", o.Output, reason)
	}
	if !filepath.IsAbs(o.Output) && filepath.Dir(o.Output) != "." {
		return fmt.Errorf("-output: %q is in another directory than the package: give the name of a file, which goes beside the type", o.Output)
	}
	return (*check.Options)(o).Validate()
}

// command returns the command line that the generated file names. It has only the
// flags that decide the file's content, so that a file checked or generated from
// another directory has the same bytes.
func (o *Options) command() string {
	args := []string{"loopgen"}
	add := func(flag, value string) {
		if strings.ContainsAny(value, ` "'`) {
			value = strconv.Quote(value)
		}
		if value != "" {
			args = append(args, flag, value)
		}
	}
	add("-type", strings.Join(o.Types, ","))
	add("-new", o.New)
	add("-output", o.Output)
	add("-name", o.Name)
	add("-skip", strings.Join(o.Skip, ","))
	add("-readonly", strings.Join(o.ReadOnly, ","))
	add("-concurrent", strings.Join(o.Concurrent, ","))
	add("-exclusive", strings.Join(o.Exclusive, ","))
	add("-idempotent", strings.Join(o.Idempotent, ","))
	add("-inout", strings.Join(o.InOut, ","))
	add("-in", strings.Join(o.In, ","))
	add("-session", strings.Join(o.Session, ","))
	add("-timeout", strings.Join(o.Timeout, ","))
	if o.Close != "detach" {
		add("-close", o.Close)
	}
	if o.Hook != "main" {
		add("-hook", o.Hook)
	}
	if o.Strict {
		args = append(args, "-strict")
	}
	return strings.Join(args, " ")
}

// Result is what Generate made of the types.
type Result struct {
	// Files are the generated files, one for each type; none if there was an
	// error among the diagnostics.
	Files []File
	// Schemas describe the types of Files as other builds compare them, if asked for.
	Schemas []schema.Service
	// Diagnostics are sorted by position.
	Diagnostics []Diagnostic
	// Summaries are those of the types that have methods to share.
	Summaries []Summary
	// NeedsTidy reports that go.mod or go.sum lacks modules that Files import, so that
	// they do not compile before "go mod tidy". It is looked for only in a package
	// without generated files.
	NeedsTidy bool
}

// Diagnostic is one finding about the user's code. It is a struct:
//
//	type Diagnostic struct {
//		Pos      token.Position // invalid where the finding has no place
//		Place    string // stands for Pos in a note about another package: import path, file and line
//		Method   string // the method or other declaration it is about; may be empty
//		Reason   string
//		Remedy   string // may be empty
//		Severity Severity
//		Path     string // the way into a type to the fault, as in "User.Address.zip"; may be empty
//	}
//
// String returns "file.go:12:3: warning: Method: reason; remedy", without the empty parts.
type Diagnostic = check.Diagnostic

// Severity is the weight of a diagnostic: Note, Warning or Error.
type Severity = check.Severity

const (
	// Note explains a decision; only Options.Verbose asks for it.
	Note = check.Note
	// Warning is about something left out or likely to go wrong.
	Warning = check.Warning
	// Error means that nothing is generated.
	Error = check.Error
)

// Summary counts the exported methods of one type by their treatment. It is a struct:
//
//	type Summary struct {
//		Type       string
//		Shared     int // in client and proxy
//		ClientOnly int // that a proxy cannot have: a diagnostic says why
//		LeftOut    int // a diagnostic says why
//		Skipped    int // left out as asked
//		Missed     []string // well-known interfaces of *Type, such as "io.Reader", that its proxy lacks
//	}
//
// Methods returns their sum, and Verdict "hardly usable", "usable in part" or "". String
// returns a line for the user.
type Summary = check.Summary

// File is one generated file.
type File struct {
	Path    string // absolute
	Content []byte
}

// Generate makes the source for o.Types. Problems with the user's code are
// diagnostics in the result; the error says why the code was not looked at:
// options that contradict each other, no such package, no go
// command. It runs the go command, which ends with ctx. It may be called
// concurrently.
func Generate(ctx context.Context, o Options) (*Result, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o.Types = o.types()
	src, err := check.Load(ctx, (*check.Options)(&o))
	if err != nil {
		return nil, err
	}
	r := &check.Reporter{Fset: src.Fset, Strict: o.Strict, Verbose: o.Verbose}
	if src.Unreadable(r) {
		return &Result{Diagnostics: r.Sorted()}, nil
	}
	if err := writable(src, &o); err != nil {
		return nil, err
	}
	result := generate(r, src, &o)
	if broken := brokenCode(src.Package, result.Files); len(broken) > 0 {
		// Errors of the compiler explain all other diagnostics.
		r = &check.Reporter{Fset: src.Fset}
		for _, e := range broken {
			r.Report(Error, e.Pos, "", e.Msg, "")
		}
	}
	if r.Failed() {
		result.Files, result.Schemas = nil, nil
	}
	result.Diagnostics = r.Sorted()
	// A package that already has generated files was built with package rt before.
	result.NeedsTidy = len(result.Files) > 0 && len(src.Earlier) == 0 && !o.Schema && load.LacksModules(ctx, src.Dir, runtimePath, stubPath)
	return result, nil
}

// generate emits a file for each type that can be understood.
func generate(r *check.Reporter, src *check.Source, o *Options) *Result {
	result := new(Result)
	known := make(map[string]bool) // methods of any of the types
	allFound := true
	src.StrayDirectives(r)
	chosen, taken := make(nameSet), make(claims)
	for _, spec := range src.Specs {
		t := check.FindTarget(r, src, spec)
		if t == nil {
			allFound = false
			continue
		}
		path := outputPath(src, o, spec)
		s := check.NewService(r, (*check.Options)(o), src, t, path, known)
		if s == nil {
			continue
		}
		result.Summaries = append(result.Summaries, s.Summary)
		file := &shared{Service: s}
		if !file.claim(r, o, path, taken) || !file.chooseNames(r, o, chosen) {
			continue
		}
		content, err := emit.File(modeler{file}.model(o.command()))
		if err != nil {
			if !r.Failed() { // else methods that are refused may be missing
				r.Report(Error, s.Pos, s.TypeName(), err.Error(), "please report this as a defect of loopgen")
			}
			continue
		}
		result.Files = append(result.Files, File{Path: path, Content: content})
		if o.Schema {
			result.Schemas = append(result.Schemas, file.schema())
		}
	}
	if allFound { // else the names may be those of the missing type
		(*check.Options)(o).CheckNames(r, known)
	}
	return result
}
