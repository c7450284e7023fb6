package wire_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

type clientVector struct {
	Min, Max                      uint
	Nonce                         hexBytes
	Incarnation, Address, Session string
	PID                           int
}

func (c clientVector) hello() wire.Hello {
	return wire.Hello{MinVersion: c.Min, MaxVersion: c.Max, Nonce: [32]byte(c.Nonce), Incarnation: c.Incarnation, Address: c.Address, Session: c.Session, PID: c.PID}
}

type daemonVector struct {
	Min, Max             uint
	Nonce                hexBytes
	Incarnation, Address string
}

func (d daemonVector) identity() wire.Identity {
	return wire.Identity{Incarnation: d.Incarnation, Address: d.Address, MinVersion: d.Min, MaxVersion: d.Max}
}

type handshakeVectors struct {
	Handshakes []struct {
		Name, Comment string
		Verdict       string
		Key           hexBytes
		Client        clientVector
		Daemon        daemonVector
		Transcript    hexBytes
		ClientSends   []hexBytes `json:"client_sends"`
		DaemonSends   []hexBytes `json:"daemon_sends"`
		Welcome       wire.Welcome
	}
	Client          clientVector
	Daemon          daemonVector
	Key             hexBytes
	RefusedByDaemon []refusalVector `json:"refused_by_daemon"`
	RefusedByClient []refusalVector `json:"refused_by_client"`
}

type refusalVector struct {
	Name, Comment string
	Input         hexBytes
	Verdict       string
	FramesWritten int `json:"frames_written"`
}

func TestHandshakeVectors(t *testing.T) {
	for _, v := range vectors[handshakeVectors](t, "handshakes.json").Handshakes {
		t.Run(v.Name, func(t *testing.T) {
			var written bytes.Buffer
			welcome, err := wire.GreetWith(wire.NewReader(bytes.NewReader(join(v.DaemonSends)), 0), &written, wire.Key(v.Key), v.Client.hello())
			if got := verdict(err); got != v.Verdict {
				t.Errorf("client: got %q (%v), want %q", got, err, v.Verdict)
			}
			if welcome != v.Welcome {
				t.Errorf("client: got %+v, want %+v", welcome, v.Welcome)
			}
			if want := join(v.ClientSends); !bytes.Equal(written.Bytes(), want) {
				t.Errorf("client wrote %x, want %x", written.Bytes(), want)
			}

			written.Reset()
			asked := false
			hello, welcome, err := wire.AdmitWith(wire.NewReader(bytes.NewReader(join(v.ClientSends)), 0), &written, wire.Key(v.Key), v.Daemon.identity(), [32]byte(v.Daemon.Nonce),
				func(wire.Hello) wire.Welcome { asked = true; return v.Welcome })
			if err != nil || hello != v.Client.hello() || welcome != v.Welcome {
				t.Errorf("daemon: got %+v, %+v, %v", hello, welcome, err)
			}
			if want := v.Verdict != "incompatible"; asked != want {
				t.Errorf("daemon was asked to decide: %v, want %v", asked, want)
			}
			if want := join(v.DaemonSends); !bytes.Equal(written.Bytes(), want) {
				t.Errorf("daemon wrote %x, want %x", written.Bytes(), want)
			}
			challenge := wire.Challenge{Version: min(v.Client.Max, v.Daemon.Max), Nonce: v.Daemon.Nonce, Incarnation: v.Daemon.Incarnation, Address: v.Daemon.Address}
			if v.Verdict == "incompatible" {
				challenge.Version = 0
			}
			if got := wire.Transcript(v.Client.hello(), challenge); !bytes.Equal(got, v.Transcript) {
				t.Errorf("transcript: got %x, want %x", got, v.Transcript)
			}
		})
	}
}

func join(parts []hexBytes) []byte {
	var whole []byte
	for _, p := range parts {
		whole = append(whole, p...)
	}
	return whole
}

func TestAdmitRefuses(t *testing.T) {
	all := vectors[handshakeVectors](t, "handshakes.json")
	for _, v := range all.RefusedByDaemon {
		t.Run(v.Name, func(t *testing.T) {
			var frames counter
			_, _, err := wire.AdmitWith(wire.NewReader(bytes.NewReader(v.Input), 0), &frames, wire.Key(all.Key), all.Daemon.identity(), [32]byte(all.Daemon.Nonce),
				func(wire.Hello) wire.Welcome { t.Error("a stranger was let in"); return wire.Welcome{} })
			if got := verdict(err); got != v.Verdict || err == nil {
				t.Errorf("got %q (%v), want %q", got, err, v.Verdict)
			}
			if int(frames) != v.FramesWritten {
				t.Errorf("wrote %d frames, want %d", frames, v.FramesWritten)
			}
		})
	}
}

func TestGreetRefuses(t *testing.T) {
	all := vectors[handshakeVectors](t, "handshakes.json")
	for _, v := range all.RefusedByClient {
		t.Run(v.Name, func(t *testing.T) {
			var frames counter
			_, err := wire.GreetWith(wire.NewReader(bytes.NewReader(v.Input), 0), &frames, wire.Key(all.Key), all.Client.hello())
			if got := verdict(err); got != v.Verdict || err == nil {
				t.Errorf("got %q (%v), want %q", got, err, v.Verdict)
			}
			if int(frames) != v.FramesWritten {
				t.Errorf("wrote %d frames, want %d", frames, v.FramesWritten)
			}
		})
	}
}

// counter counts the writes of a handshake, each of which is one frame.
type counter int

func (c *counter) Write(p []byte) (int, error) { *c++; return len(p), nil }

// Every bit of a handshake matters: if a bit is flipped or the end is cut off, the daemon
// does not admit the client and Greet fails. The content of the welcome is not
// authenticated, so the test leaves it out.
func TestHandshakeTampered(t *testing.T) {
	all := vectors[handshakeVectors](t, "handshakes.json")
	good := all.Handshakes[0]
	fromClient, challenge := join(good.ClientSends), good.DaemonSends[0]
	admit := func(input []byte) error {
		_, _, err := wire.AdmitWith(wire.NewReader(bytes.NewReader(input), 0), io.Discard, wire.Key(all.Key), all.Daemon.identity(), [32]byte(all.Daemon.Nonce), func(wire.Hello) wire.Welcome { return good.Welcome })
		return err
	}
	greet := func(challenge []byte) error {
		stream := append(append([]byte{}, challenge...), good.DaemonSends[1]...)
		_, err := wire.GreetWith(wire.NewReader(bytes.NewReader(stream), 0), io.Discard, wire.Key(all.Key), all.Client.hello())
		return err
	}
	if err := errors.Join(admit(fromClient), greet(challenge)); err != nil {
		t.Fatal(err)
	}
	for i := range fromClient {
		if admit(fromClient[:i]) == nil {
			t.Errorf("admitted after %d bytes", i)
		}
		for bit := range 8 {
			tampered := bytes.Clone(fromClient)
			tampered[i] ^= 1 << bit
			if admit(tampered) == nil {
				t.Errorf("admitted with bit %d of byte %d flipped", bit, i)
			}
		}
	}
	for i := range challenge {
		for bit := range 8 {
			tampered := bytes.Clone(challenge)
			tampered[i] ^= 1 << bit
			if greet(tampered) == nil {
				t.Errorf("greeted with bit %d of byte %d flipped", bit, i)
			}
		}
	}
}

// runHandshake runs a handshake over a pipe.
func runHandshake(t *testing.T, clientKey, daemonKey wire.Key, hello wire.Hello, id wire.Identity, decide func(wire.Hello) wire.Welcome) (wire.Welcome, error, wire.Hello, error) {
	t.Helper()
	near, far := net.Pipe()
	defer near.Close()
	var seen wire.Hello
	var admitErr error
	done := make(chan struct{}) // closed when the daemon's side has ended
	go func() {
		defer close(done)
		defer far.Close()
		seen, _, admitErr = wire.Admit(wire.NewReader(far, wire.MaxFrame), far, daemonKey, id, decide)
	}()
	welcome, err := wire.Greet(wire.NewReader(near, wire.MaxFrame), near, clientKey, hello)
	near.Close()
	<-done
	return welcome, err, seen, admitErr
}

func TestGreetAndAdmit(t *testing.T) {
	key := wire.Key{1}
	hello := wire.Hello{Incarnation: "i", Address: "a", Session: "s", PID: 12}
	id := wire.Identity{Incarnation: "i", Address: "a"}
	want := wire.Welcome{Code: wire.WelcomeOK, Calls: 3, Bytes: 4, Frame: 5}
	nonces := map[[32]byte]bool{}
	for range 3 {
		welcome, err, seen, admitErr := runHandshake(t, key, key, hello, id, func(wire.Hello) wire.Welcome { return want })
		if err != nil || admitErr != nil || welcome != want {
			t.Fatalf("got %+v, %v; %v", welcome, err, admitErr)
		}
		if seen.PID != 12 || seen.Session != "s" || seen.MinVersion != wire.MinVersion || seen.MaxVersion != wire.MaxVersion {
			t.Errorf("the daemon saw %+v", seen)
		}
		nonces[seen.Nonce] = true
	}
	if len(nonces) != 3 {
		t.Errorf("got %d different nonces in 3 handshakes", len(nonces))
	}
}

// Two builds agree on the greatest version that both speak. If there is none, both learn the
// ranges from an authenticated peer.
func TestVersionRanges(t *testing.T) {
	var ranges [][2]uint
	for least := uint(1); least <= 4; least++ {
		for greatest := least; greatest <= 4; greatest++ {
			ranges = append(ranges, [2]uint{least, greatest})
		}
	}
	key := wire.Key{1}
	for _, c := range ranges {
		for _, d := range ranges {
			hello := wire.Hello{MinVersion: c[0], MaxVersion: c[1], Incarnation: "i", Address: "a"}
			id := wire.Identity{Incarnation: "i", Address: "a", MinVersion: d[0], MaxVersion: d[1]}
			near, far := net.Pipe()
			var said bytes.Buffer
			asked := false
			admitted := make(chan error, 1)
			go func() {
				_, _, err := wire.Admit(wire.NewReader(far, wire.MaxFrame), io.MultiWriter(&said, far), key, id, func(wire.Hello) wire.Welcome {
					asked = true
					return wire.Welcome{Code: wire.WelcomeOK}
				})
				admitted <- err
			}()
			_, err := wire.Greet(wire.NewReader(near, wire.MaxFrame), near, key, hello)
			if err := <-admitted; err != nil {
				t.Fatalf("client %v, daemon %v: the daemon: %v", c, d, err)
			}
			near.Close()
			far.Close()

			want := uint(0)
			for v := max(c[0], d[0]); v <= min(c[1], d[1]); v++ {
				want = v
			}
			var challenge wire.Challenge
			if f, err := wire.NewReader(&said, wire.MaxFrame).Next(); err != nil || wire.UnmarshalOpen(f.Body, &challenge) != nil {
				t.Fatalf("client %v, daemon %v: the challenge: %v", c, d, err)
			}
			if challenge.Version != want || asked != (want != 0) {
				t.Errorf("client %v, daemon %v: got version %d, want %d; asked to decide: %v", c, d, challenge.Version, want, asked)
			}
			var refused *wire.RefusedError
			switch both := fmt.Sprintf("versions %d-%d of the protocol, the daemon %d-%d", c[0], c[1], d[0], d[1]); {
			case want != 0 && err != nil:
				t.Errorf("client %v, daemon %v: %v", c, d, err)
			case want == 0 && (!errors.As(err, &refused) || refused.Welcome.Code != wire.WelcomeIncompatible || !strings.Contains(refused.Welcome.Text, both)):
				t.Errorf("client %v, daemon %v: got %v, want a refusal with %s", c, d, err, both)
			}
		}
	}
}

func TestGreetWithAnotherKey(t *testing.T) {
	hello := wire.Hello{Incarnation: "i", Address: "a"}
	_, err, _, admitErr := runHandshake(t, wire.Key{1}, wire.Key{2}, hello, wire.Identity{Incarnation: "i", Address: "a"}, nil)
	if !errors.Is(err, wire.ErrAuth) {
		t.Errorf("client: got %v, want ErrAuth", err)
	}
	if admitErr == nil {
		t.Error("daemon: admitted a client that hung up")
	}
}

func TestGreetRefusal(t *testing.T) {
	key := wire.Key{1}
	long := "é" + strings.Repeat("x\xff", 1000)
	_, err, _, admitErr := runHandshake(t, key, key, wire.Hello{}, wire.Identity{}, func(wire.Hello) wire.Welcome {
		return wire.Welcome{Code: wire.WelcomeDraining, Text: long}
	})
	var refused *wire.RefusedError
	if !errors.As(err, &refused) || refused.Welcome.Code != wire.WelcomeDraining || !strings.HasPrefix(refused.Welcome.Text, "éx\ufffdx") {
		t.Errorf("got %v, want a refusal", err)
	}
	if admitErr != nil {
		t.Errorf("daemon: %v", admitErr)
	}
}

// A handshake restores the reader's settings and leaves the bytes after it unread.
func TestHandshakeLeavesReaderReady(t *testing.T) {
	all := vectors[handshakeVectors](t, "handshakes.json")
	stream := append(join(all.Handshakes[0].ClientSends), encode(t, wire.Frame{Kind: wire.KindCall, ID: 1, Body: make([]byte, 5000)})...)
	steps := script{stream[:20], stream[20:300], stream[300:]}
	r := wire.NewReader(&steps, 6000)
	stalled := 0
	r.Stalled = func(int) { stalled++ }
	if _, _, err := wire.AdmitWith(r, io.Discard, wire.Key(all.Key), all.Daemon.identity(), [32]byte(all.Daemon.Nonce), func(wire.Hello) wire.Welcome {
		if stalled != 0 {
			t.Error("the handshake's own deadline was replaced")
		}
		return all.Handshakes[0].Welcome
	}); err != nil {
		t.Fatal(err)
	}
	if f, err := r.Next(); err != nil || len(f.Body) != 5000 || stalled == 0 {
		t.Errorf("got %d bytes, %v, %d stalls", len(f.Body), err, stalled)
	}
}

func TestHandshakeTooLong(t *testing.T) {
	hello := wire.Hello{Session: strings.Repeat("s", wire.MaxHandshake)}
	var frames counter
	if _, err := wire.Greet(wire.NewReader(strings.NewReader(""), 0), &frames, wire.Key{}, hello); !errors.Is(err, wire.ErrFrameTooLarge) || frames != 0 {
		t.Errorf("got %v and %d writes, want ErrFrameTooLarge before the first", err, frames)
	}
}

func TestKeyIsNotPrinted(t *testing.T) {
	key := wire.Key{0xab, 0xcd}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q"} {
		printed := fmt.Sprintf(verb, struct{ K wire.Key }{key})
		if strings.Contains(printed, "171") || strings.Contains(strings.ToLower(printed), "abcd") || strings.Contains(printed, "0xab") {
			t.Errorf("%s prints %s", verb, printed)
		}
	}
}

// For every input Admit does not panic, admits no client without a proof, and sends nothing
// before a valid hello.
func FuzzAdmit(f *testing.F) {
	all := vectors[handshakeVectors](f, "handshakes.json")
	for _, v := range all.RefusedByDaemon {
		f.Add([]byte(v.Input))
	}
	f.Add(join(all.Handshakes[0].ClientSends)) // the daemon of this test has another nonce
	f.Fuzz(func(t *testing.T, stream []byte) {
		var frames counter
		hello, _, err := wire.Admit(wire.NewReader(bytes.NewReader(stream), 0), &frames, wire.Key(all.Key), all.Daemon.identity(), func(wire.Hello) wire.Welcome {
			t.Error("admitted")
			return wire.Welcome{}
		})
		if err == nil {
			t.Error("no error")
		}
		if frames == 0 {
			return
		}
		if hello.Incarnation != all.Daemon.Incarnation || hello.Address != all.Daemon.Address || !bytes.HasPrefix(stream, []byte("loopgen\xae")) {
			t.Errorf("spoke to a stranger: %+v", hello)
		}
	})
}

func FuzzHello(f *testing.F) {
	for _, v := range vectors[handshakeVectors](f, "handshakes.json").RefusedByDaemon {
		if len(v.Input) > 24 {
			f.Add([]byte(v.Input[24:]))
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		hello, err := wire.ParseHello(body)
		if err != nil {
			return
		}
		again, err := wire.Marshal(hello)
		if err != nil || !bytes.Equal(again, body) {
			t.Errorf("%x says the same as %x, %v", body, again, err)
		}
	})
}

func FuzzChallenge(f *testing.F) { fuzzGreet(f, 0) }
func FuzzWelcome(f *testing.F)   { fuzzGreet(f, 1) }

// fuzzGreet replaces the body of one of the daemon's frames. Greet may succeed only with a
// valid welcome.
func fuzzGreet(f *testing.F, replaced int) {
	all := vectors[handshakeVectors](f, "handshakes.json")
	good := all.Handshakes[0]
	for _, v := range all.Handshakes {
		f.Add([]byte(v.DaemonSends[replaced][wire.HeaderSize:]))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		sends := []hexBytes{good.DaemonSends[0], good.DaemonSends[1]}
		kind := []wire.Kind{wire.KindChallenge, wire.KindWelcome}[replaced]
		sends[replaced] = encode(t, wire.Frame{Kind: kind, Body: body})
		welcome, err := wire.GreetWith(wire.NewReader(bytes.NewReader(join(sends)), 0), io.Discard, wire.Key(all.Key), all.Client.hello())
		if err == nil && (welcome.Code != wire.WelcomeOK || welcome.Calls < 0 || welcome.Bytes < 0 || welcome.Frame < 0) {
			t.Errorf("greeted with %+v", welcome)
		}
	})
}
