// Package rt shares one Go object between the processes of a user. The object
// lives in a daemon that the first client starts, out of the client's own
// program, and that leaves when nobody needs it.
//
// loopgen generates, for a type Counter with a constructor NewCounter(start
// int), a function ShareCounter, a client and a proxy:
//
//	func main() {
//		rt.ServeIfDaemon() // first line of main, and of TestMain
//		shared := counter.ShareCounter(rt.Config{Name: "my-counter"}, 10)
//		defer shared.Close()
//
//		c, err := shared.Connect(ctx) // *counter.CounterClient; starts the daemon if there is none
//		n, err := c.Inc(ctx)          // every method: context first, error last
//
//		p, err := shared.Proxy(ctx) // *counter.CounterProxy: the method set of *Counter
//		n = p.Inc()
//	}
//
// # What is promised
//
// There is one object per user, host and name, or per scope and name if
// Config.Scope says otherwise. Its methods run one at a time,
// first come first served, unless they are marked readonly or concurrent; calls of a
// client that has over 40 MiB of results yet to read are passed over meanwhile. A
// call is executed at most once: it is tried again only when it is certain that
// it was not executed, and what cannot be known is said, as OutcomeUnknown. Only
// calls of a method that its author has marked idempotent are tried again as well
// when the daemon died in mid-call, until the context ends or StartTimeout has
// passed: such a call may be executed twice. The object's state lives as long as the daemon: IdleTTL after its last client it
// is gone, and whoever calls next gets a fresh one; Config.OnRestart tells. Calls
// whose callers are gone count for Config.OrphanTimeout: see there.
//
// The daemon holds a lock as long as it lives, and that lock is the only proof that it
// runs. So an old and a new object never exist at the same time, unless the directory
// is removed. Not promised are durability, more than one host, exactly-once execution,
// that a method which ignores its context stops when its caller gives up, and that the
// daemon outlives a service manager, a container or a CI job that ends all its processes.
//
// The context of a call bounds it. Its deadline travels with the call. When it ends, the
// daemon is told, whatever ended it, and the caller waits up to 50 ms for the daemon's
// answer; without one the outcome is unknown. A call that has not begun by then never
// begins, also if the daemon was stopped and finds the call later. A method that takes a
// context gets one that ends with the caller's, with the caller's connection, or when the
// daemon is told to leave at once; a method that runs is never interrupted otherwise. Err
// of that context is context.DeadlineExceeded if the caller's context ended so, else
// context.Canceled, and context.Cause tells in words whether the caller took the call
// back, is gone (killed, or its Shared closed), or the daemon leaves. Results for a caller
// that is gone are dropped; calls of that caller which have not begun are never made.
// Values of the context do not travel. [CallerFrom] tells from a method's context which
// process and which user calls.
//
// A method may acquire something beyond its own call, as Lock does. If its author
// has given it a session, what a client has acquired through its connection is
// given back when the connection ends: when the process dies, when its Shared is
// closed. What the caller was told decides: after an error, of whatever kind, nothing is
// held, and after a success the acquisition is held until it is given back. With the
// daemon all is lost. A call that would give back what its connection does not hold is
// not executed.
//
// Each call has a goroutine as its own: a method that locks its thread, as
// runtime.LockOSThread describes, leaves no trace in later calls.
//
// # Errors
//
// A method's own error comes back bare: the package's sentinels, those of
// promoted methods' packages and of io, context, io/fs, os and net, and exported
// error types keep their identity through wrapping and errors.Join; what cannot be
// rebuilt is a [*RemoteError]. So is an error with a method that panics, calls
// runtime.Goexit or takes more than a second; its message says so if that method is
// Error. The call is answered all the same.
// Everything else is an [Error]: a [*CallError] with an [Outcome], or a
// [*StartError] with a stage. ERRORS.md, beside this file, lists every text with its
// cause and remedy.
//
// An error travels in the same way as a parameter, in a struct or a slice, and
// wherever else it is a value.
//
// # Interfaces
//
// A parameter or result of type any, or of another interface that loopgen lets
// pass, comes back with the type that it had: int stays int. It may hold the
// basic types, time.Time, time.Duration, the types that loopgen saw, those that
// were made known by [RegisterType], and pointers, slices, arrays and maps of all
// these. What it holds is a copy, a pointer too. Any other type fails the call
// with [ErrEncode]. A result that this program could not decode would be lost:
// RegisterType says which calls are refused for that, and which cannot be.
//
// # What runs in the daemon
//
// The daemon is this program, started again, or the one that Config.Command names:
// package initialisation runs in it, and main up to ServeIfDaemon. It is a session of its own, so that no signal of
// a terminal or a process group reaches it; its directory is /, its umask 077,
// its standard input empty, and its output goes to a log (Status says where).
// No descriptor of the client is open in it. It keeps the client's priority and
// resource limits. When it leaves it calls the object's Close, if there is one,
// and waits up to 5 s for it, or about a second with ShutdownNow.
//
// These are the effects of signals on a daemon that serves:
//
//	HUP, INT, TERM          drain: finish the running calls, close the object, exit
//	INT, TERM a second time exit at once; a HUP before or after does not count
//	QUIT, ABRT              exit at once, with the stacks of all goroutines in the log
//	KILL, STOP, CONT        as in every process
//	TSTP, TTIN, TTOU        none: the daemon is in a session of its own
//	PIPE, USR1, USR2, ALRM, CHLD, URG, WINCH, XCPU, and others that Go programs catch
//	                        none
//
// HUP, INT and TERM have these effects even if the client that started the daemon
// ignored or blocked them, as nohup does. While the constructor runs they have those
// of any Go program. A method or package that calls signal.Notify gets the signals
// as well.
//
// The clients that wait for a daemon share a failure of its constructor: an error,
// a panic, an exit of the process. A daemon that a signal ends before it serves,
// such as SIGKILL when memory is short, has said nothing about its constructor: the
// client that started it starts another one, once. The clients that wait share
// that failure only if a signal ends the second daemon, too. A client that comes
// later starts a daemon itself.
//
// Its environment is Config.Env or, if that is nil, that of the client that
// happened to start it, less what describes that client's terminal, login,
// supervisor or build: LOOPGEN_MODE, LOOPGEN_LOG; PWD (set to /), OLDPWD, SHLVL, _; TERM,
// TERM_*, COLORTERM, COLUMNS, LINES, WINDOWID, STY, TMUX, TMUX_*; SSH_CLIENT,
// SSH_CONNECTION, SSH_TTY, XDG_SESSION_*, SUDO_*; INVOCATION_ID, JOURNAL_STREAM,
// NOTIFY_SOCKET, LISTEN_*, WATCHDOG_*, MAINPID, SYSTEMD_EXEC_PID; MAKEFLAGS,
// MAKELEVEL, MFLAGS, GOCOVERDIR. Everything else stays, secrets included: a token or
// the SSH_AUTH_SOCK of the first client is in the daemon of all clients, and in every
// program that the object runs. With [MinimalEnv] as Config.Env it is not.
//
// Systemd, containers and CI runners may kill it with the job that started it.
//
// On Windows it has no console and so no window, its directory is the root of the
// program's drive, and it leaves the job of the client that started it if that job
// lets it. There is no SIGTERM there: Shutdown makes it leave.
//
// A package generated with loopgen -hook init needs no ServeIfDaemon in main: its
// daemon serves in the init function of the generated file, and neither main nor the
// packages that are initialised later run in it. The manual of the command loopgen
// says what that excludes.
//
// Its files may be removed at any time. Within a second it notices and publishes
// again what can be published; if its directory is gone, it finishes the running
// calls and leaves. Only until it has noticed that, another daemon, with another
// object, may be started in a new directory.
//
// # Releases of a program
//
// A daemon goes on as the release that it was started from. Clients of another one
// share it as far as they agree: with another constructor or other arguments
// Connect returns ErrConfigMismatch, and a method that was added or changed fails
// alone, with ErrIncompatible. Nothing is ever decoded as another type. A program
// that gives its releases growing numbers, as Config.Version, can have its newer
// ones replace the daemon of older ones: see [MismatchPolicy].
//
// # Scopes
//
// The scope says which processes share: all of a user (ScopeUser, the default),
// those of one login (ScopeSession), those that work in one source tree
// (ScopeProject), those that name one directory (ScopeDir), or those of several
// users (ScopeSystem). It stands for a base directory; what it stands for is found
// out once for each Shared, when it first connects:
//
//	ScopeUser     ~/.cache/loopgen/<machine>, the home being that of the user database
//	ScopeSession  session-<id> in it
//	ScopeProject  project-<name>-<hash of the root's path> in it
//	ScopeDir      the directory
//	ScopeSystem   /run/loopgen, or /var/run/loopgen where there is no /run
//
// A scope that cannot be found out, as that of a process that belongs to no
// session or works in no project, is a [*StartError] at StageDirectory; no other
// one is taken in its place.
//
// # An object for several users
//
// With ScopeSystem clients start nothing. The service manager runs, as a user of
// its own, a program that calls Serve:
//
//	func main() {
//		shared := limiter.ShareLimiter(rt.Config{
//			Scope: rt.ScopeSystem, Name: "limiter", AllowGroups: []string{"web"},
//		}, 10)
//		if err := shared.Serve(context.Background()); err != nil {
//			log.Fatal(err)
//		}
//	}
//
// The directory /run/loopgen/limiter belongs to that user, and others must not be
// able to write to it, nor to put another one in its place: clients check that, and
// that the peer of their connection is that user. The daemon admits its own user
// and whom AllowUsers and AllowGroups name, by what the kernel says of the process
// that connects; to others Connect returns ErrNotAllowed. A method that has to
// know more asks [CallerFrom]. Only the daemon's own user, and root if it is
// admitted, may use Shutdown.
//
// A service manager that listens on /run/loopgen/limiter/socket and passes that
// socket on, as systemd does, starts the daemon when the first client comes;
// without one, and without a daemon, clients get ErrNotRunning. OPERATIONS.md has
// units for systemd. The daemon writes its log to standard error.
//
// # Environment variables
//
// LOOPGEN_DIR is the base directory of all singletons whose scope does not name
// one itself, an absolute path; for ScopeSystem, too.
//
// LOOPGEN_MODE=inprocess keeps everything in this process: no daemon is started,
// calls still pass the codec, the limits and the turn. The coverage of a test binary
// then includes the object's methods. There a method that calls
// its own proxy waits for ever, where a daemon would return ErrReentrant, and a
// method that ignores ShutdownNow goes on beside the next object.
//
// LOOPGEN_DEV=1 is for programs that are edited and run again. A process whose program
// was built later than the daemon's, from the same main package and with other content,
// replaces the daemon when it first connects to it, once: calls that run are finished,
// and the object is made anew. A client that reconnects replaces none, so two builds
// that both run share one daemon. Config.Version does not matter, nor does
// Config.OnMismatch. Without the variable, a program that go run or go test has built
// says once on standard error that the daemon is of another build, and what to do;
// other programs say nothing. Builds are told apart by their Go build IDs and the
// times of their files. Programs that go run builds from a list of files are taken for
// one main package if the first files have the same name. With Config.Command and
// ScopeSystem no daemon is replaced.
//
// LOOPGEN_LOG=stderr copies what the daemon writes to its log to this process's
// standard error, from the start if this process starts the daemon, else from the time
// when it connects, until the Shared is closed. A process that exits without Close may
// leave out the last 20 ms. The daemon of a ScopeSystem object has no log to copy.
//
// A program with more rights than the user that started it, such as a set-user-ID
// program, ignores all four, and XDG_RUNTIME_DIR, XDG_SESSION_ID and LISTEN_FDS.
//
// # How it works
//
//  1. loopgen type-checks a package and writes a client, a proxy, a Share function and
//     a dispatch table.
//  2. The first call reads the singleton's endpoint file and connects. Both sides prove
//     that they know its key.
//  3. If no daemon runs, one client acquires the spawn lock and starts its own program
//     again. The other clients wait for it.
//  4. In the child, ServeIfDaemon acquires the lifetime lock, makes the object, listens,
//     publishes the endpoint, reports to the client, and serves.
//  5. A call is one frame with its arguments in CBOR, and its reply is another. One
//     connection carries the calls of all goroutines of a process.
//  6. Arguments are decoded before the call gets its turn, and results are encoded before
//     it releases the turn: no value that aliases the object leaves it.
//  7. Admission and the decision to exit share one mutex. A client is either admitted by
//     a daemon that stays, or starts the next one.
//  8. To exit, the daemon finishes and acknowledges running calls, calls the object's
//     Close, removes the endpoint, and ends the process.
//
// # Packages
//
// Each package is a room that may touch some things only. Package rt is the face and the
// client.
//
//   - internal/daemon has the object: connections, the queue, running calls, drain and
//     status. It knows no files and no processes.
//   - internal/host is the process around it: constructor, endpoint, listener, watchdog,
//     signals and log.
//   - internal/sock moves bytes over sockets. All code about sockets that differs between
//     systems is there.
//   - internal/wire has frames and messages, without sockets and files.
//   - internal/rundir has the files and locks of a singleton, without protocol.
//   - internal/process starts a detached child.
//   - internal/start has the request and the report by which client and daemon process
//     know each other, besides the endpoint file and the wire.
//   - internal/self says whether this process is a daemon, and of which program.
//   - internal/quota bounds what one peer has outstanding.
//   - stub is the face for generated code, schema compares signatures.
//
// These are all imports between them:
//
//	rt → internal/cut, internal/daemon, internal/host, internal/inprocess, internal/process, internal/quota, internal/rt, internal/rundir, internal/self, internal/sock, internal/start, internal/usercode, internal/wire, schema, stub
//	internal/host → internal/cut, internal/daemon, internal/process, internal/rundir, internal/self, internal/sock, internal/start, internal/usercode, internal/wire, stub
//	internal/daemon → internal/cut, internal/quota, internal/sock, internal/usercode, internal/wire, stub
//	internal/self → internal/process, internal/rundir
//	internal/start → internal/cut, internal/rundir, internal/usercode, internal/wire, stub
//	stub → internal/cut, internal/rt, internal/usercode, internal/wire
//	internal/rundir → internal/cut
//	internal/usercode → internal/cut
//
// # Files, from top to bottom
//
//	doc.go, shared.go, conn.go, service.go, register.go, caller.go, status.go,
//	processlauncher.go, systemlauncher.go, locallauncher.go, control.go, replace.go,
//	attach.go, relativepath.go, followlog.go, mismatch.go, readloop.go, outcome.go,
//	connect.go, client.go, serveifdaemon.go, typesmissing.go, link.go,
//	pendingcall.go, identity.go, env.go, scope.go, config.go, command.go, errors.go
//
// # A call, in the client
//
// A call that is alone reads its own reply. Among several, one reads for all.
//
//	Conn.Call
//	  client.call
//	    link.call
//	      link.enqueue
//	      link.await
//	        link.becomeReader
//	          link.read
//	            link.readFrame
//	              link.deliver
//	    client.results
//
// # A call, in the daemon
//
// The generated function that answer calls decodes the arguments and calls Run.Begin, which
// waits for the turn. Then it calls the method and encodes its results.
//
//	daemon.serverConn.read
//	  daemon.serverConn.take
//	    daemon.serverConn.accept
//	      daemon.serverConn.newCall
//	  daemon.serverConn.begin
//	    daemon.turn.enter
//	    daemon.serverConn.answerHere
//	      daemon.serverConn.answer
//	        daemon.serverConn.reply
//	stub.Run.Begin
//	  daemon.servedCall.Turn
//	    daemon.turn.wait
//
// # A start, in the client
//
//	client.connect
//	  client.run
//	    client.reach
//	      reaching.step
//	        client.attach
//	          client.greet
//	        reaching.start
//	          client.startOrWait
//	            processLauncher.start
//	              processLauncher.spawn
//
// # A start, in the daemon
//
//	ServeIfDaemon
//	  host.Serve
//	    host.readRequest
//	    host.New
//	      daemon.Daemon.Construct
//	    host.Host.Publish
//	      host.Host.listen
//	    host.Host.Run
//	      daemon.Daemon.AcceptAll
//
// # More
//
// The wire is in PROTOCOL.md, and attempts to make calls and starts faster are in
// PERFORMANCE.md. UPGRADING.md, SECURITY.md and OPERATIONS.md are for users. The generator
// has a map in generator/doc.go; cmd/loopgen is flags, files and exit codes. The scripts in
// testdata/script show what users see. The command .ci/run is the whole check.
package rt
