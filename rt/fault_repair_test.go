//go:build unix

package rt_test

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/rttest"
)

// A daemon repairs an endpoint or a socket that somebody has changed while it runs:
// a client that comes meanwhile waits, and reaches the same object.
func TestDamageIsRepairedWhileTheDaemonLives(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		transport rt.Transport
		change    func(e *rundir.Endpoint)
		log       string
	}{
		"key":     {rt.TransportUnix, func(e *rundir.Endpoint) { e.Key[3] ^= 1 }, "the endpoint was changed or removed"},
		"address": {rt.TransportUnix, func(e *rundir.Endpoint) { e.Address += "0" }, "the endpoint was changed or removed"},
		"network": {rt.TransportUnix, func(e *rundir.Endpoint) { e.Network, e.Address = "tcp", "127.0.0.1:1" }, "the endpoint was changed or removed"},
		"port":    {rt.TransportTCP, func(e *rundir.Endpoint) { e.Address = "127.0.0.1:1" }, "the endpoint was changed or removed"},
		"socket":  {rt.TransportUnix, nil, "was replaced"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := singleton{Dir: rttest.Dir(t), Name: "c", Transport: test.transport, IdleTTL: time.Minute}
			c := connect(t, a)
			if _, err := c.Inc(t.Context()); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(a.directory(t).Path(), "endpoint")
			good, e := readFile(t, path), a.endpoint(t)
			if test.change != nil {
				test.change(e)
				text, err := e.MarshalText()
				if err == nil {
					err = os.WriteFile(path, text, 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
			} else {
				fake := e.Address + "x"
				ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: fake, Net: "unix"})
				if err == nil {
					ln.SetUnlinkOnClose(false)
					defer ln.Close()
					err = os.Rename(fake, e.Address)
				}
				if err != nil {
					t.Fatal(err)
				}
				go func() { // ends when the listener is closed
					for {
						conn, err := ln.Accept()
						if err != nil {
							return
						}
						conn.Close()
					}
				}()
			}
			began := time.Now()
			if n, err := connect(t, a).Inc(t.Context()); n != 2 || err != nil {
				t.Errorf("who comes meanwhile: %d, %v; want 2", n, err)
			}
			if took := time.Since(began); took > 5*time.Second { // want 1 s
				t.Errorf("the repair took %v", took)
			}
			if now := readFile(t, path); !bytes.Equal(now, good) {
				t.Errorf("the endpoint is now\n%s\nwant\n%s", now, good)
			}
			if log := string(readFile(t, e.Log)); strings.Count(log, test.log) != 1 {
				t.Errorf("the log is\n%s\nwant one line with %q", log, test.log)
			}
			if n, err := c.Inc(t.Context()); n != 3 || err != nil {
				t.Errorf("who was there before: %d, %v; want 3", n, err)
			}
		})
	}
}
