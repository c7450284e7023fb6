package value

import (
	"math"
	"math/bits"
	"reflect"
	"slices"
)

// Decoded arguments can be far larger than their encoding: a length becomes a buffer,
// and a struct without fields is one byte. The daemon must know their size in memory
// before it decodes anything, so it weighs the arguments first. It reads their heads
// along with the types, and adds up the memory for slices, maps, pointers and buffers.
// Weighing itself takes next to no memory.

// Arguments has the data for weighing the arguments of a method.
type Arguments struct {
	params  []parameter
	fixed   uint64 // sizes of the parameters' types
	perByte uint64 // maximum memory for a byte beyond that; 0 means no maximum
}

type parameter struct {
	plan   *Plan
	out    bool // only the length of a buffer is sent
	copied bool // the daemon keeps a copy of the memory until the call has ended
	rest   bool // no later parameter weighs anything
}

var bytesType = reflect.TypeFor[[]byte]()

// copies returns how many times a byte string is in memory besides the message: decoded,
// and if it is compared, as it was before the call. One of a type with a name is compared
// with a copy from after the call.
func (p *parameter) copies() uint64 {
	switch {
	case !p.copied:
		return 1
	case p.plan.typ == bytesType:
		return 2
	}
	return 3
}

// Memory that the runtime allocates besides the size of a type, in bytes.
const (
	mapHeader   = 48  // runtime/internal/maps.Map
	mapGroup    = 8   // slots in a group, and bytes of its control word
	mapIndirect = 128 // the size up to which a key or an element is in its slot
	zoneCost    = 192 // a time.Location with one zone
	bigCost     = 48  // the words of a small big.Int
	copyCost    = 16  // two copies of a leaf
	errorCost   = 192 // a node of an error's tree, and the error
	errorGrowth = 8   // times the bytes of an error
)

// ArgumentsOf prepares the weighing of arguments of these types. Callers send only the
// length of an argument whose position is in out. The daemon copies an argument whose
// position is in compared.
func ArgumentsOf(types []reflect.Type, out, compared []int) Arguments {
	var a Arguments
	for place, t := range types {
		a.params = append(a.params, parameter{plan: PlanOf(t), out: slices.Contains(out, place), copied: slices.Contains(compared, place)})
	}
	seen := make(map[*Plan]bool)
	a.perByte = 1
	bounded := true
	rest := true
	for i, p := range slices.Backward(a.params) {
		a.params[i].rest = rest
		rest = rest && !p.out && !p.copied && p.plan.light
		cost, ok := p.plan.costPerByte(seen)
		switch {
		case p.copied && p.plan.shape == shapeBytes:
			cost += p.copies() - 1
		case p.copied:
			cost += copyCost
		}
		a.fixed += uint64(p.plan.typ.Size())
		a.perByte += cost
		bounded = bounded && ok && !p.out
	}
	if !bounded {
		a.perByte = 0
	}
	return a
}

// Memory returns roughly how many bytes of memory the decoded arguments take, in addition
// to args. A result of at most enough is an upper bound that is cheaper to compute. The
// result excludes allocations of user code, such as UnmarshalText. If args is malformed,
// the result covers the part before the error. Types that Memory makes for interfaces
// count against quota. It may be called concurrently.
func (a *Arguments) Memory(args []byte, enough int, table *Errors, quota *TypeQuota) int {
	if len(a.params) == 0 {
		return 0
	}
	n, most := uint64(len(args)), uint64(enough)
	if a.perByte > 0 && a.fixed <= most && n <= (most-a.fixed)/a.perByte {
		return int(a.fixed + n*a.perByte)
	}
	h, ok := readHead(args, 0)
	if !ok || h.Major != majorArray {
		return 0
	}
	w := scale{Reader: Reader{errors: table, quota: quota, b: args, at: h.End}}
	for _, p := range a.params[:min(uint64(len(a.params)), h.Arg)] {
		if begin := w.at; !w.parameter(p) {
			w.add(uint64(len(args) - begin))
			break
		}
	}
	return int(min(w.total, math.MaxInt))
}

// shallow reports whether p is light, or a slice or map of light types.
func (p *Plan) shallow() bool {
	switch p.shape {
	case shapeSlice:
		return p.elem.light
	case shapeMap:
		return p.key.light && p.elem.light
	}
	return p.light
}

// costPerByte returns the maximum memory for one encoded byte of a value of p: the sum
// of the memory of one item of each type inside, since an item has at least one byte.
// It returns false if the maximum depends on the value.
func (p *Plan) costPerByte(seen map[*Plan]bool) (cost uint64, ok bool) {
	if seen[p] {
		return 0, true
	}
	seen[p] = true
	switch p.shape {
	case shapeInterface, shapeError:
		return 0, false
	case shapeTime:
		cost = zoneCost
	case shapeBigInt:
		cost = bigCost
	case shapePointer, shapeSlice:
		cost = uint64(p.elem.typ.Size())
	case shapeMap:
		cost = p.mapSize(1) // a larger map has more bytes
	case shapeStruct:
		cost = p.fields.size
	}
	ok = true
	for _, q := range p.parts() {
		below, bounded := q.costPerByte(seen)
		cost, ok = cost+below, ok && bounded
	}
	return cost, ok
}

// mapSize returns the memory of a map of n entries, without the memory behind pointers
// in its entries.
func (p *Plan) mapSize(n uint64) uint64 {
	if n == 0 {
		return mapHeader
	}
	slot, apart := uint64(0), uint64(0)
	for _, size := range []uintptr{p.key.typ.Size(), p.elem.typ.Size()} {
		if size > mapIndirect {
			apart += uint64(size)
			size = uintptr(bits.UintSize / 8)
		}
		slot += uint64(size)
	}
	slot = (slot + 7) &^ 7
	slots := uint64(mapGroup)
	if n > mapGroup {
		// Groups are filled to seven eighths, in tables of a power of two of slots,
		// some of which are split and so half empty.
		slots = uint64(1) << bits.Len64(n*8/7)
		slots += slots / 2
	}
	return mapHeader + slots*(slot+1) + n*apart
}
