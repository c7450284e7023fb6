// Loopgen generates the code that shares one instance of a Go type between
// processes.
//
// Usage:
//
//	loopgen -type T[,U] [flags] [package]
//	loopgen -schema -type T[,U] [flags] [package]
//	loopgen -schema -diff old new
//	loopgen -version
//
// A module that lists the command as a tool (go get -tool
// github.com/loopgen/loopgen/cmd/loopgen) runs it as go tool loopgen.
//
// For a type Counter it writes counter_loop.go beside the type, with
//
//	CounterAPI     an interface: the exported methods that can be shared
//	CounterClient  calls them with a context first and an error last
//	CounterProxy   has exactly the methods of *Counter
//	ShareCounter   returns the shared Counter, given a configuration and the
//	               parameters of NewCounter
//
// It is meant to be run by go generate, in the file that declares the type:
//
//	package counter
//
//	//go:generate loopgen -type Counter
//
//	type Counter struct{ value int }
//
//	func NewCounter(start int) *Counter { return &Counter{value: start} }
//
//	func (c *Counter) Inc() int { c.value++; return c.value }
//
// and a program that uses it begins with
//
//	func main() {
//		rt.ServeIfDaemon()
//		shared := counter.ShareCounter(rt.Config{}, 10)
//		defer shared.Close()
//		c, err := shared.Connect(ctx)
//		…
//		n, err := c.Inc(ctx)
//
// The daemon's working directory is /, so a constructor is given absolute paths:
//
//	func NewStore(path string) (*Store, error)
//
//	path, err := filepath.Abs("store.db")
//	…
//	shared := store.ShareStore(rt.Config{}, path)
//
// Connect warns of a relative path that exists where the client runs.
//
// The package is named as for the go command; without one it is the package
// in the current directory.
//
// # Types of other packages, and generic ones
//
// A type of another package is given by its import path, a dot and its name:
//
//	//go:generate loopgen -type net/http/cookiejar.Jar -new New(nil)
//
// The file is generated into the current package, which need not have any other
// code. The other package must be one that this module requires; go get adds it.
// Directives cannot be written there: use the flags.
//
// A generic type gives generic clients and proxies. Its instances are declared in
// package-level vars, which daemons have, too; one that is made later fails at the
// first use, and says so:
//
//	var sessions = cache.ShareCache[string, User](rt.Config{}, 100)
//
// Type arguments, those of other packages with their import path, make an instance
// an ordinary type, and so does an alias:
//
//	//go:generate loopgen -type example.com/cache.Cache[string,example.com/app.User] -name Sessions
//	//go:generate loopgen -type Sessions
//	type Sessions = cache.Cache[string, app.User]
//
// Arguments of go:generate lines with spaces are put in double quotes.
//
// # Methods
//
// A method whose parameters or results are not plain data is left out, and
// loopgen says which, why, and what to do about it. Parameters and results that
// would lose data on the way are errors. An error type of the package whose
// errors would not come back as themselves is a warning. Directives in the doc
// comment of a method decide about it:
//
//	//loopgen:skip        leave it out, without a word
//	//loopgen:readonly    it changes nothing: run it beside other such calls
//	//loopgen:concurrent  it is safe for concurrent use: run it at any time
//	//loopgen:exclusive   it waits for no other call: run it alone
//	//loopgen:idempotent  it may be executed twice: call it again when the
//	                      daemon dies and it is unknown whether it was executed
//	//loopgen:inout p     it writes to what p is or points to: copy that back
//	//loopgen:in p        its changes of p stay in the daemon
//	//loopgen:session end=Unlock
//	                      it acquires what Unlock gives back: when a client is
//	                      gone that has not called Unlock, the daemon does
//	//loopgen:timeout 5s  the limit of a call whose context has no deadline
//
// The first may stand at an error type too: clients then get its errors as
// *rt.RemoteError, without a warning. The flags of these names reach promoted
// methods as well, whose source is elsewhere.
//
// An interface that is sent may hold what loopgen can see: the types named in
// the signatures, the exported ones of the package that are data, and basic
// types. Others are made known with rt.RegisterType. An interface with methods
// is shared if a data type implements it, of this package or of the one that
// declares the interface; the shared type itself may be that data type.
//
// A type that only some builds have (linux.go, or a go:build line) gets a file for
// the same builds. Methods that only some of these have are left out; a method that
// several files declare alike, one for each build, is shared. Only builds for the systems that
// package rt supports count. The names of the file are free in all its builds: those
// of the tests, of other systems and with other tags.
//
// A method that always returns its receiver, so that calls can be chained, is one
// of the client only, which returns itself: its result in the proxy would have to
// be a *T, and so a copy. A method that makes the *T it returns, as Clone does, is
// shared if T is data.
//
// Options at the end of a method that cannot leave the process, as in
// Get(key string, opts ...Option), are functions or interfaces with opt in the name of
// the type or parameter. The client's method has no such parameter. The proxy's has, so
// that it implements the same interfaces, and a call that passes any fails and is not
// sent.
//
// Arguments are copies. Slices of numbers and bools, of arrays and structs of these,
// and pointers to the same come back from a method that is not concurrent: the daemon
// compares them after the call, and the client writes the differences into the caller's
// memory, unless the parameter is in. If two of them share memory, a call that changes it
// fails, and changes nothing. A method whose own body writes to another argument is
// left out until the parameter is in or inout. After a call that has not failed, the
// elements, entries or variable of an inout argument are copied to the caller's. The
// caller's slice keeps its length, and a nil pointer or map stays nil. Read and ReadAt
// as in package io, and methods with such a buffer whose names begin with Read or Recv,
// need no directive: the client's buffer is filled, and untouched where they fill
// nothing. Read is asked for no more than can be sent in one piece (16 MiB), and the
// others fail with rt.ErrTooLarge beyond it.
//
// Methods run one at a time unless they are read-only or concurrent:
//
//   - A read-only method runs beside other read-only ones. Nothing checks that
//     it leaves the object unchanged; if it does not, that is a data race.
//   - A concurrent method runs beside all others, those that otherwise run alone
//     included, so it locks all data that it shares with them. Its results are
//     encoded after its return, while others run: it must return copies
//     (maps.Clone, slices.Clone), never a map, slice or pointer to data that
//     the object still changes.
//   - A method that waits for another call, as Pop waits for Push, must be
//     concurrent. Otherwise nobody else gets a turn before it returns.
//
// loopgen reads the bodies of the methods, and of the functions that they call, as far
// as their source is at hand. It warns of a method that may wait: for a channel, a
// sync.Cond, a sync.WaitGroup or a semaphore, or in a loop for a clock or a
// connection. Where the source does not tell, it warns of names such as Pop and Wait.
// Exclusive says that a method waits for no other call; it runs alone, also where all
// others are read-only or concurrent. A concurrent method that may wait and has
// results takes a context: without one it goes on when its caller's process ends, and
// its results are lost.
//
// A method that acquires something beyond its own call, as Lock and Acquire do, and the
// method that releases it are concurrent, and a session pairs them. The acquisitions of a
// client belong to the connection of one Shared in one process. When the connection ends
// (the process was killed, the Shared closed), the daemon releases those that are left,
// with one call for each time that the acquiring method has succeeded: it has returned
// neither an error that is not nil nor false. If the caller has given up meanwhile, the
// daemon releases at once. The releasing method takes no parameters but a context, or
// those of the acquiring method, and must be called with the same arguments. If the
// client holds no such acquisition, the call fails and is not executed. With a session,
// the Lock and Unlock of an embedded sync.Mutex can be shared: -concurrent Lock,Unlock
// -session Lock=Unlock. A sync.Mutex, sync.RWMutex or semaphore.Weighted as the shared type
// must have sessions: the error without them prints the flags.
//
// With -close forward a call of Close closes the object for everybody, and each
// such call does. The daemon closes it once more when it leaves, so Close must
// allow to be called several times.
//
// # The constructor
//
// The function that makes the object takes plain data, after a context if it
// likes, and returns T or *T, and an error if it can fail. Options at its end
// that cannot leave the process, such as functions, are left out of the call. An
// expression instead of a function fixes the arguments in the daemon, as in
// -new New(10); ShareT then takes none. It can use the names of the package and
// the imports of its files, the names beside the type, also without their package's
// name, the packages that are used there, and the standard library's packages of one
// word. Clients must agree on the function, or on the text of the expression.
//
// Without a constructor a map starts empty, and any other type as its zero value. A
// type of another package that has fields which are not exported must be given one if
// functions of that package return it: loopgen lists these as flags, with placeholders
// for arguments that only the daemon can have.
//
//	-new "Open(\"…\", 0600, nil)"
//
// A go:generate line and a shell read these quotes alike. -new zero asks for the zero
// value, unless the package declares a function of that name.
//
// # A library without a line in main
//
// The rule is that main begins with rt.ServeIfDaemon. With -hook init the package of
// the type needs no such line in the programs that import it: a process that was
// started as the daemon of the type serves in the init function of the generated
// file, before main, and in any other process that function returns at once.
//
//	//go:generate loopgen -type Store -hook init
//
// Then only these are initialised in the daemon: the packages that this one imports, its
// package-level variables, and its init functions in files that sort before the
// generated one. An init function in a later file, or
// in a file that imports C, is an error, and so is a generic type, whose instances are
// declared elsewhere; share an instance of it. loopgen cannot see the rest:
//
//   - What main and other packages register is not there: types given to
//     rt.RegisterType, database drivers, image formats. Import or register it in the
//     package of the type or in one that it imports. Flags are not parsed.
//   - If the object shares other objects in turn, their types need -hook init, too,
//     and their packages are imported by this one. In one package, their generated
//     files sort first.
//   - C code that calls Go from a thread of its own waits until all packages are
//     initialised, so in such a daemon for ever.
//
// Types without it still need the line, in the same program too: without the line
// Connect returns rt.ErrHookMissing.
//
// # Versions
//
// Programs built from two versions of a type may share a daemon. A call of a
// method that differs between them fails with rt.ErrIncompatible, which says
// where the two signatures part; all others work. With -schema loopgen writes
// nothing and prints the facts that programs compare: the type, its constructor with
// the parameters, the methods' signatures, the types that an interface may hold
// and the errors that come back as themselves. It takes the flags that the file is
// generated with. The same source gives the same text, which is made to be kept:
//
//	loopgen schema 1
//	service example.com/counter.Counter
//	constructor NewCounter func(int)
//	method Inc func() int
//
// With -schema -diff it compares two such files. For each difference it prints whether
// it is compatible or breaking, with its effect, and last the verdict on all of
// them. The exit status is 1 if anything is breaking, so that a
// change is noticed before it is released:
//
//	loopgen -schema -type Store . >new.schema
//	loopgen -schema -diff released.schema new.schema
//
// A schema has neither the types that programs pass to rt.RegisterType nor the type
// arguments of the instances of a generic type.
//
// # Flags
//
//	-type T,U        the types to share, each giving a file of its own
//	-new F           the function that makes the object in the daemon, of this
//	                 package or else of the type's own, or an expression; the
//	                 default is NewT, for types of other packages also New beside
//	                 them, or the zero value, an empty map for a map type, if there
//	                 is none; zero asks for the zero value
//	-output F        the file to write, in the package; the default is the
//	                 type's name in lower case, without underscores at its
//	                 beginning, and _loop.go, or -name for a type that the
//	                 package does not declare
//	-name P          generate PAPI, PClient, PProxy and ShareP
//	-skip M,N        leave these methods out
//	-readonly M,N    these methods change nothing; all means every method
//	-concurrent M,N  these methods are safe for concurrent use; or all
//	-exclusive M,N   these methods run alone; loopgen does not warn of them
//	-idempotent M,N  calls of these methods may be executed twice
//	-inout M.p       copy parameter p of M back to the caller
//	-in M.p          keep changes of parameter p of M in the daemon
//	-session L=U     what L acquires ends with a call of U, or with the client
//	-timeout M=5s    a call of M without a deadline fails after five seconds
//	-close mode      what Close does: detach (the default) ends the caller's
//	                 handle, forward calls the object's method
//	-hook place      where the daemon begins to serve: main (the default), in the
//	                 call of rt.ServeIfDaemon, or init, before main
//	-strict          a method left out is an error
//	-check           write nothing; print a diff and fail if a file is out of
//	                 date; for use with the flags of the go:generate line
//	-schema          write nothing; print the types' schemas
//	-diff            with -schema: compare two files that it has printed
//	-v               explain every decision
//	-json            print the diagnostics as JSON, for tools
//	-version         print the version of loopgen
//
// Problems are printed as file.go:12:3: warning: Method: reason; what to do. A note about a
// declaration of another package begins with the import path and the file of that. If
// methods are left out, a line says how many of the type's methods are shared, and which
// well-known interfaces, such as io.Reader, the proxy does not implement without the others.
// The type is "hardly usable" if the client has less than half of the methods that were not
// skipped, and "usable in part" if it has less than three quarters. The last line counts
// errors, warnings and notes.
//
// Nothing is written unless all files can be, and never outside the module. A file that
// was generated for another type is not replaced while that type exists. The exit
// status is 0 for success, 1 for failure and 2 for a wrong command line.
//
// With -json each problem is an object on a line of standard output, without
// the members that would be empty, and a summary comes last:
//
//	{"position":{"file":"store.go","line":12,"column":3},"method":"Put",
//	 "severity":"warning","reason":"left out: …","remedy":"…","path":"User.Next"}
//	{"summary":{"types":[{"type":"Store","methods":6,"shared":5,"clientOnly":0,
//	 "leftOut":1,"skipped":0,"missed":["io.Reader"]}],"errors":0,"warnings":1,"notes":0,
//	 "files":["store_loop.go"]}}
//
// A severity is note, warning or error; path leads into the type that is to
// blame. A note about a declaration of another package has a place, such as
// "example.com/lru/lru.go:33", and no position. A type that is hardly usable, or usable in
// part, has a member verdict with these words. The diff of -check goes to standard error
// then. With -schema -diff each difference is an object, and the verdict comes last:
//
//	{"subject":"Store.Put","breaking":true,"change":"…","effect":"…"}
//	{"verdict":"breaking"}
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/signal"
	"runtime/debug"

	"github.com/loopgen/loopgen/generator"
)

// source holds the manual, which is the comment above.
//
//go:embed main.go
var source string

// errFailed ends the command after its diagnostics were printed.
var errFailed = errors.New("failed")

// errUsage is a wrong command line.
type errUsage struct{ error }

func main() {
	// The process ends soon, so it collects no garbage before it has much.
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetGCPercent(-1)
		debug.SetMemoryLimit(1 << 30)
	}
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is the command; it returns the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := generate(ctx, args, stdout, stderr)
	var usage errUsage
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errFailed):
		return 1
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "loopgen: %v\nusage: [go tool] loopgen -type T[,U] [flags] [package]; the flag -h explains them\n", err)
		return 2
	}
	fmt.Fprintln(stderr, "loopgen:", err)
	return 1
}

func generate(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	options, how, err := parseFlags(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, manual())
		return nil
	}
	if err != nil {
		return errUsage{err}
	}
	if how.version {
		fmt.Fprintln(stdout, version(debug.ReadBuildInfo()))
		return nil
	}
	if how.diff {
		return diffSchemas(how.files[0], how.files[1], how.json, stdout)
	}
	if err := options.Validate(); err != nil {
		return errUsage{err}
	}
	result, err := generator.Generate(ctx, *options)
	switch {
	case how.json && err != nil:
		return reportJSON(&generator.Result{Diagnostics: []generator.Diagnostic{{Reason: err.Error(), Severity: generator.Error}}}, stdout)
	case how.json:
		err = reportJSON(result, stdout)
		stdout = stderr // for all other output
	case err == nil:
		err = report(result, options.Verbose, stderr)
	}
	if err != nil {
		return err
	}
	if how.schema {
		return printSchema(result.Schemas, stdout)
	}
	if how.check {
		return compare(result.Files, stdout)
	}
	if err := replace(result.Files); err != nil {
		return err
	}
	if result.NeedsTidy {
		fmt.Fprintln(stderr, `loopgen: go.mod or go.sum lacks modules that the generated file imports; run "go mod tidy" before you build`)
	}
	return nil
}

// manual returns the package comment as text.
func manual() string {
	file, err := parser.ParseFile(token.NewFileSet(), "main.go", source, parser.PackageClauseOnly|parser.ParseComments)
	if err != nil {
		panic(err) // it was compiled from the same text
	}
	return file.Doc.Text()
}
