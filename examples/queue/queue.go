package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
)

//go:generate go tool loopgen -type Queue

var (
	// ErrSealed is returned by Take and PopContext when no job is left and none
	// will come.
	ErrSealed = errors.New("no job is left, and the queue is sealed")
	// ErrLease is returned by Take for a lease that holds a job already, and by
	// Done for one that holds none.
	ErrLease = errors.New("the lease holds a job already, or none")
)

// Queue hands out jobs. A method that waits must be concurrent, so all methods are,
// and the queue has a lock. The jobs are in the daemon's memory and end with it.
type Queue struct {
	mu       sync.Mutex
	changed  chan struct{}     // closed, and replaced, when anything below changes
	waiting  []string          // jobs in order
	taken    map[string]string // jobs by lease
	sealed   bool
	progress Progress
}

// Progress counts jobs.
type Progress struct {
	Waiting, Taken, Done int
	GivenBack            int // how often a job was taken and not done
}

// NewQueue returns an empty queue.
func NewQueue() *Queue {
	return &Queue{changed: make(chan struct{}), taken: make(map[string]string)}
}

// Push appends jobs.
//
//loopgen:concurrent
func (q *Queue) Push(jobs ...string) {
	q.update(func() { q.waiting = append(q.waiting, jobs...) })
}

// Seal says that no more jobs will be pushed.
//
//loopgen:concurrent
func (q *Queue) Seal() { q.update(func() { q.sealed = true }) }

// PopContext waits for a job and removes it. A job that was popped is lost if its
// worker dies; Take is for jobs that must not be lost.
//
//loopgen:concurrent
func (q *Queue) PopContext(ctx context.Context) (job string, err error) {
	err = q.next(ctx, func(first string) error {
		job = first
		q.progress.Done++
		return nil
	})
	return job, err
}

// Take waits for a job and takes it under a lease, a text of the caller's that no
// other worker uses. The worker calls Done when the job is done, and then Release.
// When its process dies, or closes its Shared, the daemon calls Release.
//
//loopgen:concurrent
//loopgen:session end=Release
func (q *Queue) Take(ctx context.Context, lease string) (job string, err error) {
	err = q.next(ctx, func(first string) error {
		if _, used := q.taken[lease]; used {
			return ErrLease
		}
		job = first
		q.taken[lease] = first
		return nil
	})
	return job, err
}

// Done acknowledges the job of a lease: nobody gets it again.
//
//loopgen:concurrent
func (q *Queue) Done(lease string) (err error) {
	q.update(func() {
		if _, ok := q.taken[lease]; !ok {
			err = ErrLease
			return
		}
		delete(q.taken, lease)
		q.progress.Done++
	})
	return err
}

// Release ends a lease. A job that was not acknowledged becomes the first of the
// queue again.
//
//loopgen:concurrent
func (q *Queue) Release(lease string) {
	q.update(func() {
		if job, ok := q.taken[lease]; ok {
			delete(q.taken, lease)
			q.waiting = slices.Insert(q.waiting, 0, job)
			q.progress.GivenBack++
		}
	})
}

// Progress returns the counts of now, for a client that polls.
//
//loopgen:concurrent
func (q *Queue) Progress() Progress {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.count()
}

// WaitProgress waits until the counts are not those that the caller has seen, and
// returns them.
//
//loopgen:concurrent
func (q *Queue) WaitProgress(ctx context.Context, seen Progress) (now Progress, err error) {
	err = q.wait(ctx, func() bool {
		now = q.count()
		return now != seen
	})
	return now, err
}

// next waits for a job and removes it if accept, which is called with q.mu held,
// returns nil.
func (q *Queue) next(ctx context.Context, accept func(job string) error) error {
	var err error
	waitErr := q.wait(ctx, func() bool {
		switch {
		case len(q.waiting) > 0:
			if err = accept(q.waiting[0]); err == nil {
				q.waiting = q.waiting[1:]
				q.broadcast()
			}
			return true
		case q.sealed && len(q.taken) == 0: // a job that is taken may come back
			err = ErrSealed
			return true
		}
		return false
	})
	return cmp.Or(waitErr, err)
}

// wait returns when ready, which is called with q.mu held, returns true, or when
// the context ends.
func (q *Queue) wait(ctx context.Context, ready func() bool) error {
	for ctx.Err() == nil {
		q.mu.Lock()
		ok, changed := ready(), q.changed
		q.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

// update makes a change and wakes the callers that wait.
func (q *Queue) update(change func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	change()
	q.broadcast()
}

// broadcast wakes the callers that wait. q.mu is held.
func (q *Queue) broadcast() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// count returns the counts. q.mu is held.
func (q *Queue) count() Progress {
	p := q.progress
	p.Waiting, p.Taken = len(q.waiting), len(q.taken)
	return p
}
