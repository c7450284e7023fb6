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

// Config says which singleton is meant and how to reach it. The zero value
// works: one object per user and host for the type, leaving two seconds after
// its last client.
//
// Name, Scope and the constructor's arguments identify the singleton and must
// agree between its clients. The other fields are this client's own wishes;
// IdleTTL, OrphanTimeout, Transport, Env, Version and Command take effect in the client that
// starts the daemon, and Status shows what is in force.
type Config struct {
	// Name tells singletons of one scope apart, whatever their types: a client of
	// another type under the same name gets ErrIncompatible. Any text up to 4096 bytes;
	// empty means the type's import path and name.
	Name string

	// Scope says who shares it. Empty means ScopeUser.
	Scope Scope

	// IdleTTL is how long the daemon stays without clients. 0 means 2 s, or for
	// ever with ScopeSystem; negative means for ever. A daemon that was just started waits at least
	// 3 s for its first client.
	IdleTTL time.Duration

	// OrphanTimeout is how long the daemon waits for a running call whose caller is
	// gone: killed, or its Shared closed. 0 means 30 s, negative without bound.
	//
	// A concurrent method keeps the daemon from leaving as idle that long after its
	// caller has gone, and no longer: a Pop that waits for a job would keep it for
	// ever. It does not matter whether the method takes a context, which ends when the
	// caller is gone. A method in its turn keeps the daemon until it returns, so that
	// work that a short-lived client began is finished.
	//
	// A daemon that drains waits that long for a call in its turn, counted from the
	// loss of the caller or the begin of the drain, whichever is later. When only
	// calls are left for which it waits no more, it leaves as with ShutdownNow, and
	// the log names the methods.
	OrphanTimeout time.Duration

	// ConnectTimeout bounds one attempt to connect to a running daemon and to
	// authenticate. 0 means 2 s. It has no bearing on how long calls take.
	ConnectTimeout time.Duration

	// StartTimeout bounds the start of a daemon, constructor included, and how
	// long a call is tried again while a daemon leaves. 0 means 10 s. A daemon whose
	// constructor does not return in time is killed; its log then has the stacks of
	// its goroutines.
	StartTimeout time.Duration

	// CallTimeout bounds calls whose context has no deadline, those of the
	// proxy without a context included. 0 means no bound.
	CallTimeout time.Duration

	// Transport is the kind of socket. Empty means TransportAuto.
	Transport Transport

	// Env is the daemon's environment, as in exec.Cmd. Nil means the
	// environment of the client that starts it less the variables that
	// describe that client's terminal, session and supervisor: see the package
	// documentation. That environment includes secrets, such as tokens and
	// SSH_AUTH_SOCK: the daemon keeps them and serves all other clients with them.
	// MinimalEnv returns an environment without secrets.
	Env []string

	// Version says which release of the program this is: greater for a later
	// one, 0 for none. The daemon has that of the client that started it, and
	// Status shows it.
	Version int

	// OnMismatch says what becomes of a daemon of another release. The zero
	// value is MismatchRefuse.
	OnMismatch MismatchPolicy

	// AllowUsers and AllowGroups say who may call an object of ScopeSystem besides
	// the user that the daemon runs as: users by name or number, and the members
	// of groups, by the groups of the process that connects. Serve looks at them;
	// elsewhere they are an error. Only the daemon's own user, and root if admitted,
	// may make it leave.
	AllowUsers, AllowGroups []string

	// Command is the path and the arguments of a program to start as the daemon,
	// instead of this one: for clients that are short-lived, huge or restricted. It
	// calls ServeIfDaemon, which a type generated with loopgen -hook init does not
	// need, and imports the package of the type, or declares the instance of a generic
	// one; then this program need do neither. It is started with just these arguments,
	// and must be the program itself, not a script that starts it. A name without a slash is looked up in PATH when a daemon is
	// started, but never by a set-user-ID program; a relative path counts from the working directory at the time of
	// ShareT. Empty means this program. With LOOPGEN_MODE=inprocess it is not used.
	Command []string

	// OnFault is what a proxy does when a call fails and the method has no
	// error result to say so. Nil means panic with the *CallError. When the
	// function returns, the method returns zero values: by your own choice.
	OnFault func(*CallError)

	// OnRestart is asked when the object is a fresh one: the daemon that this
	// Shared was connected to is gone, and its state with it. An error refuses
	// the new object: the call fails with it, not sent, and the next call asks
	// again. A panic in it refuses the object, too. It is called with the two
	// incarnations and must not use the Shared. Nil means accept.
	OnRestart func(old, new string) error

	// Logger gets what this client does besides calling, such as starting a
	// daemon, mostly at debug level. Nil means nothing, but for warnings about the
	// constructor's arguments, which then go to standard error. The daemon logs to a file
	// of its own; with LOOPGEN_MODE=inprocess it logs here. A handler that does
	// not return within a second is not waited for.
	Logger *slog.Logger
}

// Transport is the kind of socket between clients and daemon.
type Transport string

const (
	// TransportAuto is a Unix socket where it can be had, else loopback TCP.
	TransportAuto Transport = "auto"
	// TransportUnix is a Unix socket or an error.
	TransportUnix Transport = "unix"
	// TransportTCP is a TCP socket on 127.0.0.1, on a port the system chooses.
	TransportTCP Transport = "tcp"
)

// MismatchPolicy says what a client does about a daemon that is not of its own
// release of the program.
//
// With MismatchReplaceIdle and MismatchReplace, which need Config.Version, a client
// replaces a daemon whose version is lower than its own, even if it could use it.
// It never replaces one of an equal or higher version, nor one that serves another
// type, nor any within 10 s of the last time that one was replaced here: it does
// then as with MismatchRefuse, so that an older client never replaces a newer
// daemon, and two versions never take turns.
type MismatchPolicy uint8

const (
	// MismatchRefuse leaves the daemon as it is. Connect fails if it has another
	// configuration; methods that it does not have, or has with another signature,
	// fail alone.
	MismatchRefuse MismatchPolicy = iota
	// MismatchReplaceIdle replaces an older daemon if no client is connected and
	// no call runs.
	MismatchReplaceIdle
	// MismatchReplace replaces an older daemon: calls that run are finished and
	// acknowledged, the object is closed, and a daemon of this client's serves
	// instead, with a fresh object. Connect fails with ErrDraining if that takes
	// longer than StartTimeout.
	MismatchReplace
	// MismatchPerBuild gives each build of the program a daemon and an object of
	// its own: a build shares with itself only. Status, Shutdown and Restart mean
	// that daemon.
	MismatchPerBuild
)

// replaces reports whether older daemons are ever replaced.
func (p MismatchPolicy) replaces() bool { return p == MismatchReplaceIdle || p == MismatchReplace }

// ShutdownMode says what happens to running calls.
type ShutdownMode uint8

const (
	// ShutdownDrain lets running calls finish and their callers have the
	// result; calls that have not begun are refused, and tried again by their
	// clients with the next daemon. The object's Close has 5 s.
	ShutdownDrain ShutdownMode = iota
	// ShutdownNow cancels the contexts of running calls, gives them until a second
	// has passed, and calls the object's Close when they have ended. Close has the
	// rest of the second, at least 250 ms. Then the process exits, whether they have
	// returned or not; Close is not called while a call runs. It hurries a daemon that
	// drains already, even one in Close.
	ShutdownNow
)

// withDefaults returns cfg with every zero value replaced by what it means.
func (cfg Config) withDefaults(service string) Config {
	cfg.Name = cmp.Or(cfg.Name, service)
	cfg.Scope = cmp.Or(cfg.Scope, ScopeUser)
	cfg.Transport = cmp.Or(cfg.Transport, TransportAuto)
	if cfg.Scope == ScopeSystem {
		cfg.IdleTTL = cmp.Or(cfg.IdleTTL, -1) // a daemon that has left is not started by who needs it
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

// check says what no daemon could make right.
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

// logHandler is the handler of a Config.Logger, which is code of the program, as
// are the methods of the values that it formats. It is called with locks held that
// others wait for, such as spawn.lock, so each of its methods runs on a goroutine
// of its own. One that does not return within a second is left to itself.
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

// report says on standard error why a line is not in the log.
func (h logHandler) report(err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "loopgen: the handler of Config.Logger %v\n", err)
	}
}
