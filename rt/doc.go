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
// supervisor or build: LOOPGEN_MODE; PWD (set to /), OLDPWD, SHLVL, _; TERM,
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
// without one, and without a daemon, clients get ErrNotRunning. README.md has units
// for systemd. The daemon writes its log to standard error.
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
// A program with more rights than the user that started it, such as a set-user-ID
// program, ignores both, and XDG_RUNTIME_DIR, XDG_SESSION_ID and LISTEN_FDS.
//
// # What was tried to make calls fast
//
// So that nobody tries it twice, on Linux, against a raw round trip between two
// processes of 32 µs (2 cores, 2026-11-28):
//
//   - The caller reads its own reply instead of a goroutine that reads for all:
//     2.5 times the raw round trip before, 1.4 after.
//   - Small reads and writes that do not tell Go's scheduler (socket_linux.go). Each
//     woke the runtime's monitor thread, which sleeps when a program is idle, as one
//     that waits for frames mostly is. 64 callers: 5.0 to 2.8 µs a call. Look for
//     nanosleep in a system call count: it is the monitor's.
//   - No timer of Go's that fires within the period of the kernel's clock, 4 ms: the
//     kernel sets and deletes one of its own for every wait in epoll. 7 µs a call.
//     A thread that sleeps in the kernel instead of a ticker, and a time.Timer that
//     each call sets and stops, were slower than the ticker.
//   - The method on the goroutine that reads, not on one of its own: 2.8 to 3.5 times
//     the raw round trip before, 2.3 to 2.5 after (2026-11-23).
//   - One write for what many callers send: by the leader before it reads (2.6 µs a
//     call with 64 callers); by each caller after runtime.Gosched, 8 % slower.
//   - One write for the replies of many calls, but at the latest 20 µs after the first
//     of them was due: 64 callers take 2.7 µs a call. With 50 µs they take 3.1, since
//     client and daemon wait for each other, with 6 µs 3.4, with 3 µs 6.
//   - Memory of calls used again: no allocation in a call of scalars, on either side.
//   - The kernel wakes a sender when the receiver has read, since Go waits for
//     writability all the time (EPOLLOUT, edge triggered). It costs a switch in every
//     call, and in the raw round trip as well. Nothing was found against it that
//     leaves the connection in Go's poller.
//   - Large frames: a byte slice that shares the frame's memory, and that memory made
//     once; 512 KiB of send buffer. Echo of 1 MiB: 6 ms, 2 ms. What is left is the
//     collector, which runs every few calls in a program whose heap is a few frames
//     (1.8 ms became 1.35 with GOGC=800), and memory: frames and values take 10 MB in
//     turn, where the raw round trip has 2, which the cache holds. A vectored
//     write has no use, since a message is encoded behind the room for its header;
//     the caller's slice itself must not be written, since he may change it when he
//     has given up the call.
//
// # What was tried to start fast
//
// On Linux, against fork and exec of the same program, 6.5 ms (2 cores, 2026-11-28). A
// start takes 8.6 ms in memory: 0.4 until the fork, 5.2 until the child calls
// ServeIfDaemon, 1.5 until it reports, 1.5 until the first answer. What is not fork and
// exec is code that runs for the first time, of which no piece stands out.
//
//   - Fork and exec without os, which starts a trial child first: 0.4 ms of the first
//     start of a process.
//   - Connections are accepted before anything else is done, the first line of the
//     log included, which looks for the time zone: 4 % of a start.
//   - The client makes the file of life.lock while the daemon boots: 3 to 5 % of a
//     start on a disk where a file takes 0.5 ms and more to make, as on ext4 after
//     many were removed; nothing in memory.
//   - An endpoint that is read at once and parsed without tables (47 to 27 µs), and a
//     start file that is read only where no daemon is found: a tenth of what it takes
//     to attach.
//   - Only failed starts recorded, not successful ones as well: a tenth of a start on
//     ext4, where a rename over an existing file waits until the new one's blocks are
//     allocated; nothing in memory.
//   - Plans of the types that interfaces may hold, made on first use: 0.3 ms of the
//     initialisation of a program with twelve such types.
//   - The endpoint's text made while the lock is taken, and signals heeded while the
//     daemon listens: a start took 2 % longer, since it is threads that cost.
//   - A handshake with nobody on both sides, while the client waits and the daemon
//     reads, to have the codec's tables made: 0 to 2 %, no more than chance.
//   - The attempt made by the goroutine of a caller that waits for it in any case,
//     net.Dialer's DialUnix instead of DialContext, signatures compared as texts
//     instead of by their hashes: no difference to attaching. It is three round trips
//     between processes whose caches were just used by others, 0.1 to 0.25 ms each.
//   - No first line in the log: 3 % of a start, too little to have a log that does not
//     say what serves.
//
// # Files of this package
//
// The data path is four functions: client.call (client.go, with link.go and
// leader.go), serverConn.read and answer (serveconn.go, with standin.go), turn
// (turn.go); pendingcall.go and servedcall.go are what a call needs on either side,
// intake.go and callcontext.go how the daemon learns that a caller gives up. The
// start path is four: client.connect (client.go, with connect.go, attach.go and
// replace.go; identity.go and lacking.go judge the endpoint), onDisk.spawn (ondisk.go, with command.go), ServeIfDaemon and serve
// (serve.go, with host.go; inithook.go serves before main). scope.go says where, system.go and service.go are the
// two sides of ScopeSystem. daemon.go admits and counts, caller.go and the peer
// files tell who calls, leave.go leaves, orphans.go counts calls without callers,
// signals.go heeds signals, control.go has Status and Shutdown, outbox.go and window.go
// keep a slow peer from holding up anybody else, memory.go bounds what arguments
// decode to, failure.go and loghandler.go call code of the program that may not return,
// holdings.go gives back what a client has acquired. The wire is in PROTOCOL.md.
package rt
