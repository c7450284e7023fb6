package rt_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/process"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/testdata/objects"
)

func init() {
	// Does what each line of its input says, and says the result.
	addRole("obey", func(ctx context.Context, shared *counterShared, a args) (any, error) {
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			word, argument, _ := strings.Cut(lines.Text(), " ")
			c, err := shared.Connect(ctx)
			if err != nil {
				return nil, err
			}
			var said any
			switch word {
			case "connect":
				said = "connected"
			case "inc":
				said, err = c.Inc(ctx)
			case "enter":
				said, err = c.Enter(ctx, argument)
			case "misbehave":
				_, err = c.Misbehave(ctx, argument)
				said = err != nil
				err = nil
			case "again": // with a Shared of its own
				another := objects.ShareCounter(a.config(), a.Options)
				_, err = another.Connect(ctx)
				another.Close()
				said = "connected"
			case "environment":
				s, serr := c.Environment(ctx)
				said, err = strings.Join(s.Env, " "), serr
			}
			if err != nil {
				return nil, err
			}
			fmt.Println(said)
		}
		return nil, nil
	})
}

// tell makes a client do something, and checks what it says.
func (c *client) tell(t *testing.T, command, want string) {
	t.Helper()
	c.begin(t, command)
	c.says(t, want)
}

// begin makes a client do something.
func (c *client) begin(t *testing.T, command string) {
	t.Helper()
	if _, err := fmt.Fprintln(c.stdin, command); err != nil {
		t.Fatal(err)
	}
}

// A build is a copy of this program with a build ID and a time of its own, at a path
// such as the go command chooses, or at another one.
type build struct {
	id  byte
	age time.Duration
	dir string // below a temporary directory
}

const (
	goRun     = "go-build1/b001/exe"
	installed = "bin"
)

// make returns the path of the build. edit changes the file's content.
func (b build) make(t *testing.T, edit ...func([]byte) []byte) string {
	t.Helper()
	own, err := process.OwnProgram()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Repeat([]byte{b.id}, len(own.Content))
	for i, c := range own.Content {
		if c == '/' {
			changed[i] = '/'
		}
	}
	data = bytes.ReplaceAll(data, []byte(own.Content), changed)
	for _, e := range edit {
		data = e(data)
	}
	source := filepath.Join(t.TempDir(), "source")
	if err := os.WriteFile(source, data, 0o600); err != nil {
		t.Fatal(err)
	}
	path := written(t, filepath.Join(b.dir, "app"), `mkdir -p "$(dirname "$0")" && cp "$1" "$0"`, source)
	os.Remove(source)
	modified := time.Now().Add(-b.age)
	if err := os.Chtimes(path, modified, modified); err != nil {
		t.Fatal(err)
	}
	return path
}

// builtClient is a client program of a singleton: a build, and the file of its standard
// error.
type builtClient struct {
	singleton
	program, stderr string
}

// by returns the client program at that path; an empty one is this program.
func (a singleton) by(t *testing.T, program string) builtClient {
	t.Helper()
	return builtClient{a, program, filepath.Join(t.TempDir(), "stderr")}
}

// start starts a process of the program.
func (b builtClient) start(t *testing.T, role string, options ...option) *client {
	t.Helper()
	return start(t, role, b.singleton, append(options, withProgram(b.program), withStderr(b.stderr))...)
}

// complaints returns the lines of the program's standard error.
func (b builtClient) complaints(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(b.stderr)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")[:bytes.Count(text, []byte("\n"))]
}

// complained checks the lines of the program's standard error.
func (b builtClient) complained(t *testing.T, want ...string) {
	t.Helper()
	got := b.complaints(t)
	if len(got) != len(want) {
		t.Errorf("standard error is %q, want %q", got, want)
		return
	}
	for i := range got {
		if !regexp.MustCompile("^" + want[i] + "$").MatchString(got[i]) {
			t.Errorf("standard error is %q, want %q", got, want)
		}
	}
}

const dev = "LOOPGEN_DEV=1"

// With LOOPGEN_DEV=1 the newer of two builds replaces the daemon of the older one when
// it first connects. While both run they share, and neither replaces a daemon again.
func TestTwoBuildsReplaceOnce(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c", IdleTTL: -1}.witnessed()
	older := a.by(t, build{'o', time.Hour, goRun}.make(t))
	newer := a.by(t, build{'n', time.Minute, goRun}.make(t))
	first := older.start(t, "obey", withEnv(dev))
	first.tell(t, "inc", "1")
	second := newer.start(t, "obey", withEnv(dev))
	second.tell(t, "inc", "1")
	first.tell(t, "inc", "2")
	second.tell(t, "inc", "3")
	if births := a.births(t); births != 2 {
		t.Errorf("%d objects were made, want 2: one daemon is replaced", births)
	}
	// The older build starts the next daemon, and the newer one reconnects.
	if err := share(t, a).Shutdown(t.Context(), rt.ShutdownDrain); err != nil {
		t.Fatal(err)
	}
	first.tell(t, "inc", "1")
	second.tell(t, "inc", "2")
	second.tell(t, "again", "connected")
	second.tell(t, "inc", "3")
	if births := a.births(t); births != 3 {
		t.Errorf("%d objects were made, want 3: a client that reconnects replaces none", births)
	}
	// Another process of the newer build connects for the first time.
	newer.start(t, "obey", withEnv(dev)).tell(t, "inc", "1")
	first.tell(t, "inc", "2")
	older.complained(t, `loopgen: the daemon of "c" \(pid \d+\) runs a newer build of this program; build and start the program again, or end process \d+`)
	newer.complained(t, `loopgen: the daemon of "c" \(pid \d+\) runs an older build of this program; start the program again to replace it, which a process does only when it first connects, or end process \d+`)
}

// Calls that run are finished before the daemon of an earlier build leaves. Neither
// versions nor the time since the last replacement matter.
func TestRebuiltReplacementFinishesCalls(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c", IdleTTL: -1}.witnessed()
	older := a.by(t, build{'o', time.Hour, goRun}.make(t))
	newer := a.by(t, build{'n', time.Minute, goRun}.make(t))
	newest := a.by(t, build{'z', time.Second, goRun}.make(t))
	older.Version = 7
	caller := older.start(t, "obey")
	caller.tell(t, "connect", "connected")
	gate := filepath.Join(t.TempDir(), "gate")
	if err := syscall.Mkfifo(gate, 0o600); err != nil {
		t.Fatal(err)
	}
	caller.begin(t, "enter "+gate)
	opening := make(chan error, 1)
	log := a.endpoint(t).Log
	replacer := newer.start(t, "obey", withEnv(dev))
	replacer.begin(t, "inc")
	eventually(t, "it is leaving", func() bool { return fileContains(log, `msg="shutting down"`) })
	go func() { opening <- os.WriteFile(gate, nil, 0) }()
	caller.says(t, "1")
	if err := <-opening; err != nil {
		t.Error(err)
	}
	replacer.says(t, "1")
	newest.start(t, "obey", withEnv(dev)).tell(t, "inc", "1")
	if births := a.births(t); births != 3 {
		t.Errorf("%d objects were made, want 3", births)
	}
	newer.complained(t)
	newest.complained(t)
}

// Many processes of one build, each at a path of its own as with go run, share and say
// nothing, with LOOPGEN_DEV=1 or without.
func TestOneBuildAtManyPaths(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c", IdleTTL: -1}.witnessed()
	var all sync.WaitGroup
	var clients []builtClient
	for i := range 4 {
		told := a.by(t, build{'s', time.Duration(4-i) * time.Minute, goRun}.make(t))
		clients = append(clients, told)
		c := told.start(t, "obey", withEnv("LOOPGEN_DEV="+[]string{"", "1"}[i%2]))
		c.begin(t, "connect")
		all.Go(func() { c.stdout.ReadString('\n') })
	}
	all.Wait()
	if births := a.births(t); births != 1 {
		t.Errorf("%d objects were made, want 1", births)
	}
	for _, told := range clients {
		told.complained(t)
	}
}

// A client that go run built says once that the daemon is of another build, even if
// the daemon runs an installed program. An installed client says nothing, nor does one
// of another main package.
func TestAnotherBuildIsAnnounced(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c", IdleTTL: -1}
	older := a.by(t, build{'o', time.Hour, installed}.make(t))
	running := older.start(t, "obey")
	running.tell(t, "inc", "1")
	first := a.endpoint(t)
	eventually(t, "the daemon describes its program", func() bool { return a.endpoint(t).Program.Main != "" })
	quiet := []builtClient{
		a.by(t, build{'n', time.Minute, installed}.make(t)),
		a.by(t, build{'n', time.Minute, goRun}.make(t, func(data []byte) []byte {
			return bytes.ReplaceAll(data, []byte("path\tgithub.com/loopgen/loopgen/rt.test\n"), []byte("path\tgithub.com/loopgen/loopgen/rt.tost\n"))
		})),
	}
	for i, told := range quiet {
		told.start(t, "obey").tell(t, "inc", fmt.Sprint(i+2))
		told.complained(t)
	}
	newer := a.by(t, build{'n', time.Minute, goRun}.make(t))
	c := newer.start(t, "obey")
	c.tell(t, "inc", "4")
	c.tell(t, "again", "connected")
	c.tell(t, "inc", "5")
	newer.complained(t, fmt.Sprintf(`loopgen: the daemon of "c" \(pid %d\) runs an older build of this program; set LOOPGEN_DEV=1 and start the program again to replace it, or end process %[1]d`, first.PID))
	// It asks for the replacement wherever it is.
	quiet[0].start(t, "obey", withEnv(dev)).tell(t, "inc", "1")
	quiet[0].complained(t)
	older.complained(t)
}

func TestDevelopmentVariablesAreChecked(t *testing.T) {
	for name, want := range map[string]string{
		"LOOPGEN_DEV": `LOOPGEN_DEV is "yes": unset it, or set it to 1`,
		"LOOPGEN_LOG": `LOOPGEN_LOG is "yes": unset it, or set it to stderr`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, "yes")
			err := share(t, singleton{Dir: rttest.Dir(t), Name: "c"}).EnsureStarted(t.Context())
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
}
