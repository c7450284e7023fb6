package foreign

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
)

// What makes this process a client: the subject, and where its daemon is.
const (
	subjectVariable = "FOREIGN_TEST_SUBJECT"
	dirVariable     = "FOREIGN_TEST_DIR"
)

func TestMain(m *testing.M) {
	rt.ServeIfDaemon()
	if name := os.Getenv(subjectVariable); name != "" {
		cfg := rt.Config{Scope: rt.ScopeDir(os.Getenv(dirVariable)), StartTimeout: time.Minute}
		if err := subjects[name].answer(context.Background(), cfg, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintf(os.Stderr, "client of %s: %v\n", name, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	rttest.Main(m)
}

// A client is another process.
type client struct {
	numbers io.WriteCloser
	answers *bufio.Reader
}

// startTwo starts two clients of one object, which end with the test.
func startTwo(t *testing.T, name string) [2]*client {
	t.Helper()
	var clients [2]*client
	dir := rttest.Dir(t)
	for i := range clients {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), subjectVariable+"="+name, dirVariable+"="+dir)
		cmd.Stderr = os.Stderr
		numbers, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		answers, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			numbers.Close()
			if err := cmd.Wait(); err != nil {
				t.Errorf("client %d: %v", i, err)
			}
		})
		clients[i] = &client{numbers, bufio.NewReader(answers)}
	}
	return clients
}

// ask has the client make call n.
func (c *client) ask(t *testing.T, n uint64) {
	t.Helper()
	if _, err := fmt.Fprintln(c.numbers, n); err != nil {
		t.Fatalf("call %d: %v", n, err)
	}
}

// answer returns what came of the first call that the client has not told of.
func (c *client) answer(t *testing.T) string {
	t.Helper()
	line, err := c.answers.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	answer, err := strconv.Unquote(line[:len(line)-1])
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// Two processes that take turns get from a shared object what one alone gets from
// a local one.
func TestSharedIsLikeLocal(t *testing.T) {
	for name, subject := range subjects {
		if !subject.compared {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !slices.Equal(subject.uncalled, uncallable[name]) {
				t.Errorf("never called: %q, want %q", subject.uncalled, uncallable[name])
			}
			clients := startTwo(t, name)
			turns := rand.New(rand.NewPCG(1, 2))
			for n := range uint64(600) {
				c := clients[turns.IntN(2)]
				c.ask(t, n)
				if problem := c.answer(t); problem != "" {
					t.Fatalf("call %d: %s", n, problem)
				}
			}
		})
	}
}

// Two processes that take turns get identifiers in ascending order.
func TestNodeInTurn(t *testing.T) {
	t.Parallel()
	clients := startTwo(t, "Node")
	last := ""
	for n := range uint64(200) {
		clients[n%2].ask(t, n)
		id := clients[n%2].answer(t)
		if !ascend(t, last, id) {
			t.Fatalf("identifier %s after %s", id, last)
		}
		last = id
	}
}

// Two processes get no identifier twice when they ask at once.
func TestNodeAtOnce(t *testing.T) {
	t.Parallel()
	clients := startTwo(t, "Node")
	const each = 500
	for n := range uint64(each) {
		clients[0].ask(t, n)
		clients[1].ask(t, n)
	}
	owners := make(map[string]int)
	for i, c := range clients {
		last := ""
		for range each {
			id := c.answer(t)
			if owner, ok := owners[id]; ok {
				t.Fatalf("client %d has got identifier %s, which client %d has", i, id, owner)
			}
			if !ascend(t, last, id) {
				t.Fatalf("client %d has got identifier %s after %s", i, id, last)
			}
			owners[id] = i
			last = id
		}
	}
}

// ascend reports whether identifier b is greater than a, where there is an a.
func ascend(t *testing.T, a, b string) bool {
	t.Helper()
	if a == "" {
		return true
	}
	x, err := strconv.ParseInt(a, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	y, err := strconv.ParseInt(b, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return x < y
}

// A limiter that gets no new tokens within a lifetime grants those that it has,
// however many processes ask at once.
func TestLimiterAtOnce(t *testing.T) {
	t.Parallel()
	clients := startTwo(t, "Drained")
	const each = burst * 2 / 3
	for n := range uint64(each) {
		clients[0].ask(t, n)
		clients[1].ask(t, n)
	}
	granted := 0
	for _, c := range clients {
		for range each {
			if c.answer(t) == "true" {
				granted++
			}
		}
	}
	if granted != burst {
		t.Errorf("%d calls of %d were granted, want %d", granted, 2*each, burst)
	}
}

// The methods of a filter that return it change the shared one, and the client
// returns itself.
func TestFilterFluent(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	shared := ShareFilter(rt.Config{Scope: rt.ScopeDir(rttest.Dir(t)), StartTimeout: time.Minute}, 100, 0.01)
	defer shared.Close()
	client, err := shared.Connect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, call := range []func() (*FilterClient, error){
		func() (*FilterClient, error) { return client.ClearAll(ctx) },
		func() (*FilterClient, error) { return client.Add(ctx, []byte("one")) },
		func() (*FilterClient, error) { return client.AddString(ctx, "two") },
	} {
		if same, err := call(); same != client || err != nil {
			t.Fatalf("got %p, %v, want %p", same, err, client)
		}
	}
	for key, want := range map[string]bool{"one": true, "two": true, "three": false} {
		if got, err := client.TestString(ctx, key); got != want || err != nil {
			t.Errorf("%s: got %t, %v, want %t", key, got, err, want)
		}
	}
}
