package rt

import (
	"os"
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
