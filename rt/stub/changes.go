package stub

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"reflect"
	"slices"
	"sync"
)

// Flat memory is a slice, or the variable that a pointer points to, that holds numbers
// and bools only: directly, or in arrays and structs. A method that runs in the turn may
// write to flat memory among its arguments. The daemon copies the memory before the call
// and compares it afterwards, and the client writes the differences into its own memory.
// Memory inside flat memory does not exist, so a difference has one place, and to read
// the memory is safe whatever else the object does.
//
// The memory is a sequence of leaves, which are its numbers and bools: elements and
// fields in order, and the two parts of a complex number. Each leaf has a fixed number of
// bytes, so copies and differences are bytes.

// copiedBack has the state of a message's parameters that are copied back. The daemon
// uses before, and the client the other fields.
type copiedBack struct {
	before []byte // the leaves before the call of the parameters not yet compared
	used   int    // bytes of before that were compared

	extents []extent // the memory of the parameters
	changed bool     // some of it is about to be written
}

// extent is the memory from start to end.
type extent struct{ start, end uintptr }

var copies = sync.Pool{New: func() any { return new(copiedBack) }}

// maxKept is the size in bytes of the largest buffer that is used again.
const maxKept = 2 << 20

func (d *Decoder) copiedBack() *copiedBack {
	if d.back == nil {
		d.back = copies.Get().(*copiedBack)
		*d.back = copiedBack{before: d.back.before[:0], extents: d.back.extents[:0]}
	}
	return d.back
}

// release allows other messages to use the memory of d.back.
func (d *Decoder) release() {
	if d.back != nil && cap(d.back.before) <= maxKept {
		copies.Put(d.back)
	}
	d.back = nil
}

// DecodeCompared is Decode for an argument whose flat memory the method may change. It
// copies the memory, even if the memory is part of the message. Each argument needs a
// call of [EncodeChanges], in the same order. If T is no slice of numbers and bools, of
// arrays or structs of these, and no pointer to them, End fails.
func DecodeCompared[T any](d *Decoder, v *T) {
	Decode(d, v)
	if d.err != nil || d.next > d.count {
		return
	}
	back := d.copiedBack()
	if p, ok := any(v).(*[]byte); ok {
		back.before = append(back.before, *p...)
		return
	}
	if leafSizes(reflect.TypeFor[T]()) == nil {
		d.refuse("no memory of numbers and bools only; run go generate again")
		return
	}
	if m := memoryOf(reflect.ValueOf(*v)); m.IsValid() {
		back.before = appendLeaves(back.before, m)
	}
}

// EncodeChanges appends the differences of v's memory to the copy that DecodeCompared
// made: null, or the encoded differences.
func EncodeChanges[T any](run *Run, v T) {
	back := run.Args.copiedBack()
	var now []byte
	kept := len(back.before)
	sizes := byteSizes
	if p, ok := any(&v).(*[]byte); ok {
		now = *p
	} else if m := memoryOf(reflect.ValueOf(v)); m.IsValid() {
		sizes = leafSizes(reflect.TypeFor[T]())
		back.before = appendLeaves(back.before, m)
		now = back.before[kept:]
	}
	before := back.before[back.used:][:len(now)]
	var changes []byte
	if !bytes.Equal(before, now) {
		changes = appendChanges(nil, before, now, sizes)
	}
	back.before = back.before[:kept]
	if back.used += len(now); back.used == kept {
		run.Args.release()
	}
	Encode(run.Results, changes)
}

// FillChanges decodes the next value, the differences of v's memory. If the message is
// valid, End writes the leaves that differ, and no others. If arguments that are copied
// back share memory and one of them differs, End fails.
func FillChanges[T any](d *Decoder, v T) {
	var changes []byte
	Decode(d, &changes)
	if p, ok := any(&v).(*[]byte); ok && changes == nil { // usual case, without an allocation
		if b := *p; len(b) > 0 {
			d.copiedBack().add(reflect.ValueOf(&b[0]).Pointer(), len(b))
		}
		return
	}
	fillChanges(d, reflect.ValueOf(v), changes)
}

// fillChanges is FillChanges for the argument v.
func fillChanges(d *Decoder, v reflect.Value, changes []byte) {
	memory := memoryOf(v)
	d.shares(memory)
	if changes == nil || d.err != nil {
		return
	}
	sizes := leafSizes(v.Type())
	if !patch(memory, changes, sizes, false) {
		d.refuse("differences that the argument cannot have")
		return
	}
	d.onEnd(func() { patch(memory, changes, sizes, true) })
}

// memoryOf returns the memory of an argument, a slice or the variable behind a pointer.
// It returns the zero Value if the argument is nil.
func memoryOf(v reflect.Value) reflect.Value {
	switch {
	case v.Kind() != reflect.Slice && v.Kind() != reflect.Pointer, v.IsNil():
		return reflect.Value{}
	case v.Kind() == reflect.Pointer:
		return v.Elem()
	}
	return v
}

// appendChanges appends the differences of two copies of the same memory: for each run of
// leaves that differ, how many leaves precede it since the last run, how many leaves it
// has, and these leaves.
func appendChanges(b, before, now []byte, sizes []int) []byte {
	leaf, at := 0, 0
	run := func(differ bool) (count uint64) {
		for at < len(now) {
			end := at + sizes[leaf%len(sizes)]
			if bytes.Equal(before[at:end], now[at:end]) == differ {
				break
			}
			leaf, at, count = leaf+1, end, count+1
		}
		return count
	}
	for {
		same := run(false)
		start := at
		count := run(true)
		if count == 0 {
			return b
		}
		b = binary.AppendUvarint(binary.AppendUvarint(b, same), count)
		b = append(b, now[start:at]...)
	}
}

// eachRun calls each for every run of leaves that differ, with the number of the run's
// first leaf and the run's offset in the leaves of the memory, which have size bytes. It
// returns false if the differences are malformed or go beyond the memory, or if each does.
func eachRun(changes []byte, sizes []int, size int, each func(leaf, at int, run []byte) bool) bool {
	leaf, at := 0, 0
	forward := func(count uint64) bool {
		if count > uint64(size) { // a leaf has at least one byte
			return false
		}
		if len(sizes) == 1 {
			at += int(count) * sizes[0]
		} else {
			for i := range int(count) {
				at += sizes[(leaf+i)%len(sizes)]
			}
		}
		leaf += int(count)
		return at <= size
	}
	for len(changes) > 0 {
		same, n := binary.Uvarint(changes)
		if n <= 0 || !forward(same) {
			return false
		}
		count, m := binary.Uvarint(changes[n:])
		first, start := leaf, at
		if m <= 0 || count == 0 || !forward(count) || at-start > len(changes)-n-m {
			return false
		}
		changes = changes[n+m:]
		if !each(first, start, changes[:at-start]) {
			return false
		}
		changes = changes[at-start:]
	}
	return true
}

// patch writes the differences into the memory of an argument. If write is false, it
// writes nothing. It returns false if the memory cannot have the differences.
func patch(memory reflect.Value, changes []byte, sizes []int, write bool) bool {
	if !memory.IsValid() || sizes == nil {
		return false
	}
	size := leafBytes(memory.Type())
	var whole []byte
	if memory.Kind() == reflect.Slice {
		size = memory.Len() * leafBytes(memory.Type().Elem())
		if memory.Type().Elem().Kind() == reflect.Uint8 {
			whole = memory.Bytes()
		}
	}
	return eachRun(changes, sizes, size, func(leaf, at int, run []byte) bool {
		if whole != nil {
			if write {
				copy(whole[at:], run)
			}
			return true
		}
		for len(run) > 0 {
			length := sizes[leaf%len(sizes)]
			if !setLeaf(memory, at, run[:length], write) {
				return false
			}
			leaf, at, run = leaf+1, at+length, run[length:]
		}
		return true
	})
}

// ErrOverlap is returned by End if arguments that are copied back share memory.
var ErrOverlap = errors.New("two arguments share memory that the method has changed, and none of it was copied back; pass arguments that share no memory")

// shares notes the memory of an argument that is copied back.
func (d *Decoder) shares(memory reflect.Value) {
	switch {
	case !memory.IsValid():
	case memory.Kind() == reflect.Slice:
		d.copiedBack().add(memory.Pointer(), memory.Len()*int(memory.Type().Elem().Size()))
	case memory.Kind() == reflect.Map:
		d.copiedBack().add(memory.Pointer(), 1)
	case memory.CanAddr():
		d.copiedBack().add(memory.Addr().Pointer(), int(memory.Type().Size()))
	}
}

func (c *copiedBack) add(start uintptr, size int) {
	if size > 0 {
		c.extents = append(c.extents, extent{start, start + uintptr(size)})
	}
}

// overlaps reports whether memory that is about to be written is shared by two arguments.
func (c *copiedBack) overlaps() bool {
	if c == nil || !c.changed {
		return false
	}
	slices.SortFunc(c.extents, func(a, b extent) int { return cmp.Compare(a.start, b.start) })
	for i := 1; i < len(c.extents); i++ {
		if c.extents[i].start < c.extents[i-1].end {
			return true
		}
	}
	return false
}
