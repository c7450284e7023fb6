// Olddaemon is the daemon of a build that knows neither numbers nor questions: it answers
// each status frame with a status of the first keys. It serves the singleton old in the base
// directory of its argument until it is killed.
package main

import (
	"context"
	"log"
	"net"
	"os"
	"time"

	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/sock"
	"github.com/loopgen/loopgen/rt/internal/wire"
)

type method struct{ Name, Mode, Signature string }

// status has some fields of rt.Status.
type status struct {
	PID                        int
	Incarnation, Service, Name string
	Started                    time.Time
	Calls                      uint64
	Methods                    []method
}

func main() {
	dir, err := rundir.Open(os.Args[1], "old")
	check(err)
	lock, err := dir.AcquireDaemonLock(context.Background())
	check(err)
	const signature = "func() int"
	e := &rundir.Endpoint{
		Network: "unix", Incarnation: "f7c3a9", PID: os.Getpid(), Host: rundir.HostID(), Boot: rundir.BootID(), MinProtocol: 1, MaxProtocol: 1,
		Service: "example.com/old.Counter", Name: "old", Directory: dir.Path(), Methods: []rundir.MethodLine{{Name: "Inc", Hash: wire.SignatureHash(signature), Signature: signature}},
	}
	e.Address, err = dir.SocketPath(e.Incarnation)
	check(err)
	listener, err := sock.ListenUnix(e.Address, 0o600)
	check(err)
	e.Locate()
	check(lock.Publish(e))
	for {
		conn, err := listener.Accept()
		check(err)
		go serve(conn, e) // ends with the connection
	}
}

// serve answers one client.
func serve(conn net.Conn, e *rundir.Endpoint) {
	defer conn.Close()
	r := wire.NewReader(conn, wire.MaxFrame)
	_, _, err := wire.Admit(r, conn, e.Key, wire.Identity{Incarnation: e.Incarnation, Address: wire.AddressText(e.Address)}, func(wire.Hello) wire.Welcome {
		return wire.Welcome{Code: wire.WelcomeOK, Calls: 1, Bytes: 1 << 20, Frame: 1 << 20}
	})
	for err == nil {
		var f wire.Frame
		if f, err = r.Next(); err != nil || f.Kind != wire.KindStatus {
			continue
		}
		s := status{e.PID, e.Incarnation, e.Service, e.Name, time.Now(), 7, []method{{"Inc", "exclusive", e.Methods[0].Signature}}}
		var body, frame []byte
		if body, err = wire.Marshal(s); err != nil {
			continue
		}
		if frame, err = (&wire.Frame{Kind: wire.KindReply, ID: f.ID, Body: body}).Append(nil); err == nil {
			_, err = conn.Write(frame)
		}
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
