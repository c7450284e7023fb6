package objects

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/netip"
	"net/url"
	"runtime"
	"sort"
	"strings"
	"time"
)

//go:generate go tool loopgen -type Specimen

// Specimen is the object of the recorded connections in
// testdata/wire/transcripts. What it does, and its signatures, never change:
// what was said in version 1 of the protocol has to stay true. A later version
// has a type of its own.
type Specimen struct {
	lock  chan struct{} // holds a token while locked
	total int
}

// NewSpecimen makes a specimen.
func NewSpecimen() *Specimen { return &Specimen{lock: make(chan struct{}, 1)} }

// ErrSpecimen is a sentinel.
var ErrSpecimen = errors.New("specimen")

// FlawError is an error type.
type FlawError struct {
	Place string
	Err   error
}

// Error says where the flaw is.
func (e *FlawError) Error() string { return fmt.Sprintf("flaw at %s: %v", e.Place, e.Err) }

// Unwrap returns what it wraps.
func (e *FlawError) Unwrap() error { return e.Err }

// Plain has fields of the basic types.
type Plain struct {
	Bool    bool
	Int     int
	Int8    int8
	Int16   int16
	Int32   int32
	Int64   int64
	Uint    uint
	Uint8   uint8
	Uint16  uint16
	Uint32  uint32
	Uint64  uint64
	Float32 float32
	Float64 float64
	String  string
}

// Kind is a type with a name.
type Kind string

// Node has tags, pointers, and itself.
type Node struct {
	Name     string         `json:"name"`
	Kind     Kind           `json:"kind,omitempty"`
	Number   *int           `json:"number"`
	Children []*Node        `json:"children"`
	Index    map[string]int `json:"index"`
	Flags    [3]bool        `cbor:"1,keyasint"`
}

// Plain returns what it is given.
func (s *Specimen) Plain(p Plain) Plain { return p }

// Basics returns what it is given, other types than Plain's.
func (s *Specimen) Basics(b bool, i int64, u uint64, f float64, str string, k Kind) (bool, int64, uint64, float64, string, Kind) {
	return b, i, u, f, str, k
}

// Bytes returns what it is given.
//
//loopgen:in slice
func (s *Specimen) Bytes(slice []byte, array [4]byte) ([]byte, [4]byte) { return slice, array }

// Lists returns what it is given.
func (s *Specimen) Lists(words []string, pair [2]int, counts map[string]int, names map[int]string) ([]string, [2]int, map[string]int, map[int]string) {
	return words, pair, counts, names
}

// Tree returns what it is given.
func (s *Specimen) Tree(n *Node) *Node { return n }

// Times returns what it is given.
func (s *Specimen) Times(t time.Time, d time.Duration) (time.Time, time.Duration) { return t, d }

// Numbers returns what it is given.
func (s *Specimen) Numbers(c64 complex64, c128 complex128, p uintptr, b *big.Int) (complex64, complex128, uintptr, *big.Int) {
	return c64, c128, p, b
}

// Marshalers returns what it is given.
func (s *Specimen) Marshalers(a netip.Addr, u *url.URL, l slog.Level) (netip.Addr, *url.URL, slog.Level) {
	return a, u, l
}

// Any returns what it is given.
func (s *Specimen) Any(v any) any { return v }

// Sum adds up, and keeps the total.
//
//loopgen:in numbers
func (s *Specimen) Sum(numbers ...int) int {
	for _, n := range numbers {
		s.total += n
	}
	return s.total
}

// Tell returns what it is given, an error as a value.
func (s *Specimen) Tell(err error) error { return fmt.Errorf("told: %w", err) }

// Given returns the errors that it is given, which are no errors of its own.
func (s *Specimen) Given(errs []error) ([]error, bool) { return errs, true }

// Fail returns an error of the kind that is asked for.
func (s *Specimen) Fail(kind string) (int, error) {
	switch kind {
	case "sentinel":
		return 1, ErrSpecimen
	case "eof":
		return 2, io.EOF
	case "typed":
		return 3, &FlawError{Place: "the edge", Err: ErrSpecimen}
	case "joined":
		return 4, errors.Join(io.ErrUnexpectedEOF, fmt.Errorf("wrapped: %w", ErrSpecimen))
	case "other":
		return 5, errors.New("nothing that anybody knows")
	case "panic":
		panic("flawed")
	case "goexit":
		runtime.Goexit()
	case "large":
		return 6, errors.New(strings.Repeat("large ", 1000))
	}
	return 0, nil
}

// Large returns n bytes.
func (s *Specimen) Large(n int) []byte { return make([]byte, n) }

// Foreign returns what cannot travel.
func (s *Specimen) Foreign() any { return make(chan int) }

// Read fills the buffer.
func (s *Specimen) Read(p []byte) (int, error) {
	n := copy(p, "filled")
	if n < len("filled") {
		return n, nil
	}
	return n, io.EOF
}

// Sort sorts in place.
//
//loopgen:inout numbers
func (s *Specimen) Sort(numbers []int) { sort.Ints(numbers) }

// Format prints what it was asked to print.
func (s *Specimen) Format(f fmt.State, verb rune) {
	width, wide := f.Width()
	precision, precise := f.Precision()
	fmt.Fprintf(f, "%c %v %d %v %d %v", verb, f.Flag('+'), width, wide, precision, precise)
}

// LogValue describes the specimen for a log.
func (s *Specimen) LogValue() slog.Value {
	return slog.GroupValue(slog.Int("total", s.total), slog.Duration("age", time.Second), slog.Any("left", nil))
}

// Lock waits for the lock.
//
//loopgen:concurrent
//loopgen:session end=Unlock
func (s *Specimen) Lock(ctx context.Context) error {
	select {
	case s.lock <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Unlock gives the lock back.
//
//loopgen:concurrent
func (s *Specimen) Unlock() { <-s.lock }

// Rest rests in its turn until the context ends, and says why it did.
func (s *Specimen) Rest(ctx context.Context) (string, error) {
	<-ctx.Done()
	return context.Cause(ctx).Error(), ctx.Err()
}

// Spin uses a processor for a while, and returns how long that was.
//
//loopgen:concurrent
func (s *Specimen) Spin(d time.Duration) time.Duration {
	begin := time.Now()
	for time.Since(begin) < d {
	}
	return time.Since(begin)
}
