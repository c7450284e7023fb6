// Package rt shares one Go object between the processes of a user. The object lives in a
// daemon. The first client starts the daemon from its own program, and the daemon exits
// when it is idle.
//
// For a type Counter with a constructor NewCounter(start int), loopgen generates a
// function ShareCounter, a client and a proxy:
//
//	func main() {
//		rt.ServeIfDaemon() // first line of main, and of TestMain
//		shared := counter.ShareCounter(rt.Config{Name: "my-counter"}, 10)
//		defer shared.Close()
//
//		c, err := shared.Connect(ctx) // *counter.CounterClient; starts the daemon if none runs
//		n, err := c.Inc(ctx)          // every method: context first, error last
//
//		p, err := shared.Proxy(ctx) // *counter.CounterProxy: the method set of *Counter
//		n = p.Inc()
//	}
//
// # What is promised
//
// There is one object per user, host and name, or per scope and name if Config.Scope is
// set. Its methods run one at a time, in the order of arrival, unless they are marked
// readonly or concurrent. A client with more than 40 MiB of unread results is the
// exception: its calls wait until it has read them, and calls of other clients run
// meanwhile.
//
// A call is executed at most once. The client retries it only if the method has
// certainly not been executed. If the client cannot know, the call fails with
// OutcomeUnknown. Calls of methods marked idempotent are the exception: the client also
// retries them if the daemon dies during the call, until the context ends or
// StartTimeout has passed. Such a call may be executed twice.
//
// The state of the object lives as long as the daemon. The daemon exits IdleTTL after
// its last client has disconnected, and the next call gets a new object.
// Config.OnRestart reports the new object. Running calls whose callers are gone keep the
// daemon for Config.OrphanTimeout.
//
// The daemon holds a lock until its process ends, and only that lock proves that a
// daemon runs. So an old and a new object never exist at the same time, unless the
// directory or the lock's file is removed.
//
// Not promised are durability, several hosts and exactly-once execution. A method that
// ignores its context does not stop when its caller gives up. A daemon does not survive
// a service manager, container or CI job that ends all its processes.
//
// A method may treat its goroutine as its own. If it locks its thread, as
// runtime.LockOSThread describes, later calls are not affected.
//
// # Contexts
//
// The context of a call limits the call, and its deadline travels with the call. Values
// of the context do not travel. When the context ends for any reason, the client cancels
// the call and waits up to 50 ms for the daemon's answer. Without an answer the outcome
// is unknown. A call that has not begun by then never begins, even if the daemon was
// stopped and finds the call later.
//
// A method that takes a context gets one that ends with the caller's context, with the
// caller's connection, or when the daemon shuts down with ShutdownNow. loopgen
// interrupts a running method in no other way. Err of that context is
// context.DeadlineExceeded if the caller's context ended with that error, otherwise
// context.Canceled. context.Cause says whether the caller cancelled the call, the caller
// is gone (killed, or its Shared closed), or the daemon shuts down. [CallerFrom] returns
// the calling process and user.
//
// If a caller is gone, its results are dropped, and its calls that have not begun are
// never executed.
//
// # Sessions
//
// A method may acquire something that outlives its call, as Lock does. If the author has
// given the method a session, the daemon releases the acquisitions of a connection when
// the connection ends: when the process dies, and when its Shared is closed. After a
// call that returned an error of any kind, the client holds nothing. After a success it
// holds the acquisition until it releases it. If the daemon exits, all acquisitions are
// lost. A call that would release something that its connection does not hold is not
// executed.
//
// # Errors
//
// The client returns a method's own error as it is. These errors keep their identity
// through wrapping and errors.Join: exported error types, and the sentinels of the
// package, of promoted methods' packages and of io, context, io/fs, os and net. An error
// that cannot be rebuilt becomes a [*RemoteError]. So does an error with a method that
// panics, calls runtime.Goexit or takes more than a second; if that method is Error, the
// message says so. None of these prevents the reply.
//
// Every other error is an [Error]: a [*CallError] with an [Outcome], or a [*StartError]
// with a stage. ERRORS.md, beside this file, lists every text with its cause and remedy.
//
// An error travels the same way as a parameter, in a struct or a slice, and wherever
// else it is a value.
//
// # Interfaces
//
// A parameter or result of type any, or of another interface that loopgen accepts, keeps
// its dynamic type: int stays int. The interface may hold the basic types, time.Time,
// time.Duration, the types that loopgen saw, those made known by [RegisterType], and
// pointers, slices, arrays and maps of all these. A value in an interface is a copy,
// even if it is a pointer. Any other type fails the call with [ErrEncode]. A result that
// this program cannot decode would be lost. [RegisterType] says for which calls the
// client prevents that, and for which it cannot.
//
// # What runs in the daemon
//
// The daemon is this program, started again, or the program that Config.Command names.
// Package initialisation runs in it, and main up to ServeIfDaemon. A package generated
// with loopgen -hook init needs no ServeIfDaemon in main: its daemon serves in the init
// function of the generated file. Neither main nor packages that are initialised later
// run in that daemon. The manual of the command loopgen lists the restrictions.
//
// When the daemon shuts down, it calls the object's Close method, if there is one. It
// waits for Close up to 5 s, or about a second with ShutdownNow.
//
// Signals have these effects on a daemon that serves:
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
// ignored or blocked them, as nohup does. While the constructor runs, they have the
// effects of any Go program. A method or package that calls signal.Notify gets the
// signals as well.
//
// The clients that wait for a daemon share a failure of its constructor: an error, a
// panic, or an exit of the process. If a signal ends the daemon before it serves, such
// as SIGKILL when memory is short, the constructor may be correct: the client that
// started the daemon starts another one, once. The waiting clients share that failure
// only if a signal ends the second daemon, too. A client that comes later starts a
// daemon itself.
//
// The daemon's environment is Config.Env. If that is nil, it is the environment of the
// client that started the daemon, without the variables of that client's terminal,
// login, supervisor and build: LOOPGEN_MODE, LOOPGEN_LOG; PWD (set to /), OLDPWD, SHLVL,
// _; TERM, TERM_*, COLORTERM, COLUMNS, LINES, WINDOWID, STY, TMUX, TMUX_*; SSH_CLIENT,
// SSH_CONNECTION, SSH_TTY, XDG_SESSION_*, SUDO_*; INVOCATION_ID, JOURNAL_STREAM,
// NOTIFY_SOCKET, LISTEN_*, WATCHDOG_*, MAINPID, SYSTEMD_EXEC_PID; MAKEFLAGS, MAKELEVEL,
// MFLAGS, GOCOVERDIR. All other variables stay, secrets included: a token or the
// SSH_AUTH_SOCK of the first client is in the daemon of all clients, and in every
// program that the object runs. With [MinimalEnv] as Config.Env it is not.
//
// OPERATIONS.md describes the rest of the daemon's process: its directory, umask, files,
// priority and limits, its log, and which of its files may be removed.
//
// # Releases of a program
//
// A daemon remains the release from which it was started. Clients of another release
// share it as far as the two agree. With another constructor or other arguments Connect
// fails with ErrConfigMismatch. A method that was added or changed fails alone, with
// ErrIncompatible. No value is ever decoded as another type. With Config.Version, newer
// releases can replace the daemon of older ones: see [MismatchPolicy]. UPGRADING.md
// lists the effects of each kind of change.
//
// # Scopes
//
// A [Scope] says which processes share: all of a user ([ScopeUser], the default), those
// of one login ([ScopeSession]), those that work in one source tree ([ScopeProject]),
// those that name one directory ([ScopeDir]), or those of several users ([ScopeSystem]).
// Each Shared determines its base directory once, when it first connects. If it cannot,
// as in a process without a session or project, Connect fails with a [*StartError] at
// StageDirectory. It never uses another scope instead. OPERATIONS.md lists the
// directories.
//
// With ScopeSystem clients start nothing. The service manager runs a program that calls
// Serve, as a user of its own, and the daemon admits the users in Config.AllowUsers and
// Config.AllowGroups. Connect fails with ErrNotAllowed for other users. It fails with
// ErrNotRunning if no daemon runs and the service manager does not listen on the socket.
// A method that needs to know its caller calls [CallerFrom]. OPERATIONS.md has such a
// program and units for systemd.
//
// # Environment variables
//
// OPERATIONS.md describes these variables:
//
//	LOOPGEN_DIR              an absolute path: the base directory of all scopes but ScopeDir
//	LOOPGEN_MODE=inprocess   keep the object in this process, and start no daemon
//	LOOPGEN_DEV=1            replace the daemon of an older build of this program
//	LOOPGEN_LOG=stderr       copy the daemon's log to standard error
//
// With LOOPGEN_MODE=inprocess calls still use the codec, the limits and the turn. The
// coverage of a test binary then includes the object's methods. Two things differ. A
// method that calls its own proxy waits forever, where a daemon would return
// ErrReentrant. A method that ignores ShutdownNow continues beside the next object.
//
// SECURITY.md says which programs ignore them.
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
// Each package may touch some things only. Package rt is the public API and the client.
//
//   - internal/daemon has the object: connections, the queue, running calls, drain and
//     status. It knows no files and no processes.
//   - internal/host is the process around it: constructor, endpoint, listener, watchdog,
//     signals and log.
//   - internal/control reaches a daemon by its endpoint, and asks for its status or its
//     exit. It makes no calls.
//   - internal/sock moves bytes over sockets. All code about sockets that differs between
//     systems is there.
//   - internal/wire has frames and messages, without sockets and files.
//   - internal/value encodes and decodes Go values. It touches nothing.
//   - internal/rundir has the files and locks of a singleton, without protocol.
//   - internal/process starts a detached child.
//   - internal/start has the request and the report by which client and daemon process
//     know each other, besides the endpoint file and the wire.
//   - internal/self says whether this process is a daemon, and of which program.
//   - internal/stats counts calls by method. It touches neither files nor connections.
//   - internal/quota bounds what one peer has outstanding.
//   - stub is the API for generated code. Through stub.Part a capability that the daemon's
//     core does not have comes in.
//   - schema spells, parses and compares types. The generator uses it too.
//   - profile makes profiles of the daemon's process. Only programs that import it link it:
//     internal/daemon has the seam. No package here imports it.
//   - inspect finds daemons, asks for their state and calls their methods, without the type
//     that they serve. No package here imports it.
//   - inspect/internal/jsonvalue translates JSON into the CBOR of a type, and back, by the
//     text of the type. It touches nothing.
//
// These are all imports between them:
//
//	rt → internal/control, internal/cut, internal/daemon, internal/host, internal/inprocess, internal/process, internal/quota, internal/rt, internal/rundir, internal/self, internal/sock, internal/start, internal/usercode, internal/value, internal/wire, schema, stub
//	internal/host → internal/cut, internal/daemon, internal/process, internal/rundir, internal/self, internal/sock, internal/start, internal/stats, internal/usercode, internal/value, internal/wire, stub
//	internal/daemon → internal/cut, internal/quota, internal/sock, internal/stats, internal/usercode, internal/value, internal/wire, stub
//	internal/control → internal/rundir, internal/sock, internal/wire
//	internal/self → internal/process, internal/rundir
//	internal/start → internal/cut, internal/rundir, internal/usercode, internal/value, internal/wire, stub
//	profile → internal/daemon, internal/wire, stub
//	inspect → inspect/internal/jsonvalue, internal/control, internal/process, internal/rundir, internal/sock, internal/stats, internal/wire, schema
//	inspect/internal/jsonvalue → internal/wire, schema
//	internal/value → internal/cut, internal/rt, internal/usercode, internal/wire, schema
//	stub → internal/cut, internal/value, internal/wire, schema
//	internal/rundir → internal/cut
//	internal/stats → internal/wire
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
//	stub.Call
//	  conn.Begin
//	    client.begin
//	  pendingCall.Send
//	    link.call
//	      link.enqueue
//	      link.await
//	        link.becomeReader
//	          link.read
//	            link.readFrame
//	              link.deliver
//	  pendingCall.End
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
//	    daemon.serverConn.answerInline
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
// has a map in generator/doc.go; cmd/loopgen is flags, files and exit codes, and cmd/loopctl
// prints what package inspect finds. The scripts in testdata/script and
// cmd/loopctl/testdata show what users see. The command .ci/run is the whole check.
package rt
