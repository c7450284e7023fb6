package check

import (
	"fmt"
	"go/types"
	"strings"
	"testing"
)

// TestSearch has one method for each rule by which a body waits or does not. The text of
// a case is the operation that is found, "once: " and one that waits for a moment, "?: "
// and why the search is not complete, or "".
func TestSearch(t *testing.T) {
	cases := []struct{ body, want string }{
		{"return", ""},
		// Channels that others know.
		{"<-t.c", "receives from a channel"},
		{"t.c <- 1", "sends to a channel"},
		{"for range t.c {}", "ranges over a channel"},
		{"select {}", "blocks forever"},
		{"select { case <-t.c: }", "selects between channels"},
		{"select { case <-t.c: default: }", ""},
		{"select { default: }", ""},
		{"select { case t.c <- 1: case <-time.After(1): }", "selects between channels"},
		{"<-context.Background().Done()", "waits until its context ends"},
		{"select { case <-context.Background().Done(): }", "waits until its context ends"},
		// Channels of the body.
		{"c := make(chan int); go func() { c <- 1 }(); <-c", ""},
		{"c := make(chan int, 1); c <- 1", ""},
		{"c := make(chan int); t.c2 = c; <-c", "receives from a channel"},
		{"c := make(chan int); go func() { <-t.c; c <- 1 }(); <-c", "receives from a channel"}, // it waits for a goroutine that waits
		{"c := make(chan int, 1); go func() { <-t.c; c <- 1 }(); c <- 1", ""},
		{"go func() { <-t.c }()", ""},
		{"c := make(chan int); go takes(c); c <- 1", ""},
		{"c := t.c; <-c", "receives from a channel"},
		{"c := t.c; c, n := make(chan int), 1; _ = n; <-c", "receives from a channel"},
		{"var c chan int; <-c", "receives from a channel"},
		// Clocks.
		{"time.Sleep(1)", "once: sleeps"},
		{"for { time.Sleep(1) }", "sleeps in a loop"},
		{"<-time.After(1)", "once: waits for a clock"},
		{"k := time.NewTicker(1); for { <-k.C }", "waits for a clock in a loop"},
		{"for range time.Tick(1) {}", "waits for a clock in a loop"},
		{"select { case <-time.After(1): }", "once: waits for a clock"},
		// Locks.
		{"t.mu.Lock()", "locks t.mu and leaves it locked"},
		{"t.mu.Lock(); defer t.mu.Unlock()", ""},
		{"t.mu.RLock(); t.mu.Unlock()", "locks t.mu and leaves it locked"},
		{"t.mu.RLock(); t.mu.RUnlock()", ""},
		{"t.leaves()", ""}, // only of a method itself
		// Groups.
		{"t.group.Wait()", "waits for a sync.WaitGroup"},
		{"t.cond.Wait()", "waits for a sync.Cond"},
		{"var g sync.WaitGroup; g.Add(1); go g.Done(); g.Wait()", ""},
		{"var g sync.WaitGroup; g.Go(func() { <-t.c }); g.Wait()", "receives from a channel"},
		{"t.once.Do(func() { <-t.c })", "receives from a channel"},
		// Calls.
		{"t.receives()", "receives from a channel in T.receives"},
		{"loops()", "sleeps in a loop in sleeps"},
		{"for { sleeps() }", "sleeps in a loop in sleeps"},
		{"takes(t.c)", "receives from a channel in takes"},
		{"takes(p)", ""}, // the caller of the method decides
		{"<-p", ""},
		{"through(t.c)", "receives from a channel in takes"},
		{"through(p)", ""},
		{"select { case <-p: }", ""},
		{"calls(func() { <-t.c })", "receives from a channel"},
		{"keeps(func() { <-t.c })", ""},
		{"f := func() { <-t.c }; f()", "receives from a channel"},
		{"f := func() { <-t.c }; _ = f", ""},
		{"generic[int](t.c)", "receives from a channel in generic"},
		{"recursive(1)", ""},
		{"t.l.Accept()", "once: accepts connections"},
		{"for { t.l.Accept() }", "accepts connections in a loop"},
		{"t.r.Read(nil)", "?: it calls Read of the interface io.Reader"},
		{"t.f()", "?: it calls the function f"},
		{"t.less(1, 2)", ""},
		{"assembly()", "?: it calls assembly"},
		{"fmt.Println(t.c)", ""},
	}
	source := `package p

import ("context"; "fmt"; "io"; "sync"; "time")

var _, _ = fmt.Println, context.Background

type T struct {
	c, c2 chan int
	mu sync.RWMutex
	group *sync.WaitGroup
	cond *sync.Cond
	once sync.Once
	l listener
	r io.Reader
	f func()
	less func(a, b int) bool
}

type listener interface{ Accept() (io.Closer, error) }

func (t *T) receives() { <-t.c }
func (t *T) leaves() { t.mu.Lock() }
func sleeps() { time.Sleep(1) }
func loops() { for { sleeps() } }
func takes(c chan int) { <-c }
func through(c chan int) { takes(c) }
func calls(f func()) { f() }
func keeps(f func()) { kept = f }
var kept func()
func generic[V any](c chan V) { <-c }
func recursive(n int) { if n > 0 { recursive(n-1) } }
func assembly()
`
	for i, c := range cases {
		source += fmt.Sprintf("func (t *T) M%d(p chan int) { %s }\n", i, c.body)
	}
	src := sourceOf(t, source)
	for i, c := range cases {
		obj, _, _ := types.LookupFieldOrMethod(src.Types.Scope().Lookup("T").Type(), true, src.Types, fmt.Sprint("M", i))
		w := newSearch(src, obj.(*types.Func))
		got := ""
		switch {
		case w.found != nil:
			got = w.found.what + w.found.in
		case w.once != nil:
			got = "once: " + w.once.what + w.once.in
		case w.unknown != "":
			why, _, _ := strings.Cut(w.unknown, " (") // the place
			got = "?: " + why
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.body, got, c.want)
		}
	}
}
