// Loopctl lists the daemons of a user, and looks at them and stops them, without the
// programs that share the objects.
//
// usage: loopctl command [flags] [arguments]
//
//	loopctl ps                        the daemons that run
//	loopctl status NAME               what one does
//	loopctl describe NAME [METHOD]    the methods of its type
//	loopctl call NAME METHOD [JSON]   call a method
//	loopctl logs NAME                 its log
//	loopctl stop NAME                 shut it down
//	loopctl restart NAME              shut it down; the next client starts another one
//	loopctl stacks NAME               what its goroutines do
//	loopctl profile NAME KIND         a profile of its processor time, memory or locks
//	loopctl metrics                   the numbers of calls of all, as OpenMetrics text
//	loopctl doctor [NAME]             what is wrong, and a command against it
//	loopctl completion SHELL          the script that completes commands for a shell
//
// The flag -h of a command explains it. NAME is the name of a daemon, the beginning of one
// that no other has, or the pid of its process.
//
// Loopctl starts no daemon. Only call, stop and restart change anything. Without -dir it
// looks in the base directory that programs with the same LOOPGEN_DIR use and in that of
// services. On Linux it also finds the user's running daemons in every other directory.
//
// # Flags of all commands
//
//	-json         print JSON, an object to a line, with the names of the Go fields of
//	              package rt/inspect; durations are in nanoseconds
//	-scope S      only daemons of the scope user, session, project, dir or system
//	-dir D        only daemons below the base directory D, or the one of the directory D
//
// Flags may follow the arguments. No flag follows --, so that an argument can begin with a
// hyphen.
//
// # Exit status
//
//	0    done
//	1    failed; for call: the method returned an error, panicked, or its results cannot be
//	     sent; for doctor: something is wrong
//	2    the command line is wrong, or several daemons match NAME
//	3    the daemon does not run
//	4    call, stop or restart had no effect: the daemon does not answer, refuses, or
//	     cannot be looked for
//	5    the daemon was asked to shut down, and may not have ended; or a call was sent, and
//	     it is not known whether it was executed
//
// # ps [-a]
//
// Ps prints a line for each daemon that runs. A daemon that is starting has no columns yet.
// IDLE is the time until the daemon exits if no client connects. A daemon that does not
// answer within two seconds is silent.
//
//	-a    also print the last daemon of each singleton that has none: exited, and how long
//	      ago, or killed if its process ended without an exit of the daemon
//
// # status NAME
//
// Status prints the state of a daemon: its process, its clients, the running and the waiting
// calls, and the numbers of the calls of each method, those of earlier daemons included. It
// does not postpone the daemon's idle exit. With -json it prints all fields of rt.Status.
//
// # describe NAME [METHOD]
//
// Describe prints the methods of the daemon's version of the type, or one of them, with the
// mode in which each runs if the daemon answers. For one method it prints the numbers of its
// calls, too.
//
// # call [-timeout 10s] NAME METHOD [JSON...]
//
// Call calls a method with one JSON value for each parameter, as an ordinary client of the
// user. The daemon's own signatures say how they are sent; describe prints these. If all
// arguments are NAME=JSON with the names of parameters, they may be in any order. Each
// result is printed on a line, and after them each argument that the method changes in its
// caller. An error of the method is printed with all errors that it wraps. What the method
// acquires, as Lock does, is released when call ends.
//
//	integers, floats         number, with all digits; "NaN", "Inf", "-Inf"
//	string                   string; as an argument also without the quotes
//	[]byte, [N]byte          base64, {"$hex": "…"}, {"$text": "…"}; for a buffer that the
//	                         method fills, its length
//	slice, array, struct     array, object; fields that are absent are zero
//	map                      object; an array of [key, value] if keys are no texts or integers
//	pointer                  null, or the value
//	time.Time                "2006-01-02T15:04:05Z"
//	time.Duration            "1.5s", or nanoseconds
//	any, other interfaces    null, true, "text", 1 (an int), 1.0 (a float64), [], {};
//	                         {"$type": "uint8", "$value": 1} for other types
//	types that encode        the text, or the bytes in base64
//	themselves
//	error                    the message, or the object as errors are printed
//	@FILE as an argument     the content of the file, @- the standard input: the bytes or the
//	                         text of such a parameter, otherwise JSON
//
// The first interrupt cancels the call; loopctl waits up to two seconds for the daemon to
// say whether it was executed. With -json it prints Results, Changed and Error.
//
//	-timeout D    cancel the call after that time
//
// # logs NAME [-f] [-n 100]
//
// Logs prints the end of the log of a daemon, also of one that has exited.
//
//	-f      go on and print what is appended, over rotations of the log and daemons that
//	        follow, until interrupted
//	-n N    begin with the last N lines; -1 prints all, the default is 100
//
// # stop [-now] NAME
//
// Stop shuts a daemon down and waits until its process has ended. The daemon finishes the
// running calls, rejects the waiting ones, and calls the object's Close. An interrupt ends
// the wait and not the shutdown.
//
//	-now    cancel the running calls, and exit within about a second
//
// # restart NAME
//
// Restart is stop. The next client that calls starts another daemon, with a new object. A
// service is started by its service manager.
//
// # stacks NAME
//
// Stacks prints the stacks of the daemon's goroutines. Those that run a call, or were
// started for one, come first, with the name of the method. Goroutines with equal stacks are
// counted. Only the daemon's own user and root may ask.
//
// # profile [-seconds 5] [-o FILE] NAME cpu|heap|mutex
//
// Profile lets the daemon make a profile of itself, in the format of go tool pprof. The
// daemon's program must import github.com/loopgen/loopgen/rt/profile. The samples of a cpu
// profile have the label method, with the name of the method whose call runs: go tool pprof
// -tags counts them, and -tagfocus=method=NAME shows one. A heap profile has the memory in
// use and all allocations, after a garbage collection; a mutex profile the waiting for locks.
// The daemon makes one profile at a time. An interrupt stops it, and prints none. Only the
// daemon's own user and root may ask. A profile does not postpone the daemon's idle exit.
//
//	-seconds N   the time that a cpu or mutex profile is about, 1 to 300; the default is 5
//	-o FILE      write the profile to a file; without -o it goes to the standard output,
//	             unless that is a terminal
//
// # metrics
//
// Metrics prints the numbers of all daemons as OpenMetrics text, also of those that have
// exited: loopgen_up, loopgen_clients, loopgen_running, loopgen_queued, loopgen_starts_total,
// loopgen_refused_connections_total, and by method loopgen_calls_total, loopgen_panics_total,
// loopgen_received_bytes_total, loopgen_sent_bytes_total, loopgen_call_seconds and
// loopgen_wait_seconds. The counters go on over the daemons of a singleton. Those of a daemon
// that runs and does not answer within two seconds are left out.
//
// # doctor [NAME]
//
// Doctor looks for the usual causes of trouble and prints each with a command that solves it,
// or that shows more if only a person can decide: a directory or files of another owner or
// with an unsafe mode, a path too long for a socket, a network file system, one that is full
// or read-only, a stopped process, a lock without a daemon, programs of several builds, files
// of another version of loopgen, one name in two places, a LOOPGEN_DIR that is not the
// daemon's, a wrong or missing unit of systemd. It runs none of these commands.
//
// # completion bash|zsh|fish
//
// Completion prints a script that completes commands, flags, names of daemons and methods:
//
//	source <(loopctl completion bash)      # in ~/.bashrc
//	source <(loopctl completion zsh)       # in ~/.zshrc, after compinit
//	loopctl completion fish | source       # in ~/.config/fish/config.fish
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/inspect"
)

// source holds the manual, which is the comment above.
//
//go:embed main.go
var source string

// The exit statuses.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitNotRunning  = 3
	exitNotExecuted = 4
	exitUnknown     = 5
)

// outcomes are the exit statuses of calls that failed.
var outcomes = map[rt.Outcome]int{
	rt.OutcomeExecuted: exitFailed, rt.OutcomeUnknown: exitUnknown,
	rt.OutcomeNotExecuted: exitNotExecuted, rt.OutcomeNotSent: exitNotExecuted,
}

// errFailed ends a command that has failed and has printed why.
var errFailed = errors.New("failed")

// errUsage is a wrong command line.
type errUsage struct{ error }

// errNoEffect is why call, stop or restart had no effect. Status looks for more in it.
type errNoEffect struct{ error }

func (e errNoEffect) Unwrap() error { return e.error }

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is the command; it returns the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := execute(ctx, args, stdout, stderr)
	if err != nil && !errors.Is(err, errFailed) {
		fmt.Fprintln(stderr, "loopctl:", clean(err.Error()))
	}
	return status(err)
}

// status returns the exit status of an error.
func status(err error) int {
	var usage errUsage
	var ambiguous *inspect.AmbiguousError
	var unfinished *inspect.UnfinishedError
	var noEffect errNoEffect
	var failed *rt.CallError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &failed):
		return outcomes[failed.Outcome]
	case errors.As(err, &usage), errors.As(err, &ambiguous):
		return exitUsage
	case errors.Is(err, rt.ErrNotRunning):
		return exitNotRunning
	case errors.As(err, &unfinished):
		return exitUnknown
	case errors.As(err, &noEffect):
		return exitNotExecuted
	}
	return exitFailed
}

func execute(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return errUsage{errors.New("no command; usage: loopctl command [flags] [arguments], and loopctl -h lists the commands")}
	}
	switch args[0] {
	case "-h", "-help", "--help", "help":
		if len(args) > 1 {
			if find(args[1]) == nil {
				return unknown(args[1])
			}
			fmt.Fprint(stdout, section(args[1]))
			return nil
		}
		fmt.Fprint(stdout, manual())
		return nil
	}
	if args[0] == "complete" && len(args) > 1 && args[1] == "--" { // for the scripts of completion
		for _, word := range complete(args[2:]) {
			fmt.Fprintln(stdout, word)
		}
		return nil
	}
	c := find(args[0])
	if c == nil {
		if strings.HasPrefix(args[0], "-") {
			return errUsage{fmt.Errorf("%s comes before the command: flags go after it", args[0])}
		}
		return unknown(args[0])
	}
	in, err := c.parse(args[1:], stdout, stderr)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, section(c.name))
		return nil
	}
	if err != nil {
		return errUsage{fmt.Errorf("%s: %w\nusage: loopctl %s", c.name, err, c.usage)}
	}
	return c.run(ctx, in)
}

// unknown is the error of a command that does not exist.
func unknown(name string) error {
	return errUsage{fmt.Errorf("no command %q%s; loopctl -h lists the commands", name, meant(name, names()))}
}

// manual returns the comment at the beginning of this file.
func manual() string {
	comment, _, _ := strings.Cut(source, "\npackage main")
	var text strings.Builder
	for line := range strings.Lines(comment + "\n") {
		line = strings.TrimPrefix(strings.TrimPrefix(line, "//"), " ")
		text.WriteString(strings.TrimPrefix(line, "# "))
	}
	return text.String()
}

// section returns the part of the manual about a command.
func section(command string) string {
	_, text, _ := strings.Cut(source, "\n// # "+command+" ")
	text, _, _ = strings.Cut(text, "\n// # ")
	text, _, _ = strings.Cut(text, "\npackage main")
	var b strings.Builder
	b.WriteString("usage: loopctl " + command + " ")
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimPrefix(strings.TrimPrefix(line, "//"), " "))
	}
	return strings.TrimRight(b.String(), "\n") + "\n\nAlso -json, -scope and -dir: loopctl -h explains them.\n"
}
