package rt

import (
	"os"
	"runtime"
	"slices"
	"strings"
)

// scrubbed are the variables that a daemon does not inherit from the client that starts
// it. They describe that client's terminal, login, supervisor or build, and would be wrong
// for every other client. A name that ends in _ stands for all names that begin with it.
var scrubbed = []string{
	"LOOPGEN_MODE", "LOOPGEN_LOG",
	"OLDPWD", "PWD", "SHLVL", "_",
	"TERM", "TERM_", "COLORTERM", "COLUMNS", "LINES", "WINDOWID", "STY", "TMUX", "TMUX_",
	"SSH_CLIENT", "SSH_CONNECTION", "SSH_TTY", "XDG_SESSION_", "SUDO_",
	"INVOCATION_ID", "JOURNAL_STREAM", "NOTIFY_SOCKET", "LISTEN_", "WATCHDOG_", "MAINPID", "SYSTEMD_EXEC_PID",
	"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "GOCOVERDIR",
}

// daemonEnv returns the daemon's environment. It is env or, if env is nil, this process's
// environment without the scrubbed variables, and with the daemon's directory in PWD.
func daemonEnv(env []string) []string {
	if env != nil {
		return env
	}
	env = slices.DeleteFunc(os.Environ(), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.ContainsFunc(scrubbed, func(n string) bool { return matches(n, name) })
	})
	return append(env, "PWD=/")
}

// minimal are the variables of MinimalEnv. A name that ends in _ stands for all
// names that begin with it.
var minimal = []string{"PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_", "TZ", "TMPDIR"}

// minimalWindows are the variables of MinimalEnv on Windows, where the names of variables
// are not case-sensitive.
var minimalWindows = []string{
	"PATH", "PATHEXT", "COMSPEC", "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR",
	"USERPROFILE", "USERNAME", "USERDOMAIN", "HOMEDRIVE", "HOMEPATH",
	"APPDATA", "LOCALAPPDATA", "PROGRAMDATA", "PROGRAMFILES",
	"TEMP", "TMP", "LANG", "LC_", "TZ",
}

// MinimalEnv returns an environment for Config.Env that has no secrets of the client that
// starts the daemon. It has only those variables of this process that programs need to
// run. A daemon keeps its environment for its whole life, and serves other clients with it.
//
// The variables are PATH, HOME, USER, LOGNAME, LANG, LC_*, TZ and TMPDIR. On Windows
// they are PATH, PATHEXT, COMSPEC, SYSTEMROOT, SYSTEMDRIVE, WINDIR, USERPROFILE,
// USERNAME, USERDOMAIN, HOMEDRIVE, HOMEPATH, APPDATA, LOCALAPPDATA, PROGRAMDATA,
// PROGRAMFILES, TEMP, TMP, LANG, LC_* and TZ. Variables that this process does not have
// are left out. Append other variables that the object needs:
//
//	rt.Config{Env: append(rt.MinimalEnv(), "STORE_REGION=eu")}
//
// The result is never nil and belongs to the caller. MinimalEnv may be called
// concurrently.
func MinimalEnv() []string {
	names := minimal
	if runtime.GOOS == "windows" {
		names = minimalWindows
	}
	env := []string{}
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if runtime.GOOS == "windows" {
			name = strings.ToUpper(name)
		}
		if slices.ContainsFunc(names, func(n string) bool { return matches(n, name) }) {
			env = append(env, entry)
		}
	}
	return env
}

// matches reports whether a variable has the name n or, if n ends in _, a name that
// begins with n.
func matches(n, variable string) bool {
	return variable == n || len(n) > 1 && strings.HasSuffix(n, "_") && strings.HasPrefix(variable, n)
}
