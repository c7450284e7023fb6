package stub

import "sync/atomic"

// MaxNewTypes is how many types a peer can make by naming them, see [TypeQuota].
const MaxNewTypes = 1024

// A TypeQuota bounds the types that this process makes because a peer names them:
// pointers, slices, arrays and maps that an interface holds and that this process
// has not met. Package reflect keeps each for as long as the process runs. Every
// peer has a quota of its own, so that none uses up another's. The zero value is a
// whole quota. It may be used concurrently.
type TypeQuota struct{ made atomic.Int32 }

// take counts a type that is about to be made, or refuses it. A nil quota has no
// end: a client has one daemon, which has refused what was too much.
func (q *TypeQuota) take() *fault {
	if q == nil {
		return nil
	}
	if q.made.Add(1) > MaxNewTypes {
		q.made.Add(-1)
		return faultf("the connection has brought %d types that were new to this process, and may bring no more; use slices instead of arrays of many lengths", MaxNewTypes)
	}
	return nil
}
