// Package records has an object whose method takes and returns a struct, for benchmarks.
package records

import "time"

//go:generate go tool loopgen -type Clerk

// Record has ten fields of the kinds that records usually have.
type Record struct {
	ID      uint64
	Name    string
	Email   string
	Age     int
	Height  float64
	Active  bool
	Tags    []string
	Scores  []int
	Created time.Time
	Note    string
}

// Clerk is an object for the benchmark of a call that takes and returns a struct.
type Clerk struct{}

// NewClerk makes a clerk.
func NewClerk() *Clerk { return &Clerk{} }

// File returns what it is given.
func (*Clerk) File(r Record) Record { return r }
