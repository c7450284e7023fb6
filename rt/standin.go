package rt

import (
	"sync"
	"time"
)

// standIns lets the goroutine that reads a connection run a call that need not
// wait, which spares two switches between threads, and still have the connection
// read at all times: when the method has run for about a millisecond, a stand-in
// takes over the reading, and the other one ends with its call.
//
// One goroutine looks every millisecond as long as there are such calls, and a
// while longer; starting it for each call would cost what is to be spared.
type standIns struct {
	mu      sync.Mutex
	running map[*servedCall]reading // calls on goroutines that read as well
	tick    int
	busy    int // the last tick at which there were any
	looking bool
}

// reading is the connection that a goroutine reads that now runs a call, and the
// tick at which the call began. It goes with the call, not with the connection:
// when a stand-in reads, and runs a call in turn, there is one of each.
type reading struct {
	conn  *serverConn
	began int
}

const (
	standInTick = time.Millisecond
	standInRest = 10 // ticks without calls before nobody looks any more
)

// begin notes that the goroutine that reads s now runs c.
func (r *standIns) begin(s *serverConn, c *servedCall) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running == nil {
		r.running = make(map[*servedCall]reading)
	}
	r.running[c] = reading{s, r.tick}
	r.busy = r.tick
	if !r.looking {
		r.looking = true
		go r.look() // ends when nothing has run for a while
	}
}

// end notes that the call is over, and reports whether its goroutine still is the
// one that reads the connection.
func (r *standIns) end(c *servedCall) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, reads := r.running[c]
	delete(r.running, c)
	return reads
}

func (r *standIns) look() {
	t := time.NewTicker(standInTick)
	defer t.Stop()
	for range t.C {
		r.mu.Lock()
		r.tick++
		for c, at := range r.running {
			r.busy = r.tick
			if r.tick-at.began > 1 {
				delete(r.running, c)
				go at.conn.read() // ends with the connection, or with a call that it runs for long
			}
		}
		if r.tick-r.busy > standInRest {
			r.looking = false
			r.mu.Unlock()
			return
		}
		r.mu.Unlock()
	}
}
