package daemon

import "time"

// fresh is how long after its arrival a call begins without another look at what has
// come behind it.
const fresh = 5 * time.Millisecond

// queue holds calls in order, in memory that it uses again.
type queue struct {
	calls []*servedCall
	first int // of calls, those before were popped
}

func (q *queue) len() int { return len(q.calls) - q.first }

func (q *queue) push(c *servedCall) { q.calls = append(q.calls, c) }

// pop returns the first call. There is one.
func (q *queue) pop() *servedCall {
	c := q.calls[q.first]
	q.calls[q.first] = nil
	q.first++
	if q.first == len(q.calls) {
		q.calls, q.first = q.calls[:0], 0
	}
	return c
}
