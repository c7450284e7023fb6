package usercode

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// odd is a value whose String method misbehaves.
type odd string

func (o odd) String() string {
	switch o {
	case "panics":
		panic("oh")
	case "panics twice":
		panic(odd("panics twice"))
	case "exits":
		runtime.Goexit()
	case "blocks":
		time.Sleep(time.Hour) // in the bubble's time
	}
	return "odd"
}

func TestText(t *testing.T) {
	for _, test := range []struct {
		value any
		want  string
	}{
		{nil, "<nil>"},
		{"text", "text"},
		{7, "7"},
		{errors.New("simple"), "simple"},
		{fmt.Errorf("a: %w", errors.New("b")), "a: b"},
		{odd("returns"), "odd"},
		{odd("panics"), "%!v(PANIC=String method: oh)"},
		{odd("panics twice"), "%!v(usercode.odd: a method panicked)"},
		{odd("exits"), "%!v(usercode.odd: a method called runtime.Goexit)"},
		{odd("blocks"), "%!v(usercode.odd: a method did not return within 1s)"},
		{[]any{odd("exits")}, "%!v([]interface {}: a method called runtime.Goexit)"},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			if got := Text(test.value); got != test.want {
				t.Errorf("Text: %q, want %q", got, test.want)
			}
			if took := time.Since(began); took > Limit {
				t.Errorf("%q took %v", test.want, took)
			}
			time.Sleep(2 * time.Hour) // until the blocked method has returned
		})
	}
}

func TestRun(t *testing.T) {
	for _, test := range []struct {
		f    func() int
		want string
	}{
		{func() int { return 7 }, "<nil>"},
		{func() int { panic("oh") }, "panicked: oh"},
		{func() int { panic(odd("exits")) }, "panicked: %!v(usercode.odd: a method called runtime.Goexit)"},
		{func() int { panic(odd("blocks")) }, "panicked: %!v(usercode.odd: a method did not return within 1s)"},
		{func() int { runtime.Goexit(); return 7 }, "called runtime.Goexit"},
	} {
		synctest.Test(t, func(t *testing.T) {
			n, err := Run(test.f)
			if fmt.Sprint(err) != test.want || (n == 7) != (err == nil) {
				t.Errorf("Run: %d, %v; want %s", n, err, test.want)
			}
			var p *Panic
			if errors.As(err, &p) && p.Value != "" && !strings.Contains(p.Stack, "TestRun") {
				t.Errorf("%v has the stack\n%s", err, p.Stack)
			}
			n, err = RunUntil(time.Now().Add(Limit), test.f)
			if fmt.Sprint(err) != test.want || (n == 7) != (err == nil) {
				t.Errorf("RunUntil: %d, %v; want %s", n, err, test.want)
			}
			time.Sleep(2 * time.Hour)
		})
	}
}

// RunUntil does not wait for a function beyond the deadline, and calls none after it.
func TestRunUntil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		until := began.Add(Limit)
		if _, err := RunUntil(until, func() int { time.Sleep(time.Hour); return 7 }); !errors.Is(err, ErrLate) {
			t.Errorf("got %v, want ErrLate", err)
		}
		if _, err := RunUntil(until, func() int { t.Error("called"); return 7 }); !errors.Is(err, ErrLate) {
			t.Errorf("got %v, want ErrLate", err)
		}
		if took := time.Since(began); took != Limit {
			t.Errorf("took %v, want %v", took, Limit)
		}
		time.Sleep(2 * time.Hour)
	})
}
