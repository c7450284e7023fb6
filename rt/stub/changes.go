package stub

import (
	"bytes"
	"encoding/binary"
	"errors"
	"reflect"
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

// copiedBack has the state of a message's arguments that come back. The daemon uses args
// and before, and the client the other fields.
type copiedBack struct {
	args   []argument
	before []byte // the leaves before the call of the compared arguments
	used   int    // bytes of before that were compared

	extents []extent // the memory of the arguments
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
		*d.back = copiedBack{args: d.back.args[:0], before: d.back.before[:0], extents: d.back.extents[:0]}
	}
	return d.back
}

// release allows other messages to use the memory of d.back.
func (d *Decoder) release() {
	if d.back != nil && cap(d.back.before) <= maxKept {
		clear(d.back.args)
		copies.Put(d.back)
	}
	d.back = nil
}

// comesBack notes an argument that sendBack encodes. It copies the memory of a compared
// argument, even if the memory is part of the message. If a compared argument is no slice
// of numbers and bools, of arrays or structs of these, and no pointer to them, End fails.
func (d *Decoder) comesBack(a argument) {
	if d.err != nil || d.next > d.count {
		return
	}
	b := d.copiedBack()
	b.args = append(b.args, a)
	switch {
	case a.back != compared:
	case !a.v.IsValid():
		b.before = append(b.before, a.bytes...)
	case leafSizes(a.v.Type()) == nil:
		d.refuse("no memory of numbers and bools only; run go generate again")
	default:
		if m := memoryOf(a.v); m.IsValid() {
			b.before = appendLeaves(b.before, m)
		}
	}
}

// changes returns the differences of the argument's memory to the copy that comesBack
// made, or nil. The arguments are compared in the order in which they were noted.
func (b *copiedBack) changes(a *argument) []byte {
	now, sizes, kept := a.bytes, byteSizes, len(b.before)
	if a.v.IsValid() {
		sizes = leafSizes(a.v.Type())
		if m := memoryOf(a.v); m.IsValid() {
			b.before = appendLeaves(b.before, m)
			now = b.before[kept:]
		}
	}
	before := b.before[b.used:][:len(now)]
	b.before, b.used = b.before[:kept], b.used+len(now)
	if bytes.Equal(before, now) {
		return nil
	}
	return appendChanges(nil, before, now, sizes)
}

// fillChanges decodes the next value, the differences of the argument's memory. If the
// message is valid, End writes the leaves that differ, and no others. If arguments that
// are copied back share memory and one of them differs, End fails.
func fillChanges(d *Decoder, a *argument) {
	var changes []byte
	Decode(d, &changes)
	if changes == nil && !a.v.IsValid() { // usual case, without an allocation
		if len(a.bytes) > 0 {
			d.copiedBack().add(reflect.ValueOf(&a.bytes[0]).Pointer(), len(a.bytes))
		}
		return
	}
	patchAtEnd(d, a.value(), changes)
}

// patchAtEnd has End write the differences into the memory of v.
func patchAtEnd(d *Decoder, v reflect.Value, changes []byte) {
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
	for i, a := range c.extents {
		for _, b := range c.extents[:i] {
			if a.start < b.end && b.start < a.end {
				return true
			}
		}
	}
	return false
}
