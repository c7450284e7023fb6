package rt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"time"

	"github.com/loopgen/loopgen/rt/internal/daemon"
	"github.com/loopgen/loopgen/rt/internal/usercode"
)

// Config identifies a singleton and says how to reach it. The zero value works: one
// object for the type per user and host, whose daemon exits two seconds after its last
// client.
//
// Name, Scope and the constructor's arguments identify the singleton, and must be equal
// in all its clients. The other fields may differ. Of these, IdleTTL, OrphanTimeout,
// Transport, Env, Version and Command take effect in the client that starts the daemon;
// Status shows the values in force.
type Config struct {
	// Name distinguishes the singletons of one scope, whatever their types: a client of
	// another type with the same name gets ErrIncompatible. It is any text of at most
	// 4096 bytes. Empty means the type's import path and name.
	Name string

	// Scope says which processes share the object. Empty means ScopeUser.
	Scope Scope

	// IdleTTL is how long the daemon stays without clients. 0 means 2 s, or without
	// limit for ScopeSystem. A negative value means without limit. A new daemon waits
	// at least 3 s for its first client.
	IdleTTL time.Duration

	// OrphanTimeout is how long the daemon waits for a running call whose caller is
	// gone: killed, or its Shared closed. 0 means 30 s. A negative value means without
	// limit.
	//
	// A running concurrent method prevents the idle exit for this long after its caller
	// has gone. Otherwise a Pop that waits for a job would keep the daemon forever. It
	// does not matter whether the method takes a context, which ends when the caller is
	// gone. A method that has the turn keeps the daemon until it returns, so the daemon
	// finishes work that a short-lived client has begun.
	//
	// A daemon that drains waits this long for a call that has the turn. The time
	// counts from the loss of the caller or the begin of the drain, whichever is later.
	// If only calls with expired times remain, the daemon exits as with ShutdownNow,
	// and the log names their methods.
	OrphanTimeout time.Duration

	// ConnectTimeout limits one attempt to connect to a running daemon, authentication
	// included. 0 means 2 s. It does not limit calls.
	ConnectTimeout time.Duration

	// StartTimeout limits the start of a daemon, constructor included. It also limits
	// how long a call is retried while a daemon shuts down. 0 means 10 s. If the
	// constructor does not return in time, the daemon is killed, and its log has the
	// stacks of its goroutines.
	StartTimeout time.Duration

	// CallTimeout limits calls whose context has no deadline, and calls of proxy
	// methods without a context. 0 means no limit.
	CallTimeout time.Duration

	// Transport is the kind of socket. Empty means TransportAuto.
	Transport Transport

	// Env is the daemon's environment, in the form of exec.Cmd.Env. Nil means the
	// environment of the client that starts the daemon, without the variables that the
	// package documentation lists. That environment includes secrets such as tokens and
	// SSH_AUTH_SOCK: the daemon keeps them, and serves all other clients with them.
	// MinimalEnv returns an environment without secrets.
	Env []string

	// Version is the number of the program's release, from 0 to 2147483647. It must
	// grow with each release; 0 means none. The daemon has the Version of the client
	// that started it, and Status shows it.
	Version int

	// OnMismatch says what the client does about a daemon of another release. The zero
	// value is MismatchRefuse.
	OnMismatch MismatchPolicy

	// AllowUsers and AllowGroups say which users may call an object of ScopeSystem,
	// besides the daemon's own user. AllowUsers has users by name or number.
	// AllowGroups has groups, and admits the connecting processes that are in one of
	// them. Only Serve uses these fields. For other scopes they are an error. Only the
	// daemon's own user, and root if admitted, may shut the daemon down.
	AllowUsers, AllowGroups []string

	// Command is the path and the arguments of another program to start as the daemon,
	// for clients that are short-lived, huge or restricted. Empty means this program.
	//
	// The other program calls ServeIfDaemon, unless the type was generated with loopgen
	// -hook init. It imports the package of the type, or declares the instance of a
	// generic type. This program then need do neither. The program is started with
	// exactly these arguments. It must be the program itself, not a script that starts
	// it. A path without a slash is looked up in PATH when a daemon is started, but
	// never by a set-user-ID program. A relative path is relative to the working
	// directory at the time of ShareT. With LOOPGEN_MODE=inprocess Command is not used.
	Command []string

	// OnFault is called when a proxy's call fails and its method has no error result.
	// When OnFault returns, the method returns zero values. Nil means that the method
	// panics with the *CallError. OnFault may be called concurrently.
	OnFault func(*CallError)

	// OnRestart is called when the Shared has connected to a new object, because the
	// daemon of the previous object is gone with its state. Its arguments are the two
	// incarnations. An error rejects the new object: the call fails with this error and
	// OutcomeNotSent, and the next call calls OnRestart again. A panic in OnRestart
	// rejects the object, too. OnRestart must not use the Shared. Nil means that every
	// new object is accepted.
	OnRestart func(old, new string) error

	// Logger receives what this client does besides calls, such as starting a daemon,
	// mostly at debug level. Nil means no log, except that warnings about the
	// constructor's arguments go to standard error. The daemon logs to a file of its
	// own. With LOOPGEN_MODE=inprocess it logs to Logger. The client does not wait
	// longer than a second for the handler.
	Logger *slog.Logger
}

// Transport is the kind of socket between clients and daemon.
type Transport string

const (
	// TransportAuto is a Unix socket where available, otherwise loopback TCP.
	TransportAuto Transport = "auto"
	// TransportUnix is a Unix socket. Where there is none, a start fails.
	TransportUnix Transport = "unix"
	// TransportTCP is a TCP socket on 127.0.0.1, on a port that the system chooses.
	TransportTCP Transport = "tcp"
)

// MismatchPolicy says what a client does about a daemon of another release of the
// program.
//
// MismatchReplaceIdle and MismatchReplace need Config.Version. With these a client
// replaces a daemon whose version is lower than its own, even if it could use that
// daemon. It never replaces a daemon of an equal or higher version or of another type.
// Nor does it replace a daemon within 10 s of the last replacement of a daemon of this
// name. In these cases it behaves as with MismatchRefuse. So an older client never
// replaces a newer daemon, and two versions never replace each other in turn.
type MismatchPolicy uint8

const (
	// MismatchRefuse leaves the daemon as it is. If the daemon has another
	// configuration, Connect fails. A method that the daemon does not have, or has with
	// another signature, fails alone.
	MismatchRefuse MismatchPolicy = iota
	// MismatchReplaceIdle replaces an older daemon if no client is connected and no
	// call runs.
	MismatchReplaceIdle
	// MismatchReplace replaces an older daemon: running calls finish and are
	// acknowledged, the object is closed, and a daemon of this client serves a new
	// object. Connect fails with ErrDraining if that takes longer than StartTimeout.
	MismatchReplace
	// MismatchPerBuild gives each build of the program a daemon and an object of its
	// own. A build shares only with itself. Status, Shutdown and Restart apply to its
	// own daemon.
	MismatchPerBuild
)

// replaces reports whether the policy ever replaces an older daemon.
func (p MismatchPolicy) replaces() bool { return p == MismatchReplaceIdle || p == MismatchReplace }

// ShutdownMode says what happens to running calls when a daemon shuts down.
type ShutdownMode uint8

const (
	// ShutdownDrain lets running calls finish and sends their results. It rejects calls
	// that have not begun; their clients retry them with the next daemon. The daemon
	// waits at most 5 s for the object's Close.
	ShutdownDrain ShutdownMode = iota
	// ShutdownNow cancels the contexts of running calls and waits for these calls for
	// at most a second. After they have returned it calls the object's Close, and waits
	// for Close for the rest of the second, at least 250 ms. It does not call Close
	// while a call runs. Then the process exits, even if calls or Close have not
	// returned. ShutdownNow also applies to a daemon that drains already, even one that
	// waits for Close.
	ShutdownNow
)

// withDefaults returns cfg with zero values replaced by the defaults.
func (cfg Config) withDefaults(service string) Config {
	cfg.Name = cmp.Or(cfg.Name, service)
	cfg.Scope = cmp.Or(cfg.Scope, ScopeUser)
	cfg.Transport = cmp.Or(cfg.Transport, TransportAuto)
	if cfg.Scope == ScopeSystem {
		cfg.IdleTTL = cmp.Or(cfg.IdleTTL, -1) // clients cannot start this daemon again after an idle exit
	}
	cfg.IdleTTL = cmp.Or(cfg.IdleTTL, 2*time.Second)
	cfg.OrphanTimeout = cmp.Or(cfg.OrphanTimeout, daemon.OrphanTimeout)
	cfg.ConnectTimeout = cmp.Or(cfg.ConnectTimeout, 2*time.Second)
	cfg.StartTimeout = cmp.Or(cfg.StartTimeout, 10*time.Second)
	cfg.Command = absolute(cfg.Command)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	} else {
		cfg.Logger = slog.New(logHandler{cfg.Logger.Handler()})
	}
	return cfg
}

// check returns an error for values that no daemon could serve.
func (cfg Config) check() error {
	switch cfg.Transport {
	case TransportAuto, TransportUnix, TransportTCP:
	default:
		return fmt.Errorf("unknown Config.Transport %q: use TransportAuto, TransportUnix or TransportTCP", cfg.Transport)
	}
	for _, timeout := range []struct {
		name string
		time.Duration
	}{
		{"ConnectTimeout", cfg.ConnectTimeout}, {"StartTimeout", cfg.StartTimeout}, {"CallTimeout", cfg.CallTimeout},
	} {
		if timeout.Duration < 0 {
			return fmt.Errorf("negative Config.%s, %v: give a time, or 0 for the usual one", timeout.name, timeout.Duration)
		}
	}
	if cfg.Version < 0 || cfg.Version > math.MaxInt32 {
		return fmt.Errorf("Config.Version is %d: give one from 0 to %d", cfg.Version, math.MaxInt32)
	}
	if len(cfg.Command) > 0 && cfg.Command[0] == "" {
		return errors.New("the path in Config.Command is empty: give that of a program, or no Command")
	}
	switch {
	case cfg.OnMismatch > MismatchPerBuild:
		return fmt.Errorf("unknown Config.OnMismatch %d: use MismatchRefuse, MismatchReplaceIdle, MismatchReplace or MismatchPerBuild", cfg.OnMismatch)
	case cfg.OnMismatch.replaces() && cfg.Version == 0:
		return errors.New("Config.OnMismatch replaces older daemons, and there is no Config.Version to tell them by: set it, greater with each release")
	case cfg.Scope == ScopeSystem && cfg.OnMismatch != MismatchRefuse:
		return errors.New("ScopeSystem does not go with Config.OnMismatch: leave it zero, and restart the service with the newer program")
	case cfg.Scope == ScopeSystem && len(cfg.Command) > 0:
		return errors.New("ScopeSystem does not go with Config.Command: leave it empty, and let the service manager start the program")
	case cfg.Scope != ScopeSystem && (cfg.AllowUsers != nil || cfg.AllowGroups != nil):
		return fmt.Errorf("Config.AllowUsers and AllowGroups are for ScopeSystem, and the scope is %q: leave them nil", cfg.Scope)
	case cfg.Scope == ScopeSystem && cfg.Transport == TransportTCP:
		return errors.New("ScopeSystem does not go with TransportTCP, which knows no users: use TransportAuto")
	case cfg.Scope == ScopeSystem && cfg.Env != nil:
		return errors.New("Config.Env has no effect with ScopeSystem: leave it nil, and set the service's environment where it is started (Environment= in a unit of systemd)")
	}
	return cfg.Scope.check()
}

// logHandler is the handler of Config.Logger. The handler, and the methods of the
// values that it formats, are code of the program. The client calls it with locks held
// for which other clients wait, such as spawn.lock. So each method runs on a goroutine of its
// own, and a method that does not return within a second is abandoned.
type logHandler struct{ slog.Handler }

func (h logHandler) Enabled(ctx context.Context, level slog.Level) bool {
	enabled, err := usercode.RunUntil(time.Now().Add(usercode.Limit), func() bool { return h.Handler.Enabled(ctx, level) })
	h.report(err)
	return enabled
}

func (h logHandler) Handle(ctx context.Context, r slog.Record) error {
	failed, err := usercode.RunUntil(time.Now().Add(usercode.Limit), func() error { return h.Handler.Handle(ctx, r) })
	h.report(err)
	return failed
}

func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return logHandler{h.Handler.WithAttrs(attrs)}
}

func (h logHandler) WithGroup(name string) slog.Handler {
	return logHandler{h.Handler.WithGroup(name)}
}

// report writes to standard error why a line is missing in the log.
func (h logHandler) report(err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "loopgen: the handler of Config.Logger %v\n", err)
	}
}
