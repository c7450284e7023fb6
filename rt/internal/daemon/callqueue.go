package daemon

import "time"

// maxUnchecked is how long after its arrival a call begins without another look at the
// input behind it.
const maxUnchecked = 5 * time.Millisecond

// arrival returns when a call arrives. Calls that begin together count as arrived with the
// first of them, which saves reading the clock. Only the goroutine that reads calls it.
func (s *serverConn) arrival() time.Time {
	if s.arrived.len() == 0 {
		s.now = time.Now()
	}
	return s.now
}

// clock returns the time, by the monotonic clock since arrival, in half the time of
// time.Now. Only the goroutine that reads calls it.
func (s *serverConn) clock() time.Time {
	s.now = s.now.Add(time.Since(s.now))
	return s.now
}

// queue has calls in order of arrival. It reuses its memory.
type queue struct {
	calls []*servedCall
	first int // index of the first call; those before it have been popped
}

func (q *queue) len() int { return len(q.calls) - q.first }

func (q *queue) push(c *servedCall) { q.calls = append(q.calls, c) }

// pop removes and returns the first call. The queue must not be empty.
func (q *queue) pop() *servedCall {
	c := q.calls[q.first]
	q.calls[q.first] = nil
	q.first++
	if q.first == len(q.calls) {
		q.calls, q.first = q.calls[:0], 0
	}
	return c
}
