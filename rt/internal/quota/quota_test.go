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
			if err := w.Acquire(t.Context(), 40); err != nil {
				t.Fatal(err)
			}
		}
		order := make(chan int, 3)
		for i, size := range []int{90, 20} { // the small one does not overtake the large one
			go func() {
				if err := w.Acquire(t.Context(), size); err != nil {
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
		go func() { failed <- w.Acquire(ctx, 100) }()
		synctest.Wait()
		cancel()
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Errorf("acquire returned %v, want %v", err, context.Canceled)
		}
		w.Close()
		if err := w.Acquire(t.Context(), 1<<30); err != nil {
			t.Errorf("after close: %v", err)
		}
	})
}
