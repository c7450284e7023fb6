package rt_test

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/wire"
)

// record plays a scene between today's client and today's daemon, and returns
// what they said.
func (sc scene) record(t *testing.T) *transcript {
	tr := &transcript{Comment: sc.comment, Clients: sc.clients}
	if tr.Clients == 0 {
		tr.Clients = 100
	}
	if sc.versions == [2]uint{} {
		sc.versions = [2]uint{recordedVersion, recordedVersion}
	}
	env := os.Environ() // Status tells its names
	os.Clearenv()
	defer func() {
		for _, entry := range env {
			name, value, _ := strings.Cut(entry, "=")
			os.Setenv(name, value)
		}
	}()
	synctest.Test(t, func(t *testing.T) {
		tape := &tape{over: map[int]bool{}}
		m := newSpecimen(t, tr.Clients, &rundir.Endpoint{
			Network: "memory", Address: "a", Key: [32]byte(bytes.Repeat([]byte{0x5e}, 32)), Incarnation: "7f3a9c",
			PID: 4711, Host: "host", Boot: "boot", Build: "build", Log: "/log",
			MinProtocol: recordedVersion, MaxProtocol: recordedVersion,
		}, func() { tape.note(passage{From: "daemon", What: exits}) })
		tr.Endpoint = endpointLines(t, m.Endpoint())
		useNonces(t, nil)
		s := &stage{T: t, place: rt.Place{
			Hello: wire.Hello{Session: "session", PID: 815, MinVersion: sc.versions[0], MaxVersion: sc.versions[1]},
			Find: func() (*rundir.Endpoint, error) {
				select {
				case <-m.Gone():
					return nil, rundir.ErrAbsent
				default:
					return m.Endpoint(), nil
				}
			},
			Dial: func() (net.Conn, error) {
				ours, theirs := net.Pipe()
				m.Serve(theirs)
				return tape.tap(ours), nil
			},
		}}
		if sc.play != nil {
			sc.play(s)
		} else {
			sc.say(s)
		}
		s.close()
		settle()
		tape.mu.Lock()
		defer tape.mu.Unlock()
		tr.Stream, tr.Results = split(t, tape.said), s.results
	})
	return tr
}

// settle waits until a side has done what it does about what it heard, and a
// goroutine that runs a method no longer reads the connection.
func settle() {
	time.Sleep(10 * time.Millisecond)
	synctest.Wait()
}

// specimen is the service of all transcripts.
const specimen = "github.com/loopgen/loopgen/testdata/objects.Specimen"

// newSpecimen makes a daemon that says of itself what e says, and calls left when
// it has left.
func newSpecimen(t *testing.T, clients int, e *rundir.Endpoint, left func()) *rt.MemoryDaemon {
	t.Helper()
	return newDaemonOf(t, slog.New(slog.DiscardHandler), clients, func(today *rundir.Endpoint) {
		today.Network, today.Address, today.Key, today.Incarnation = e.Network, e.Address, e.Key, e.Incarnation
		today.PID, today.Host, today.Boot, today.Build, today.Log = e.PID, e.Host, e.Boot, e.Build, e.Log
		today.MinProtocol, today.MaxProtocol = e.MinProtocol, e.MaxProtocol
	}, left)
}

// newDaemonOf makes a daemon of a Specimen, for as long as the bubble lasts.
func newDaemonOf(t *testing.T, log *slog.Logger, clients int, edit func(*rundir.Endpoint), left func()) *rt.MemoryDaemon {
	t.Helper()
	m := rt.NewMemoryDaemon(t, specimen, clients, log, edit, left)
	t.Cleanup(func() {
		m.Shutdown()
		<-m.Gone()
		time.Sleep(time.Minute) // of the bubble's time: all its goroutines have ended by then
	})
	return m
}

func endpointLines(t *testing.T, e *rundir.Endpoint) []string {
	t.Helper()
	text, err := e.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// endpoint returns the recorded one.
func (tr *transcript) endpoint(t *testing.T) *rundir.Endpoint {
	e := &rundir.Endpoint{}
	if err := e.UnmarshalText([]byte(strings.Join(tr.Endpoint, "\n") + "\n")); err != nil {
		t.Error(err)
	}
	return e
}

// hello returns what the clients have said of themselves.
func (tr *transcript) hello(t *testing.T) wire.Hello {
	t.Helper()
	var hello wire.Hello
	for _, p := range tr.Stream {
		if b := bytes.TrimPrefix(p.Bytes, []byte(greeting)); p.From == "client" && len(b) < len(p.Bytes) {
			if err := wire.Unmarshal(b[wire.HeaderSize:], &hello); err != nil {
				t.Fatal(err)
			}
		}
	}
	return hello
}

// nonces returns the nonces of one side, by connection; nil for a connection on which the
// side sent none.
func (tr *transcript) nonces(t *testing.T, from string) [][]byte {
	t.Helper()
	all := make([][]byte, len(tr.Stream)) // there are fewer connections
	for _, p := range tr.Stream {
		b := bytes.TrimPrefix(p.Bytes, []byte(greeting))
		if p.From != from || len(b) < wire.HeaderSize {
			continue
		}
		var nonce []byte
		var err error
		switch b, body := wire.Kind(b[4]), b[wire.HeaderSize:]; b {
		case wire.KindHello:
			var hello wire.Hello
			err = wire.Unmarshal(body, &hello)
			nonce = bytes.Clone(hello.Nonce[:])
		case wire.KindChallenge:
			var challenge wire.Challenge
			err = wire.UnmarshalOpen(body, &challenge)
			nonce = challenge.Nonce
		default:
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		all[p.Connection-1] = nonce
	}
	return all
}

// useNonces makes handshakes draw these nonces next. A missing one is made up.
func useNonces(t *testing.T, next [][]byte) {
	random := rand.Reader
	rand.Reader = &nonces{next: next, random: random}
	t.Cleanup(func() { rand.Reader = random })
}

type nonces struct {
	random io.Reader
	mu     sync.Mutex
	next   [][]byte
	made   byte
}

func (n *nonces) Read(b []byte) (int, error) {
	if len(b) != wire.NonceSize {
		return n.random.Read(b)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	var nonce []byte
	if len(n.next) > 0 {
		nonce, n.next = n.next[0], n.next[1:]
	}
	if nonce == nil {
		n.made++
		nonce = bytes.Repeat([]byte{n.made}, len(b))
	}
	return copy(b, nonce), nil
}

// tape records connections at the client's end.
type tape struct {
	mu    sync.Mutex
	said  []passage
	conns int
	over  map[int]bool // connections that one side has closed
}

func (r *tape) tap(conn net.Conn) net.Conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns++
	return &tapped{conn, r, r.conns}
}

func (r *tape) note(p passage) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over[p.Connection] {
		return
	}
	r.over[p.Connection] = p.What == ends
	if i := len(r.said) - 1; i >= 0 && r.said[i].What == p.What && r.said[i].Connection == p.Connection && r.said[i].From == p.From {
		r.said[i].Bytes = append(r.said[i].Bytes, p.Bytes...)
		return
	}
	p.Bytes = bytes.Clone(p.Bytes)
	r.said = append(r.said, p)
}

type tapped struct {
	net.Conn
	tape   *tape
	number int
}

func (c *tapped) Write(b []byte) (int, error) {
	c.tape.note(passage{c.number, "client", "", b})
	return c.Conn.Write(b)
}

func (c *tapped) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.tape.note(passage{c.number, "daemon", "", b[:n]})
	}
	if err == io.EOF {
		c.tape.note(passage{c.number, "daemon", ends, nil})
	}
	return n, err
}

func (c *tapped) Close() error {
	c.tape.note(passage{c.number, "client", ends, nil})
	return c.Conn.Close()
}

// split makes a passage of each frame, and says what it is.
func split(t *testing.T, said []passage) []passage {
	t.Helper()
	var all []passage
	for _, p := range said {
		for rest := p.Bytes; len(rest) > 0; {
			start := len(rest) - len(bytes.TrimPrefix(rest, []byte(greeting)))
			end := start + wire.HeaderSize
			if len(rest) >= end {
				end += bodySize(rest[start:])
			}
			if p.What = "no frame"; len(rest) >= end {
				p.What = describe(rest[start:end])
			}
			end = min(end, len(rest))
			p.Bytes, rest = rest[:end], rest[end:]
			all = append(all, p)
		}
		if p.Bytes == nil {
			all = append(all, p)
		}
	}
	return all
}

// bodySize is how much follows a header.
func bodySize(header []byte) int { return int(binary.BigEndian.Uint32(header)) }

// describe says what a frame is.
func describe(frame []byte) string {
	kind, id, body := wire.Kind(frame[4]), binary.BigEndian.Uint64(frame[8:]), frame[wire.HeaderSize:]
	switch kind {
	case wire.KindWelcome:
		var w wire.Welcome
		if err := wire.UnmarshalOpen(body, &w); err == nil {
			return fmt.Sprintf("%v: %v", kind, w.Code)
		}
	case wire.KindError:
		if f, err := wire.ParseFailure(body); err == nil {
			return fmt.Sprintf("%v %d: %v", kind, id, f.Code)
		}
	case wire.KindHello, wire.KindChallenge, wire.KindProof, wire.KindGoingAway:
		return kind.String()
	}
	return fmt.Sprintf("%v %d", kind, id)
}
