package rt_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"os/user"
	"strings"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
)

// unhurried is a StartTimeout that no test lasts: an error that comes earlier is no
// timeout.
const unhurried = time.Minute

// answers runs cmd and returns what each of its clients said, one line for each.
func answers(t *testing.T, cmd *exec.Cmd) (said []string) {
	t.Helper()
	began := time.Now()
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if took := time.Since(began); took > unhurried/2 {
		t.Errorf("the clients took %v", took)
	}
	for line := range strings.Lines(string(out)) {
		var text string
		if json.Unmarshal([]byte(line), &text) != nil {
			text = strings.TrimSpace(line)
		}
		said = append(said, text)
	}
	return said
}

// A directory that is mounted in two places, of which each process sees one, has
// one daemon for both.
func TestDirectoryUnderTwoPaths(t *testing.T) {
	t.Parallel()
	for name, long := range map[string]string{"short": "", "long": "/" + strings.Repeat("d", 100)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := singleton{Dir: rttest.Dir(t), Name: "c", IdleTTL: time.Minute, Timeout: unhurried, Transport: rt.TransportUnix}
			inside := a
			inside.Dir = rttest.Dir(t) + long
			if err := os.MkdirAll(inside.Dir, 0o700); err != nil {
				t.Fatal(err)
			}
			// Inside, the other path leads to an empty directory.
			client := func(role string) string {
				t.Helper()
				cmd := mounted(t, `mount --bind "$outside" "$inside"; mount -t tmpfs -o mode=0700 none "$outside"; exec "$0"`, role, inside, withN(1))
				cmd.Env = append(cmd.Env, "outside="+a.Dir, "inside="+inside.Dir)
				return strings.Join(answers(t, cmd), "\n")
			}
			c := connect(t, a)
			if n, err := c.Inc(t.Context()); n != 1 || err != nil {
				t.Fatalf("outside: %d, %v", n, err)
			}
			if got := client("increment"); got != "[2]" {
				t.Errorf("inside, with a daemon outside: %s, want [2]", got)
			}
			if got := client("shut down"); got != "" {
				t.Errorf("inside, Shutdown: %s", got)
			}
			if long != "" { // too long for a daemon's socket
				return
			}
			if got := client("increment"); got != "[1]" {
				t.Errorf("inside, without a daemon: %s, want [1]", got)
			}
			if n, err := connect(t, a).Inc(t.Context()); n != 2 || err != nil {
				t.Errorf("outside, with a daemon inside: %d, %v; want 2", n, err)
			}
			if e := a.endpoint(t); !strings.HasPrefix(e.Address, inside.Dir) {
				t.Errorf("the daemon listens on %s, want a path in %s", e.Address, inside.Dir)
			}
		})
	}
}

// A client that has another /run than the daemon learns at once that it does not see
// the daemon's socket.
func TestSocketOutOfSight(t *testing.T) {
	t.Parallel()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	for name, script := range map[string]string{
		"started outside": `client; within "client; status"; down`,
		"started within":  `within 'client; touch ready; until test -e done; do sleep 0.01; done; down' & until test -e ready; do sleep 0.01; done; client; status; touch done; wait`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const library = `
client() { "$program"; }
status() { ` + roleVar + `="environment" "$program"; }
down() { ` + roleVar + `="shut down" "$program"; }
fresh() { mount -t tmpfs -o mode=0755 none /run; mkdir /run/user; mkdir -m 0700 "/run/user/$uid"; }
within() { unshare --mount --propagation private /bin/sh -euc "$library fresh; $1" "$program"; }
`
			a := singleton{Name: "c", IdleTTL: time.Minute, Timeout: unhurried}
			cmd := mounted(t, `mount -t tmpfs -o mode=0700 none "$home"; cd "$home"; `+library+`fresh; `+script, "connect", a)
			cmd.Env = append(cmd.Env, "LOOPGEN_DIR=", "XDG_RUNTIME_DIR=", "home="+me.HomeDir, "uid="+me.Uid, "library="+library, "program="+os.Args[0])
			said := answers(t, cmd)
			if len(said) != 4 || said[0] != "<nil>" || said[3] != "" {
				t.Fatalf("the clients said %q", said)
			}
			for _, text := range said[1:3] {
				for _, want := range []string{rt.ErrUnreachable.Error(), "listens on /run/user/" + me.Uid + "/loopgen/", "no such file or directory", "LOOPGEN_DIR"} {
					if !strings.Contains(text, want) {
						t.Errorf("a client said %q, want %q in it", text, want)
					}
				}
			}
		})
	}
}

// A port belongs to a network namespace. A client in another one learns at once
// which two there are.
func TestPortInAnotherNetworkNamespace(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{"no network": "", "loopback": "ip link set lo up; "} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			needsRoot(t)
			needsTool(t, "unshare")
			if script != "" {
				needsTool(t, "ip")
			}
			a := singleton{Dir: rttest.Dir(t), Name: "c", IdleTTL: time.Minute, Timeout: unhurried, Transport: rt.TransportTCP}
			client := func(role string) string {
				t.Helper()
				cmd := exec.Command("unshare", "--net", "/bin/sh", "-euc", script+`exec "$0"`, os.Args[0])
				cmd.Env = command(t, role, a).Env
				return strings.Join(answers(t, cmd), "\n")
			}
			connect(t, a)
			e := a.endpoint(t)
			for _, role := range []string{"connect", "environment"} {
				said := client(role)
				for _, want := range []string{rt.ErrUnreachable.Error(), e.Address + " in the network namespace " + e.Net + ", this process is in ", "TransportUnix"} {
					if !strings.Contains(said, want) {
						t.Errorf("a client said %q, want %q in it", said, want)
					}
				}
			}
			if script == "" {
				return // a daemon that started there would have no clients
			}
			a.kill(t)
			if said := client("connect"); said != "<nil>" {
				t.Fatalf("without a daemon, a client said %q", said)
			}
			_, err := share(t, a).Connect(t.Context())
			var start *rt.StartError
			if !errors.Is(err, rt.ErrUnreachable) || !errors.As(err, &start) || start.Stage != rt.StageConnect {
				t.Errorf("with a daemon in another namespace: %v", err)
			}
		})
	}
}
