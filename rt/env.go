package rt

import (
	"os"
	"runtime"
	"slices"
	"strings"
)

// scrubbed are the variables that a daemon does not take over from the client
// that happens to start it: they describe that client's terminal, login,
// supervisor or place in a build, and would be wrong for every other client.
// A name that ends in _ stands for all that begin with it.
var scrubbed = []string{
	"LOOPGEN_MODE", "LOOPGEN_LOG",
	"OLDPWD", "PWD", "SHLVL", "_",
	"TERM", "TERM_", "COLORTERM", "COLUMNS", "LINES", "WINDOWID", "STY", "TMUX", "TMUX_",
	"SSH_CLIENT", "SSH_CONNECTION", "SSH_TTY", "XDG_SESSION_", "SUDO_",
	"INVOCATION_ID", "JOURNAL_STREAM", "NOTIFY_SOCKET", "LISTEN_", "WATCHDOG_", "MAINPID", "SYSTEMD_EXEC_PID",
	"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "GOCOVERDIR",
}

// daemonEnv returns the daemon's environment: env, or if that is nil this
// process's own without what is scrubbed. PWD is the directory it runs in.
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

// minimalWindows are the variables of MinimalEnv on Windows, which does not tell
// lower from upper case in their names.
var minimalWindows = []string{
	"PATH", "PATHEXT", "COMSPEC", "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR",
	"USERPROFILE", "USERNAME", "USERDOMAIN", "HOMEDRIVE", "HOMEPATH",
	"APPDATA", "LOCALAPPDATA", "PROGRAMDATA", "PROGRAMFILES",
	"TEMP", "TMP", "LANG", "LC_", "TZ",
}

// MinimalEnv returns an environment for Config.Env that holds no secrets of the
// client that starts the daemon: the variables of this process that programs need
// to run, and nothing else. A daemon keeps its environment as long as it lives, and
// serves other clients with it.
//
// The variables are PATH, HOME, USER, LOGNAME, LANG, LC_*, TZ and TMPDIR. On Windows
// they are PATH, PATHEXT, COMSPEC, SYSTEMROOT, SYSTEMDRIVE, WINDIR, USERPROFILE,
// USERNAME, USERDOMAIN, HOMEDRIVE, HOMEPATH, APPDATA, LOCALAPPDATA, PROGRAMDATA,
// PROGRAMFILES, TEMP, TMP, LANG, LC_* and TZ. Those that this process does not have
// are left out. Append what the object needs besides:
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
