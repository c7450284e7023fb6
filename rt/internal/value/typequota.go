package value

import "sync/atomic"

// maxNewTypes is the maximum number of types that a peer can make by naming them: see
// [TypeQuota].
const maxNewTypes = 1024

// A TypeQuota limits the types that this process makes because a peer names them: new
// pointers, slices, arrays and maps in interfaces. Package reflect keeps each type
// until the process exits. Each peer has its own quota, so no peer uses up the quota of
// another. The zero value is an unused quota. It may be used concurrently.
type TypeQuota struct{ made atomic.Int32 }

// take counts a type that is about to be made, or returns a fault. A nil quota has no
// limit: it is for clients, whose one daemon has already limited the types.
func (q *TypeQuota) take() *fault {
	if q == nil {
		return nil
	}
	if q.made.Add(1) > maxNewTypes {
		q.made.Add(-1)
		return faultf("the connection has brought %d types that were new to this process, and may bring no more; use slices instead of arrays of many lengths", maxNewTypes)
	}
	return nil
}
