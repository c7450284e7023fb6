//go:build unix

package rt_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
)

// The floors that the benchmarks divide by are the least work of two processes when one
// answers or starts the other. They use nothing of rt. A process on the floor has a session
// of its own if its counterpart, the daemon, has one.

// frameLength is what a frame on the floor has before its payload. Its value
// is never looked at, since both sides know it.
const frameLength = 4

func init() {
	addRole("raw", playRaw)
}

// playRaw is the server under a call: the role "raw" of the test binary. It
// writes its address to standard output, and to everybody who connects every
// frame that it reads.
func playRaw(_ context.Context, _ *counterShared, a args) (any, error) {
	go func() { // ends with the process: when whoever started it is gone, whatever became of it
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	address := "127.0.0.1:0"
	if a.Transport == rt.TransportUnix {
		address = filepath.Join(a.Dir, "raw")
	}
	ln, err := net.Listen(string(a.Transport), address)
	if err != nil {
		return nil, err
	}
	fmt.Println(ln.Addr())
	for {
		conn, err := ln.Accept()
		if err != nil {
			return nil, err
		}
		go rawEcho(conn, a.N)
	}
}

// rawEcho serves one connection until its client hangs up.
func rawEcho(conn net.Conn, payload int) {
	defer conn.Close()
	frame := make([]byte, frameLength+payload)
	for {
		if _, err := io.ReadFull(conn, frame); err != nil {
			return
		}
		if _, err := conn.Write(frame); err != nil {
			return
		}
	}
}

// rawTrip sends so many bytes of payload and reads them back.
func rawTrip(conn net.Conn, payload int) func() error {
	frame := make([]byte, frameLength+payload)
	return func() error {
		if _, err := conn.Write(frame); err != nil {
			return err
		}
		_, err := io.ReadFull(conn, frame)
		return err
	}
}

// rawServer is a process that serves without rt.
type rawServer struct {
	singleton
	payload int
	address string
	pid     int
}

func startRaw(b *testing.B, transport rt.Transport, payload int) rawServer {
	b.Helper()
	a := singleton{Dir: rttest.Dir(b), Transport: transport}
	server := start(b, "raw", a, withN(payload), withSession())
	return rawServer{a, payload, server.line(b), server.cmd.Process.Pid}
}

// trip returns a function that makes round trips on a connection of its own.
// Only one goroutine may call it at a time.
func (s rawServer) trip(b *testing.B) func() error {
	b.Helper()
	conn, err := net.Dial(string(s.Transport), s.address)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	return rawTrip(conn, s.payload)
}

// execOnce returns a function that runs a process of this binary in the role
// "exec", which does nothing, and returns how long that takes: fork, exec, the
// runtime's start and the end of the process.
func execOnce(b *testing.B) contestant {
	return func() []time.Duration {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), roleVar+"="+doNothing)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		begin := time.Now()
		if err := cmd.Run(); err != nil {
			b.Fatal(err)
		}
		return []time.Duration{time.Since(begin)}
	}
}
