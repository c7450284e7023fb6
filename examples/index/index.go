package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
)

//go:generate go tool loopgen -type Index

// ErrSeen says that another worker has taken the file.
var ErrSeen = errors.New("file was taken before")

// Index counts the words of many files.
type Index struct {
	taken map[string]bool
	words map[string]int
	total Totals
}

// Totals is how much an index holds.
type Totals struct {
	Files, Words, Distinct int
}

// Entry is a word and how often it occurs.
type Entry struct {
	Word  string
	Count int
}

// NewIndex returns an empty index.
func NewIndex() *Index {
	return &Index{taken: make(map[string]bool), words: make(map[string]int)}
}

// Claim gives a file to the caller, or returns ErrSeen if somebody has it.
func (x *Index) Claim(file string) error {
	if x.taken[file] {
		return ErrSeen
	}
	x.taken[file] = true
	return nil
}

// Add puts the words of a file into the index, all of them or, when the caller
// gives up before they are in, none.
func (x *Index) Add(ctx context.Context, words map[string]int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	x.total.Files++
	for word, n := range words {
		x.words[word] += n
		x.total.Words += n
	}
	return nil
}

// Totals returns how much the index holds.
//
//loopgen:readonly
func (x *Index) Totals() Totals {
	t := x.total
	t.Distinct = len(x.words)
	return t
}

// Top returns the n commonest words, the commonest first.
//
//loopgen:readonly
func (x *Index) Top(n int) []Entry {
	entries := make([]Entry, 0, len(x.words))
	for word, count := range x.words {
		entries = append(entries, Entry{word, count})
	}
	slices.SortFunc(entries, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Word, b.Word))
	})
	return entries[:min(n, len(entries))]
}
