package stub_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"math"
	"math/big"
	"math/rand/v2"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"time"
)

// random makes values of any type that can be sent, and now and then, where
// poison is not 0, something inside that cannot.
type random struct {
	*rand.Rand
	poison   float64 // how probable in each place
	poisoned bool
	inKey    bool // what is filled is a map's key
}

func (r *random) bad() bool {
	if r.poison > 0 && r.Float64() < r.poison {
		r.poisoned = true
		return true
	}
	return false
}

func (r *random) oneOf(n int) bool { return r.IntN(n) == 0 }

var (
	fixedZones = []*time.Location{time.UTC, time.FixedZone("", 3600), time.FixedZone("CEST", 7200), time.FixedZone("", -(5*60+30)*60), time.FixedZone("far", 23*3600+59*60)}
	oddZone    = time.FixedZone("LMT", 3600+17)
)

func (r *random) time() time.Time {
	switch {
	case r.bad():
		return []time.Time{
			time.Date(2020, 1, 1, 0, 0, 0, 0, oddZone),
			time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC),
			time.Date(-1, 12, 31, 0, 0, 0, 0, time.UTC),
			time.Time{}.In(fixedZones[1]),
			time.Date(2020, 1, 1, 0, 0, 0, 0, time.FixedZone("", 24*3600)),
		}[r.IntN(5)]
	case r.oneOf(5):
		return time.Time{}
	}
	return time.Unix(r.Int64N(200e9)-50e9, r.Int64N(1e9)).In(fixedZones[r.IntN(len(fixedZones))])
}

func (r *random) string() string {
	if r.bad() {
		return []string{"\xff", "a\xc3", "\xed\xa0\x80", "ok\x80ok"}[r.IntN(4)]
	}
	pieces := []string{"", "a", "ß", "\x00", "日本", "\n", "🙂", "key", "\ufffd", "long enough for more than one byte of length"}
	s := ""
	for range r.IntN(4) {
		s += pieces[r.IntN(len(pieces))]
	}
	return s
}

func (r *random) float() float64 {
	switch r.IntN(8) {
	case 0:
		return []float64{0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.NaN(), math.Float64frombits(0x7ff8000000000123), math.MaxFloat64, math.SmallestNonzeroFloat64}[r.IntN(8)]
	case 1:
		return float64(r.IntN(1000)) / 8
	case 2:
		return float64(math.Float32frombits(r.Uint32() &^ (1 << 22)))
	}
	return r.NormFloat64()
}

// fill sets v, which is addressable and zero, at random.
func (r *random) fill(v reflect.Value, depth int) {
	switch p := v.Addr().Interface().(type) {
	case *time.Time:
		*p = r.time()
		return
	case *netip.Addr:
		if !r.oneOf(4) {
			*p = netip.AddrFrom4([4]byte{byte(r.Uint32()), 2, 3, 4})
		}
		return
	case *netip.Prefix:
		*p = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(r.Uint32()), 0, 0}), r.IntN(33))
		return
	case *url.URL:
		*p = url.URL{Scheme: "https", Host: "example.com", Path: "/" + []string{"", "a", "b c"}[r.IntN(3)], User: url.User("me")}
		return
	case *big.Int:
		p.Lsh(big.NewInt(r.Int64()-r.Int64()), uint(r.IntN(200)))
		return
	case *big.Rat:
		p.SetFrac64(r.Int64N(1000)-500, r.Int64N(1000)+1)
		return
	case *Stamp:
		p.Time = time.Unix(r.Int64N(1e9), r.Int64N(1e9)).UTC()
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(r.oneOf(2))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(r.Uint64()) >> r.IntN(64))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(r.Uint64() >> r.IntN(64))
	case reflect.Uintptr:
		v.SetUint(r.Uint64() >> r.IntN(64))
	case reflect.Complex64:
		v.SetComplex(complex(float64(float32(r.float())), float64(float32(r.float()))))
	case reflect.Complex128:
		v.SetComplex(complex(r.float(), r.float()))
	case reflect.Float32:
		v.SetFloat(float64(float32(r.float())))
	case reflect.Float64:
		v.SetFloat(r.float())
	case reflect.String:
		v.SetString(r.string())
	default:
		r.fillComposite(v, depth)
	}
}

func (r *random) fillComposite(v reflect.Value, depth int) {
	n := 0
	if depth < 6 {
		n = r.IntN(4)
	}
	switch v.Kind() {
	case reflect.Pointer:
		if depth < 8 && !r.oneOf(3) {
			v.Set(reflect.New(v.Type().Elem()))
			before := r.poisoned
			r.fill(v.Elem(), depth+1)
			if isNull(v.Elem()) && r.poisoned == before && !r.bad() {
				v.SetZero()
			}
		}
	case reflect.Slice:
		if !r.oneOf(3) {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
		}
		r.fillElements(v, depth)
	case reflect.Array:
		r.fillElements(v, depth)
	case reflect.Map:
		r.fillMap(v, n, depth)
	case reflect.Struct:
		r.fillStruct(v, depth)
	case reflect.Interface:
		r.fillInterface(v, depth)
	}
}

// held are the types whose values interfaces are filled with, the last one not
// in keys.
var held = []reflect.Type{
	reflect.TypeFor[int](), reflect.TypeFor[uint8](), reflect.TypeFor[string](), reflect.TypeFor[float64](),
	reflect.TypeFor[complex64](), reflect.TypeFor[uintptr](), reflect.TypeFor[Celsius](), reflect.TypeFor[[2]any](),
	reflect.TypeFor[Circle](), reflect.TypeFor[struct{}](), reflect.TypeFor[bool](), reflect.TypeFor[time.Duration](),

	reflect.TypeFor[*Square](), reflect.TypeFor[Labelled](), reflect.TypeFor[*Labelled](), reflect.TypeFor[time.Time](),
	reflect.TypeFor[[]byte](), reflect.TypeFor[[]any](), reflect.TypeFor[map[string]any](), reflect.TypeFor[map[any]Label](),
	reflect.TypeFor[[]*time.Time](), reflect.TypeFor[**int](), reflect.TypeFor[[]error](), reflect.TypeFor[map[string]map[int]Shape](),
	reflect.TypeFor[*Node](), reflect.TypeFor[big.Int](), reflect.TypeFor[netip.Addr](), reflect.TypeFor[[3]byte](),
	reflect.TypeFor[Tree](), reflect.TypeFor[*Open](),
}

const heldKeys = 12

func (r *random) fillInterface(v reflect.Value, depth int) {
	if v.Type() == reflect.TypeFor[error]() {
		errs := []error{io.EOF, fs.ErrExist, &fs.PathError{Op: "open", Path: "a", Err: io.ErrNoProgress}, errors.Join(io.EOF, context.Canceled)}
		if !r.oneOf(3) {
			v.Set(reflect.ValueOf(errs[r.IntN(len(errs))]))
		}
		return
	}
	if v.NumMethod() == 0 && r.bad() {
		v.Set(reflect.ValueOf([]any{unregistered{1}, &unregistered{}, []unregistered{}, make(chan int), func() {}, struct{ A int }{1}}[r.IntN(6)]))
		return
	}
	n := len(held)
	if r.inKey {
		n = heldKeys
	}
	t := held[r.IntN(n)]
	if depth > 2 || !t.Implements(v.Type()) {
		if t = reflect.TypeFor[Circle](); r.oneOf(2) {
			return
		}
	}
	dynamic := reflect.New(t).Elem()
	r.fill(dynamic, depth+1)
	v.Set(dynamic)
}

func (r *random) fillElements(v reflect.Value, depth int) {
	for i := range v.Len() {
		r.fill(v.Index(i), depth+1)
	}
}

func (r *random) fillMap(v reflect.Value, n, depth int) {
	if r.oneOf(3) {
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	clean := random{Rand: r.Rand, inKey: true} // keys: poison could be overwritten
	for range n {
		key := reflect.New(v.Type().Key()).Elem()
		clean.fill(key, depth+1)
		if t, ok := key.Addr().Interface().(*time.Time); ok {
			*t = t.UTC()
		}
		if !key.Equal(key) || v.MapIndex(key).IsValid() {
			continue // NaN, or there already
		}
		elem := reflect.New(v.Type().Elem()).Elem()
		r.fill(elem, depth+1)
		v.SetMapIndex(key, elem)
	}
}

// fillStruct fills the fields such that nothing is lost to omitempty.
func (r *random) fillStruct(v reflect.Value, depth int) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Name == "_" {
			continue
		}
		if f.Anonymous && !f.IsExported() {
			r.fillStruct(v.Field(i), depth)
			continue
		}
		if f.Anonymous && f.Type.Kind() == reflect.Pointer {
			if r.oneOf(2) {
				v.Field(i).Set(reflect.New(f.Type.Elem()))
				v.Field(i).Elem().Field(0).SetInt(1)
			}
			continue
		}
		r.fill(v.Field(i), depth+1)
		if fv := v.Field(i); f.Tag != "" && fv.IsZero() {
			fv.SetZero() // no negative zero inside
		} else if strings.Contains(string(f.Tag), "omitempty") && lossy(fv) && !r.bad() {
			fv.SetZero()
		}
	}
}

// lossy reports whether omitempty would leave v out although it is not zero.
func lossy(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() == 0 && !v.IsNil()
	case reflect.Float32, reflect.Float64:
		return v.Float() == 0 && math.Signbit(v.Float())
	case reflect.Complex64, reflect.Complex128:
		return v.Complex() == 0 && !v.IsZero()
	}
	return false
}

// isNull reports whether a pointer to v would come back nil.
func isNull(v reflect.Value) bool {
	if t, ok := v.Interface().(time.Time); ok {
		return t.IsZero()
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return v.IsNil()
	}
	return false
}

// same reports whether two values are deeply equal, to the bits of floats, the
// zone offset of times and the value of big numbers.
func same(a, b reflect.Value) bool {
	if a.Kind() == reflect.Interface {
		if a.IsNil() || b.IsNil() || a.Type() == reflect.TypeFor[error]() {
			return reflect.DeepEqual(a.Interface(), b.Interface())
		}
		return a.Elem().Type() == b.Elem().Type() && same(a.Elem(), b.Elem())
	}
	switch x := a.Interface().(type) {
	case time.Time:
		y := b.Interface().(time.Time)
		_, xo := x.Zone()
		_, yo := y.Zone()
		return x.Equal(y) && xo == yo && (x.Location() != time.UTC || y.Location() == time.UTC)
	case big.Int:
		y := b.Interface().(big.Int)
		return x.Cmp(&y) == 0
	case url.URL: // parsing is not the inverse of printing for its hints, such as RawPath
		y := b.Interface().(url.URL)
		return x.String() == y.String()
	case big.Rat, netip.Addr, netip.Prefix:
		return reflect.DeepEqual(a.Interface(), b.Interface())
	case Stamp:
		return x.Equal(b.Interface().(Stamp).Time)
	}
	switch a.Kind() {
	case reflect.Float32, reflect.Float64:
		return math.Float64bits(a.Float()) == math.Float64bits(b.Float())
	case reflect.Complex64, reflect.Complex128:
		x, y := a.Complex(), b.Complex()
		return math.Float64bits(real(x)) == math.Float64bits(real(y)) && math.Float64bits(imag(x)) == math.Float64bits(imag(y))
	case reflect.Pointer:
		return a.IsNil() == b.IsNil() && (a.IsNil() || same(a.Elem(), b.Elem()))
	case reflect.Slice, reflect.Array:
		if a.Kind() == reflect.Slice && a.IsNil() != b.IsNil() || a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !same(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Map:
		if a.IsNil() != b.IsNil() || a.Len() != b.Len() {
			return false
		}
		for it := a.MapRange(); it.Next(); {
			other := b.MapIndex(it.Key())
			if !other.IsValid() || !same(it.Value(), other) {
				return false
			}
		}
		return true
	case reflect.Struct:
		return sameFields(a, b)
	}
	return a.Interface() == b.Interface()
}

func sameFields(a, b reflect.Value) bool {
	for i := range a.NumField() {
		f := a.Type().Field(i)
		switch {
		case f.IsExported():
			if !same(a.Field(i), b.Field(i)) {
				return false
			}
		case f.Anonymous:
			if !sameFields(a.Field(i), b.Field(i)) {
				return false
			}
		}
	}
	return true
}
