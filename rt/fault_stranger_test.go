//go:build unix

package rt_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/rttest"
)

func init() {
	addRole("stranger", playStranger)
	addRole("squatter", playSquatter)
}

// C01. A process that listens at a dead daemon's port reads a hello, and never the key or
// a proof, for every answer it gives. The client starts a daemon of its own.
func TestImpostorLearnsNothing(t *testing.T) {
	for name, answer := range map[string]func(e *rundir.Endpoint) []byte{
		"another service": func(*rundir.Endpoint) []byte { return []byte("HTTP/1.1 200 OK\r\n\r\n welcome") },
		"without the key": func(e *rundir.Endpoint) []byte {
			challenge := wire.Challenge{
				Version: wire.MaxVersion, Nonce: make([]byte, wire.NonceSize),
				Incarnation: e.Incarnation, Address: e.Address, Proof: make([]byte, 32),
			}
			return encoded(t, wire.Frame{Kind: wire.KindChallenge, Body: marshal(t, challenge)})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := singleton{Dir: rttest.Dir(t), Name: "c", Transport: rt.TransportTCP}
			if _, err := connect(t, a).Inc(t.Context()); err != nil {
				t.Fatal(err)
			}
			e := a.endpoint(t)
			a.kill(t)
			got := imposter(t, e, answer(e))
			if n, err := connect(t, a).Inc(t.Context()); n != 1 || err != nil {
				t.Errorf("the client did not recover: %d, %v", n, err)
			}
			if now := a.endpoint(t); now.PID == e.PID || now.Address == e.Address {
				t.Errorf("the endpoint is still that of process %d at %s", now.PID, now.Address)
			}
			seen := <-got
			if bytes.Contains(seen, e.Key[:]) || strings.Contains(string(seen), hex.EncodeToString(e.Key[:])) {
				t.Error("the imposter was shown the key")
			}
			hello, ok := bytes.CutPrefix(seen, []byte(greeting))
			frames := wire.NewReader(bytes.NewReader(hello), wire.MaxFrame)
			if f, err := frames.Next(); !ok || err != nil || f.Kind != wire.KindHello {
				t.Errorf("the imposter saw %q, want a hello", seen)
			}
			if f, err := frames.Next(); err != io.EOF {
				t.Errorf("the imposter saw a %v frame (%v) after the hello", f.Kind, err)
			}
		})
	}
}

// imposter listens where a daemon did, and gives its answer to the first who
// comes; it returns what that one said.
func imposter(t *testing.T, e *rundir.Endpoint, answer []byte) <-chan []byte {
	t.Helper()
	ln, err := net.Listen(e.Network, e.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	captured := make(chan []byte, 1)
	go func() { // ends with the connection
		conn, err := ln.Accept()
		if err != nil {
			captured <- nil
			return
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(silence))
		b := make([]byte, 1<<10)
		n, _ := conn.Read(b)
		conn.Write(answer)
		more, _ := io.ReadAll(conn)
		captured <- append(b[:n], more...)
	}()
	return captured
}

// C03. A client without the key gets the daemon's challenge, and nothing after it. The
// daemon executes nothing that it sends.
func TestWrongKey(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		c := connect(t, a)
		wrong := make([]byte, 32)
		wrong[0] = 1
		for name, prove := range map[string]func(challenge []byte) []byte{
			"zeros":    func([]byte) []byte { return make([]byte, 32) },
			"wrong":    func([]byte) []byte { return wrong },
			"empty":    func([]byte) []byte { return nil },
			"mirrored": func(daemons []byte) []byte { return daemons },
		} {
			r := a.dial(t)
			r.write(t, opening(t, r.hello()))
			f := r.next(t)
			var challenge wire.Challenge
			if err := wire.Unmarshal(f.Body, &challenge); f.Kind != wire.KindChallenge || err != nil {
				t.Fatalf("%s: got a %v frame, %v", name, f.Kind, err)
			}
			r.send(t, wire.Frame{Kind: wire.KindProof, Body: marshal(t, wire.Proof{Proof: prove(challenge.Proof)})}, r.call(t, 1, "Inc"))
			if f, err := r.reader.Next(); err == nil {
				t.Errorf("%s: got a %v frame after the challenge", name, f.Kind)
			}
		}
		r := a.dial(t)
		r.write(t, opening(t, r.hello()))
		r.send(t, r.call(t, 1, "Inc")) // instead of a proof
		r.next(t)
		if f, err := r.reader.Next(); err == nil {
			t.Errorf("a call instead of a proof: got a %v frame", f.Kind)
		}
		if n, err := c.Inc(t.Context()); n != 1 || err != nil {
			t.Errorf("got %d, %v; want 1: nobody else may have called", n, err)
		}
	})
}

// C04. A recording of a good handshake, and of the call after it, is worth nothing.
func TestReplayedHandshake(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		c := connect(t, a)
		r := a.dial(t)
		recording := &recorder{Writer: r.conn}
		if _, err := wire.Greet(r.reader, recording, r.endpoint.Key, r.hello()); err != nil {
			t.Fatal(err)
		}
		inc := encoded(t, r.call(t, 1, "Inc"))
		r.write(t, inc)
		if n := r.value(t, 1); n != 1 {
			t.Fatalf("got %d", n)
		}
		for range 3 {
			imposter := a.dial(t)
			imposter.write(t, slices.Concat(recording.written.Bytes(), inc))
			if f := imposter.next(t); f.Kind != wire.KindChallenge {
				t.Errorf("got a %v frame", f.Kind)
			}
			if f, err := imposter.reader.Next(); err == nil {
				t.Errorf("got a %v frame after the challenge", f.Kind)
			}
		}
		if n, err := c.Inc(t.Context()); n != 2 || err != nil {
			t.Errorf("got %d, %v; want 2: nobody else may have called", n, err)
		}
	})
}

// C06. A handshake that was cut or changed at any byte ends without a welcome.
func TestDamagedHandshake(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		c := connect(t, a)
		good := a.dial(t)
		recording := &recorder{Writer: good.conn}
		if _, err := wire.Greet(good.reader, recording, good.endpoint.Key, good.hello()); err != nil {
			t.Fatal(err)
		}
		first := opening(t, good.hello())
		try := func(what string, said []byte) {
			r := a.dial(t)
			defer r.conn.Close()
			began := time.Now()
			defer func() {
				if took := time.Since(began); took > 8*time.Second { // 2 s, on a machine that is busy
					t.Errorf("%s: refused after %v", what, took)
				}
			}()
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
		// Then the bytes after the challenge, which answered another challenge.
		for i := len(first); i < recording.written.Len(); i += 7 {
			try(fmt.Sprintf("replayed up to %d", i), recording.written.Bytes()[:i])
		}
		if n, err := c.Inc(t.Context()); n != 1 || err != nil {
			t.Errorf("the client that was there before: %d, %v", n, err)
		}
	})
}

// C07. The daemon closes a connection that does not begin as the protocol does, without a
// byte and within the time for a handshake. The connection delays no client and executes
// nothing.
func TestUnauthenticatedLearnNothing(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
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

// C07. Programs that speak something else get an error and not an answer.
func TestOtherProtocols(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		c := connect(t, a)
		e := a.endpoint(t)
		browser := http.Client{
			Timeout: silence,
			Transport: &http.Transport{
				DisableKeepAlives: true,
				DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
					return new(net.Dialer).DialContext(ctx, e.Network, e.Address)
				},
			},
		}
		if r, err := browser.Get("http://localhost/"); err == nil {
			r.Body.Close()
			t.Errorf("GET was answered: %s", r.Status)
		}
		if r, err := browser.Post("http://localhost/Inc", "application/json", strings.NewReader("[]")); err == nil {
			r.Body.Close()
			t.Errorf("POST was answered: %s", r.Status)
		}
		conn := tls.Client(a.dial(t).conn, &tls.Config{InsecureSkipVerify: true})
		if err := conn.HandshakeContext(t.Context()); err == nil {
			t.Error("a TLS handshake succeeded")
		}
		if n, err := c.Inc(t.Context()); n != 1 || err != nil {
			t.Errorf("the client that was there before: %d, %v", n, err)
		}
	})
}

// C08. Hundreds of connections that drip, and come again when they are closed, keep
// no honest client out.
func TestSlowloris(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		c := connect(t, a)
		e := a.endpoint(t)
		ctx, stop := context.WithCancel(t.Context())
		var slow, once sync.WaitGroup
		defer slow.Wait()
		defer stop()
		for range 500 {
			once.Add(1)
			slow.Go(func() {
				dripped := sync.OnceFunc(once.Done)
				defer dripped()
				for ctx.Err() == nil {
					conn, err := net.Dial(e.Network, e.Address)
					for i := 0; err == nil && i < len(greeting); i++ {
						if _, err = io.WriteString(conn, greeting[i:i+1]); err != nil {
							break // it was closed to make room
						}
						dripped()
						select {
						case <-time.After(time.Second):
						case <-ctx.Done():
							err = ctx.Err()
						}
					}
					if conn != nil {
						conn.Close()
					}
				}
			})
		}
		once.Wait()
		for want := 1; want <= 5; want++ {
			began := time.Now()
			honest, err := share(t, a, patient).Connect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if n, err := honest.Inc(t.Context()); n != want || err != nil {
				t.Errorf("got %d, %v; want %d", n, err, want)
			}
			if took := time.Since(began); took > 30*time.Second { // 1 s, on a machine that is busy
				t.Errorf("an honest client waited %v", took)
			}
		}
		if n, err := c.Inc(t.Context()); n != 6 || err != nil {
			t.Errorf("the client that was there before: %d, %v", n, err)
		}
	})
}

// C09. The daemon closes a silent connection when the time for a handshake is over, and
// sends nothing.
func TestSilentConnectionIsClosed(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		c := connect(t, a)
		began := time.Now()
		if said := a.dial(t).closed(t); len(said) != 0 {
			t.Errorf("it was told %q", said)
		}
		if took := time.Since(began); took < time.Second || took > 8*time.Second {
			t.Errorf("closed after %v, want 2s", took)
		}
		if n, err := c.Inc(t.Context()); n != 1 || err != nil {
			t.Errorf("the client that was there before: %d, %v", n, err)
		}
	})
}

// C10. Connections that are not authenticated do not keep the daemon from exiting,
// neither a silent one nor one after the other.
func TestPortScannerDoesNotKeepTheDaemon(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		a.IdleTTL = 300 * time.Millisecond
		shared := share(t, a)
		if err := shared.EnsureStarted(t.Context()); err != nil {
			t.Fatal(err)
		}
		e := a.endpoint(t)
		a.dial(t) // is there all the time
		ctx, stop := context.WithCancel(t.Context())
		var scanner sync.WaitGroup
		defer scanner.Wait()
		defer stop()
		scanner.Go(func() {
			for ctx.Err() == nil {
				if conn, err := net.Dial(e.Network, e.Address); err == nil {
					io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n")
					defer conn.Close()
				}
				select {
				case <-time.After(100 * time.Millisecond):
				case <-ctx.Done():
				}
			}
		})
		shared.Close()
		eventually(t, "the idle daemon has left", func() bool { return !a.alive(t) })
		if !fileContains(e.Log, "because=idle") {
			t.Error("the log does not tell that it was idle")
		}
	})
}

// C11. The daemon rejects another user, whom the kernel names, even if the modes of the
// files let that user connect and the user has the key.
func TestAnotherUserIsRefused(t *testing.T) {
	t.Parallel()
	needsStrangers(t)
	needs(t, "a system that tells whose a socket's peer is: Linux", runtime.GOOS == "linux")
	a := singleton{Dir: rttest.Dir(t), Name: "c", Transport: rt.TransportUnix}
	c := connect(t, a)
	e := a.endpoint(t)
	if err := os.Chmod(e.Address, 0o777); err != nil {
		t.Fatal(err)
	}
	for dir := filepath.Dir(e.Address); dir != "/" && dir != os.TempDir(); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	endpoint, err := e.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	out, err := asNobody(command(t, "stranger", singleton{}, withText(string(endpoint)))).Output()
	if err != nil {
		t.Fatal(err)
	}
	if want := `"connected, then refused without a byte"`; strings.TrimSpace(string(out)) != want {
		t.Errorf("the stranger says %s, want %s", out, want)
	}
	eventually(t, "the log tells who it was", func() bool { return fileContains(e.Log, fmt.Sprintf("the peer is user %d", nobody)) })
	if n, err := c.Inc(t.Context()); n != 1 || err != nil {
		t.Errorf("got %d, %v; want 1: nobody else may have called", n, err)
	}
}

// playStranger is another user that has the text of the endpoint file.
func playStranger(_ context.Context, _ *counterShared, a args) (any, error) {
	var e rundir.Endpoint
	if err := e.UnmarshalText([]byte(a.Text[0])); err != nil {
		return nil, err
	}
	conn, err := net.Dial(e.Network, e.Address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	r := &raw{conn, wire.NewReader(conn, wire.MaxFrame), &e}
	received := &counted{Reader: conn}
	r.reader = wire.NewReader(received, wire.MaxFrame)
	if welcome, err := wire.Greet(r.reader, conn, e.Key, r.hello()); err == nil {
		return nil, fmt.Errorf("welcome: %+v", welcome)
	}
	if received.n > 0 {
		return nil, fmt.Errorf("%d bytes came", received.n)
	}
	return "connected, then refused without a byte", nil
}

// counted counts what is read through it.
type counted struct {
	io.Reader
	n int
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.n += n
	return n, err
}

// C11. The client sends nothing to another user's socket at the daemon's address, even if
// that user has the key.
func TestSocketOfAnotherUser(t *testing.T) {
	t.Parallel()
	needsStrangers(t)
	needs(t, "a system that tells whose a socket's peer is: Linux", runtime.GOOS == "linux")
	a := singleton{Dir: rttest.Dir(t), Name: "c", Transport: rt.TransportUnix}
	connect(t, a)
	e := a.endpoint(t)
	a.kill(t)
	theirs := rttest.Dir(t)
	if err := os.Chown(theirs, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	e.Address = filepath.Join(theirs, "socket")
	squatter := asNobody(command(t, "squatter", singleton{}, withText(e.Address)))
	stdout, err := squatter.StdoutPipe()
	if err == nil {
		err = squatter.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer squatter.Wait()
	defer squatter.Process.Kill()
	said := bufio.NewReader(stdout)
	if line, err := said.ReadString('\n'); line != "listening\n" {
		t.Fatalf("the squatter says %q, %v", line, err)
	}
	d, err := rundir.Open(a.Dir, a.Name)
	if err != nil {
		t.Fatal(err)
	}
	text, err := e.MarshalText()
	if err == nil {
		err = os.WriteFile(filepath.Join(d.Path(), "endpoint"), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if n, err := connect(t, a).Inc(t.Context()); n != 1 || err != nil {
		t.Errorf("the client did not start a daemon of its own: %d, %v", n, err)
	}
	if line, err := said.ReadString('\n'); line != "\"\"\n" {
		t.Errorf("the squatter heard %s, %v; want nothing", line, err)
	}
}

// playSquatter listens at the address that it gets, and returns what the first client
// sends.
func playSquatter(_ context.Context, _ *counterShared, a args) (any, error) {
	ln, err := net.Listen("unix", a.Text[0])
	if err != nil {
		return nil, err
	}
	fmt.Println("listening")
	conn, err := ln.Accept()
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(conn)
	return string(b), err
}

// asNobody makes a command of this program one of another user.
func asNobody(cmd *exec.Cmd) *exec.Cmd {
	cmd.Path = "/proc/self/exe" // which needs no way to the file
	cmd.Dir = "/"
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	return cmd
}
