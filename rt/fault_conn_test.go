//go:build unix

package rt_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/testdata/objects"
)

// A stranger that takes over a dead daemon's port sees a greeting, and never
// the key; the client starts a daemon of its own.
func TestFaultC01Imposter(t *testing.T) {
	a := args{Dir: rttest.Dir(t), Name: "c", Transport: rt.TransportTCP}
	if _, err := connect(t, a).Inc(t.Context()); err != nil {
		t.Fatal(err)
	}
	e := a.endpoint(t)
	a.kill(t)
	ln, err := net.Listen("tcp4", e.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	captured := make(chan []byte, 1)
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		b := make([]byte, 1<<10)
		n, _ := conn.Read(b)
		conn.Write([]byte("HTTP/1.1 200 OK\r\n\r\n welcome"))
		more, _ := io.ReadAll(conn)
		captured <- append(b[:n], more...)
	}()
	if n, err := connect(t, a).Inc(t.Context()); n != 1 || err != nil {
		t.Errorf("the client did not recover: %d, %v", n, err)
	}
	got := <-captured
	if strings.Contains(string(got), string(e.Key[:])) || strings.Contains(string(got), hex.EncodeToString(e.Key[:])) {
		t.Error("the imposter was shown the key")
	}
	if len(got) == 0 || len(got) > 512 {
		t.Errorf("the imposter saw %d bytes, want one hello", len(got))
	}
}

// Whoever lacks the key gets the daemon's challenge, and nothing after it. A
// recording of a good handshake is worth no more.
func TestFaultC03WrongKey(t *testing.T) {
	eachTransport(t, func(t *testing.T, a args) {
		c := connect(t, a)
		r := a.dial(t)
		recording := &recorder{Writer: r.conn}
		if _, err := wire.Greet(r.reader, recording, r.endpoint.Key, r.hello()); err != nil {
			t.Fatal(err)
		}
		inc := encoded(t, r.call(t, 1, "Inc"))
		proof := func(b []byte) []byte {
			return encoded(t, wire.Frame{Kind: wire.KindProof, Body: marshal(t, wire.Proof{Proof: b})})
		}
		for name, said := range map[string][]byte{
			"replayed":   recording.written.Bytes(),
			"zeros":      slices.Concat(opening(t, r.hello()), proof(make([]byte, 32))),
			"empty":      slices.Concat(opening(t, r.hello()), proof(nil)),
			"call first": slices.Concat(opening(t, r.hello()), inc),
		} {
			imposter := a.dial(t)
			imposter.write(t, slices.Concat(said, inc))
			if f := imposter.next(t); f.Kind != wire.KindChallenge {
				t.Errorf("%s: got a %v frame", name, f.Kind)
			}
			if f, err := imposter.reader.Next(); err == nil {
				t.Errorf("%s: got a %v frame after the challenge", name, f.Kind)
			}
		}
		if n, err := c.Inc(t.Context()); n != 1 || err != nil {
			t.Errorf("got %d, %v; want 1: nobody else may have called", n, err)
		}
	})
}

// A handshake that was cut or changed at any byte ends without a welcome.
func TestFaultC06DamagedHandshake(t *testing.T) {
	eachTransport(t, func(t *testing.T, a args) {
		connect(t, a)
		good := a.dial(t)
		recording := &recorder{Writer: good.conn}
		if _, err := wire.Greet(good.reader, recording, good.endpoint.Key, good.hello()); err != nil {
			t.Fatal(err)
		}
		first := opening(t, good.hello())
		try := func(what string, said []byte) {
			r := a.dial(t)
			defer r.conn.Close()
			r.write(t, said)
			if err := r.conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			f, err := r.reader.Next()
			if err == nil && f.Kind == wire.KindChallenge {
				f, err = r.reader.Next()
			}
			if err == nil {
				t.Errorf("%s: got a %v frame", what, f.Kind)
			}
		}
		for i := range first {
			try(fmt.Sprintf("cut at %d", i), first[:i])
			changed := slices.Clone(first)
			changed[i] ^= 1 << (i % 8)
			try(fmt.Sprintf("changed at %d", i), changed)
		}
		// What follows the challenge, as it was right for another challenge.
		for i := len(first); i < recording.written.Len(); i += 7 {
			try(fmt.Sprintf("replayed up to %d", i), recording.written.Bytes()[:i])
		}
	})
}

// Whoever does not begin as the protocol does is hung up on without a byte,
// and within the time for a handshake. It starves nobody and runs nothing.
func TestFaultC07StrangersLearnNothing(t *testing.T) {
	eachTransport(t, func(t *testing.T, a args) {
		c := connect(t, a)
		h := a.dial(t).hello()
		stale, elsewhere := h, h
		stale.Incarnation = "0123456789abcdef"
		elsewhere.Address = "127.0.0.1:1"
		whole := opening(t, h)
		var all sync.WaitGroup
		for name, said := range map[string]string{
			"nothing":           "",
			"one byte":          "l",
			"get":               "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
			"post":              "POST /x HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
			"websocket":         "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
			"tls":               "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("r", 64),
			"ssh":               "SSH-2.0-OpenSSH_9.6\r\n",
			"zeros":             strings.Repeat("\x00", 4096),
			"greeting only":     greeting,
			"half a hello":      string(whole[:len(whole)/2]),
			"all but a byte":    string(whole[:len(whole)-1]),
			"4 GiB hello":       greeting + "\xff\xff\xff\xff\x01\x00\x00\x00" + strings.Repeat("\x00", 8),
			"hello over 1 KiB":  greeting + "\x00\x00\x04\x01\x01\x00\x00\x00" + strings.Repeat("\x00", 8+1025),
			"call before hello": greeting + string(encoded(t, wire.Frame{Kind: wire.KindCall, ID: 1, Body: []byte{0x80}})),
			"no greeting":       string(whole[len(greeting):]),
			"old incarnation":   string(opening(t, stale)),
			"another address":   string(opening(t, elsewhere)),
			"padded hello":      greeting + string(encoded(t, wire.Frame{Kind: wire.KindHello, Body: append(marshal(t, h), 0)})),
		} {
			r := a.dial(t)
			all.Go(func() {
				began := time.Now()
				r.write(t, []byte(said))
				if got := r.closed(t); len(got) != 0 {
					t.Errorf("%s: was told %q", name, got)
				}
				if took := time.Since(began); took > 8*time.Second {
					t.Errorf("%s: hung up on after %v, want 2s", name, took)
				}
			})
		}
		all.Wait()
		if n, err := c.Inc(t.Context()); n != 1 || err != nil {
			t.Errorf("the client that was there before: %d, %v", n, err)
		}
	})
}

// Hundreds of connections that drip keep no honest client out.
func TestFaultC08Slowloris(t *testing.T) {
	eachTransport(t, func(t *testing.T, a args) {
		c := connect(t, a)
		e := a.endpoint(t)
		for range 500 {
			conn, err := net.Dial(e.Network, e.Address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			io.WriteString(conn, greeting[:1]) // an error: it was closed to make room
		}
		began := time.Now()
		honest, err := share(t, a).Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n, err := honest.Inc(t.Context()); n != 1 || err != nil {
			t.Errorf("got %d, %v", n, err)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("an honest client waited %v", took)
		}
		if n, err := c.Inc(t.Context()); n != 2 || err != nil {
			t.Errorf("the client that was there before: %d, %v", n, err)
		}
	})
}

// Whoever knocks without being let in does not keep the daemon.
func TestFaultC10PortScanner(t *testing.T) {
	eachTransport(t, func(t *testing.T, a args) {
		a.IdleTTL = 300 * time.Millisecond
		shared := share(t, a)
		if err := shared.EnsureStarted(t.Context()); err != nil {
			t.Fatal(err)
		}
		silent := a.dial(t) // is there all the time
		shared.Close()
		eventually(t, "the idle daemon has left", func() bool {
			if conn, err := net.Dial(silent.endpoint.Network, silent.endpoint.Address); err == nil {
				io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n")
				conn.Close()
			}
			return !a.alive(t)
		})
	})
}

func TestFaultC16StoppedDaemon(t *testing.T) {
	eachTransport(t, func(t *testing.T, a args) {
		c := connect(t, a)
		e := a.endpoint(t)
		resume := a.stop(t)
		defer resume()
		other := share(t, a, func(c *rt.Config) { c.ConnectTimeout = 200 * time.Millisecond })
		_, err := other.Connect(t.Context())
		if !errors.Is(err, rt.ErrUnresponsive) || !strings.Contains(err.Error(), strconv.Itoa(e.PID)) {
			t.Errorf("Connect returned %v, want %v with pid %d", err, rt.ErrUnresponsive, e.PID)
		}
		resume()
		if n, err := c.Inc(t.Context()); n != 1 || err != nil {
			t.Errorf("after SIGCONT: %d, %v", n, err)
		}
		if now := a.endpoint(t); now.PID != e.PID {
			t.Errorf("another daemon was started: %d, not %d", now.PID, e.PID)
		}
	})
}

// Many clients of a daemon that is stopped are told so, all in good time.
func TestFaultC16StoppedDaemonAndManyClients(t *testing.T) {
	eachTransport(t, func(t *testing.T, a args) {
		connect(t, a)
		defer a.stop(t)()
		began := time.Now()
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				_, err := share(t, a, func(c *rt.Config) { c.ConnectTimeout = 300 * time.Millisecond }).Connect(context.Background())
				if !errors.Is(err, rt.ErrUnresponsive) {
					t.Errorf("got %v, want %v", err, rt.ErrUnresponsive)
				}
			})
		}
		all.Wait()
		if took := time.Since(began); took > 4*time.Second { // one after the other they would need twice that
			t.Errorf("with a ConnectTimeout of 300ms that took %v", took)
		}
	})
}

// A daemon that runs out of descriptors serves those whom it has, and others
// again when there are some.
func TestFaultC18DaemonOutOfDescriptors(t *testing.T) {
	eachTransport(t, func(t *testing.T, a args) {
		holder := command(t, "ulimit -n 40", "hold", a)
		if err := holder.Start(); err != nil {
			t.Fatal(err)
		}
		defer holder.Wait()
		defer holder.Process.Kill()
		eventually(t, "it serves", func() bool {
			s, err := share(t, a).Status(context.Background())
			return err == nil && len(s.Clients) == 1
		})
		c := connect(t, a)
		var admitted []*raw
		for range 60 {
			r := a.dial(t)
			r.write(t, opening(t, r.hello()))
			admitted = append(admitted, r)
		}
		if n, err := c.Inc(t.Context()); n != 1 || err != nil {
			t.Errorf("who was there before: %d, %v", n, err)
		}
		for _, r := range admitted {
			r.conn.Close()
		}
		if n, err := connect(t, a).Inc(t.Context()); n != 2 || err != nil {
			t.Errorf("who came after: %d, %v", n, err)
		}
	})
}

// The daemon admits so many clients and tells the next why not; those who are
// there do not notice.
func TestFaultC19TooManyClients(t *testing.T) {
	t.Parallel()
	a := args{Dir: rttest.Dir(t), Name: "c"}
	c := connect(t, a)
	first := a.greet(t)
	for range 1022 {
		a.greet(t)
	}
	_, err := share(t, a).Connect(t.Context())
	if !errors.Is(err, rt.ErrTooManyClients) {
		t.Errorf("one too many was told: %v; want %v", err, rt.ErrTooManyClients)
	}
	if n, err := c.Inc(t.Context()); n != 1 || err != nil {
		t.Errorf("the first: %d, %v", n, err)
	}
	first.conn.Close()
	eventually(t, "there is room again", func() bool {
		_, err := share(t, a).Connect(context.Background())
		return err == nil
	})
}

// An endpoint of a later version is not an absent one.
func TestFaultC20EndpointOfAnotherVersion(t *testing.T) {
	a := args{Dir: rttest.Dir(t), Name: "c"}
	d, err := rundir.Open(a.Dir, a.Name)
	if err == nil {
		err = os.WriteFile(filepath.Join(d.Path(), "endpoint"), []byte("loopgen 2\nwhatever\n"), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := share(t, a).Connect(t.Context()); !errors.Is(err, rt.ErrIncompatible) {
		t.Errorf("got %v, want %v", err, rt.ErrIncompatible)
	}
	if a.alive(t) {
		t.Error("a daemon was started beside another version's")
	}
}

func TestFaultC22ConfigMismatch(t *testing.T) {
	a := args{Dir: rttest.Dir(t), Name: "c", Options: objects.Options{Start: 5, Tags: map[string]string{"a": "1", "b": "2"}}}
	if n, err := connect(t, a).Inc(t.Context()); n != 6 || err != nil {
		t.Fatalf("got %d, %v", n, err)
	}
	same := a
	same.Options.Tags = map[string]string{"b": "2", "a": "1"}
	if n, err := connect(t, same).Inc(t.Context()); n != 7 || err != nil {
		t.Errorf("the same configuration, in another order: %d, %v", n, err)
	}
	other := a
	other.Options.Start = 6
	began := time.Now()
	_, err := share(t, other).Connect(t.Context())
	if !errors.Is(err, rt.ErrConfigMismatch) {
		t.Errorf("another configuration: %v, want %v", err, rt.ErrConfigMismatch)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v to say so: it was retried", took)
	}
	if s, err := share(t, other).Status(t.Context()); err != nil || s.Calls != 2 {
		t.Errorf("Status with another configuration: %+v, %v", s, err)
	}
	vault := objects.ShareVault(a.config())
	defer vault.Close()
	if _, err := vault.Connect(t.Context()); !errors.Is(err, rt.ErrIncompatible) {
		t.Errorf("another type of the same name: %v, want %v", err, rt.ErrIncompatible)
	}
	if err := vault.Shutdown(t.Context(), rt.ShutdownDrain); err != nil {
		t.Errorf("Shutdown with another type: %v", err)
	}
	if n, err := connect(t, other).Inc(t.Context()); n != 7 || err != nil {
		t.Errorf("after a shutdown: %d, %v", n, err)
	}
}
