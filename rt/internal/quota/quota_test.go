package quota

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

func TestQuotaGrantsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(2, 100)
		for range 2 {
			if err := w.Acquire(t.Context(), 40, new(Waiter)); err != nil {
				t.Fatal(err)
			}
		}
		order := make(chan int, 3)
		for i, size := range []int{90, 20} { // the small one does not overtake the large one
			go func() {
				if err := w.Acquire(t.Context(), size, new(Waiter)); err != nil {
					t.Error(err)
				}
				order <- i
			}()
			synctest.Wait()
		}
		w.Release(40)
		synctest.Wait()
		if len(order) != 0 {
			t.Fatal("a call was granted although the first in the queue does not fit")
		}
		w.Release(40)
		synctest.Wait()
		synctest.Wait()
		if len(order) != 1 || <-order != 0 {
			t.Fatal("the first in the queue was not granted alone")
		}
		w.Release(90)
		if got := <-order; got != 1 {
			t.Errorf("then call %d was granted, want 1", got)
		}
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error)
		go func() { failed <- w.Acquire(ctx, 100, new(Waiter)) }()
		synctest.Wait()
		cancel()
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Errorf("acquire returned %v, want %v", err, context.Canceled)
		}
		w.Close()
		if err := w.Acquire(t.Context(), 1<<30, new(Waiter)); err != nil {
			t.Errorf("after close: %v", err)
		}
	})
}

// TestQuotaAllocatesOnce shows that a call that waits with a used Waiter allocates nothing,
// in whatever order the waiting calls give up.
func TestQuotaAllocatesOnce(t *testing.T) {
	q := New(1, 100)
	if !q.Try(1) {
		t.Fatal("the quota is not free")
	}
	waiters := make([]Waiter, 3)
	turn := func() {
		for i := range waiters {
			q.mu.Lock()
			q.push(&waiters[i])
			q.mu.Unlock()
		}
		for _, i := range []int{1, 2, 0} {
			q.mu.Lock()
			q.remove(&waiters[i])
			q.mu.Unlock()
		}
	}
	if n := testing.AllocsPerRun(10, turn); n != 0 || q.first != nil || q.last != nil {
		t.Errorf("%v allocations, list from %p to %p; want none", n, q.first, q.last)
	}
	var used Waiter
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	again := func() {
		if err := q.Acquire(ended, 1, &used); !errors.Is(err, context.Canceled) {
			t.Errorf("acquire returned %v, want %v", err, context.Canceled)
		}
	}
	if n := testing.AllocsPerRun(10, again); n != 0 {
		t.Errorf("%v allocations in Acquire, want none", n)
	}
}
