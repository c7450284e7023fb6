//go:build unix

package rt_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
)

// Variables of the client's environment that are not documented do not reach a daemon
// with MinimalEnv.
func TestMinimalEnvKeepsSecretsOutOfTheDaemon(t *testing.T) {
	kept := []string{
		"HOME=" + t.TempDir(), "LANG=C.UTF-8", "LC_TIME=C", "LOGNAME=ada", "PATH=/usr/bin:/bin", "TMPDIR=" + t.TempDir(), "TZ=UTC", "USER=ada",
	}
	secret := []string{"API_TOKEN=t", "SSH_AUTH_SOCK=/tmp/agent", "PATHS=p", "LC=c", "LOOPGEN_SETTING=s", "HOME_TOKEN=h", "_LC_X=x"}
	for _, entry := range append(slices.Clone(kept), secret...) {
		name, value, _ := strings.Cut(entry, "=")
		t.Setenv(name, value)
	}
	for _, absent := range []string{"LC_ALL", "LC_CTYPE", "LC_MESSAGES"} {
		unset(t, absent)
	}
	got := rt.MinimalEnv()
	slices.Sort(got)
	if !slices.Equal(got, kept) {
		t.Errorf("MinimalEnv\ngot  %q\nwant %q", got, kept)
	}
	a := singleton{Dir: rttest.Dir(t), Name: "c"}
	s, err := connect(t, a, func(c *rt.Config) { c.Env = rt.MinimalEnv() }).Environment(t.Context())
	slices.Sort(s.Env)
	if err != nil || !slices.Equal(s.Env, kept) {
		t.Errorf("the daemon's environment: %v\ngot  %q\nwant %q", err, s.Env, kept)
	}
}

// An empty Config.Env means no variables, a nil one those of the client.
func TestMinimalEnvIsNeverNil(t *testing.T) {
	for _, name := range []string{"PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "LC_MESSAGES", "TZ", "TMPDIR"} {
		unset(t, name)
	}
	if got := rt.MinimalEnv(); got == nil || len(got) > 0 {
		t.Errorf("MinimalEnv without such variables: got %#v, want []string{}", got)
	}
}

// unset removes a variable for the rest of the test.
func unset(t *testing.T, name string) {
	t.Helper()
	t.Setenv(name, "") // restores the old value afterwards
	if err := os.Unsetenv(name); err != nil {
		t.Fatal(err)
	}
}
