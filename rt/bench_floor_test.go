//go:build unix

package rt_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
)

// The floors that the benchmarks divide by: what two processes cannot do
// without when one of them answers the other, or is started by it. They know
// nothing of rt.

// frameLength is what a frame on the floor has before its payload. Its value
// is never looked at, since both sides know it.
const frameLength = 4

// rawEcho is the server under a call: the role "raw" of the test binary. It
// writes its address to standard output, and to the first who connects every
// frame that it reads.
func rawEcho(a args) error {
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
		return err
	}
	fmt.Println(ln.Addr())
	conn, err := ln.Accept()
	if err != nil {
		return err
	}
	frame := make([]byte, frameLength+a.N)
	for {
		if _, err := io.ReadFull(conn, frame); err != nil {
			return err
		}
		if _, err := conn.Write(frame); err != nil {
			return err
		}
	}
}

// rawTrip returns a function that sends so many bytes of payload to a process
// of its own and reads them back. Only one goroutine may call it at a time.
func rawTrip(b *testing.B, transport rt.Transport, payload int) func() error {
	b.Helper()
	server := start(b, "raw", args{Dir: rttest.Dir(b), Transport: transport, N: payload})
	conn, err := net.Dial(string(transport), server.line(b))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	frame := make([]byte, frameLength+payload)
	return func() error {
		if _, err := conn.Write(frame); err != nil {
			return err
		}
		_, err := io.ReadFull(conn, frame)
		return err
	}
}

// execOnce returns a function that runs a process of this binary in the role
// "exec", which does nothing, and returns how long that takes: fork, exec, the
// runtime's start and the end of the process.
func execOnce(b *testing.B) func() []time.Duration {
	return func() []time.Duration {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), roleVar+"=exec")
		begin := time.Now()
		if err := cmd.Run(); err != nil {
			b.Fatal(err)
		}
		return []time.Duration{time.Since(begin)}
	}
}
