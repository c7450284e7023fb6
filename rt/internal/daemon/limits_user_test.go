package daemon

import (
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopgen/loopgen/rt/internal/sock"
	"github.com/loopgen/loopgen/rt/internal/wire"
)

// TestLimitClientsOfAUser shows that a user other than the service's own has at most three
// quarters of the connections, and that a part is reserved for the service's own user.
func TestLimitClientsOfAUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newStill(t, time.Second)
		d.limits.clients, d.limits.observers = 64, 2
		e := d.identity.Load()
		// fill connects as a user until the daemon closes the connection.
		fill := func(uid int) (clients, observers int, text string) {
			for {
				ours, theirs := net.Pipe()
				go d.ServeConn(theirs, Peer{Peer: sock.Peer{Known: true, UID: uid}})
				before := d.connCount()
				r := wire.NewReader(ours, 1<<20)
				_, err := wire.Greet(r, ours, e.Key, wire.Hello{Incarnation: e.Incarnation, Address: e.Address})
				synctest.Wait()
				var refused *wire.RefusedError
				switch refuses := errors.As(err, &refused); {
				case d.connCount() == before:
					ours.Close()
					return clients, observers, text
				case refuses:
					observers++
					text = refused.Welcome.Text
				case err == nil:
					clients++
				default:
					t.Fatal(err)
				}
				t.Cleanup(func() { ours.Close() })
			}
		}
		for i, want := range []struct {
			uid, clients, observers int
			text                    string
		}{
			{d.owner + 1, 48, 2, "of them are user"},
			{d.owner + 2, 10, 2, "one user may have 48 of the 64 places, and all users but the service's own 60"},
			{d.owner, 2, 2, "65 are connected"},
		} {
			clients, observers, text := fill(want.uid)
			if clients != want.clients || observers != want.observers || !strings.Contains(text, want.text) {
				t.Errorf("user %d has %d clients and %d observers, %q; want %d, %d, %q", i, clients, observers, text, want.clients, want.observers, want.text)
			}
		}
	})
}

// TestLimitUnauthenticatedOfAUser shows that a user with many silent connections evicts only
// connections of that user.
func TestLimitUnauthenticatedOfAUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newStill(t, time.Hour)
		d.limits.unauthenticated = 3
		began := time.Now()
		closed := make([]time.Duration, 6)
		for i, uid := range []int{d.owner, 1 << 20, 1 << 20, 1 << 20, 1 << 20, 1<<20 + 1} {
			ours, theirs := net.Pipe()
			go d.ServeConn(theirs, Peer{Peer: sock.Peer{Known: true, UID: uid}})
			synctest.Wait()
			go func() { // ends when the daemon closes the connection
				io.Copy(io.Discard, ours)
				closed[i] = time.Since(began)
			}()
		}
		time.Sleep(2 * d.limits.handshake) // of the fake clock
		synctest.Wait()
		late := d.limits.handshake
		if want := []time.Duration{late, 0, 0, 0, late, late}; !slices.Equal(closed, want) {
			t.Errorf("closed after %v, want %v", closed, want)
		}
	})
}
