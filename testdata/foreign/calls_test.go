package foreign

import (
	"context"
	"fmt"
	"io"
	legacy "math/rand"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"sync"
	"time"

	"github.com/allegro/bigcache/v3"
	"github.com/bits-and-blooms/bloom/v3"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/loopgen/loopgen/rt"
	"golang.org/x/time/rate"
)

// burst is how many tokens a limiter has at first.
const burst = 300

var subjects = map[string]subject{
	"LRU": share(
		func(cfg rt.Config) *rt.Shared[*LRUClient, *LRUProxy] { return ShareLRU(cfg, 8) },
		func() (LRUAPI, error) { return lru.New[string, []byte](8) }, lruCalls),
	"Cache": share(
		func(cfg rt.Config) *rt.Shared[*CacheClient[file, sum], *CacheProxy[file, sum]] {
			return ShareCache[file, sum](cfg, 8)
		},
		func() (CacheAPI[file, sum], error) { return lru.New[file, sum](8) }, cacheCalls),
	"Limiter": share(
		func(cfg rt.Config) *rt.Shared[*LimiterClient, *LimiterProxy] { return ShareLimiter(cfg, 0.5, burst) },
		func() (LimiterAPI, error) { return rate.NewLimiter(0.5, burst), nil }, limiterCalls),
	"Drained": share(
		func(cfg rt.Config) *rt.Shared[*LimiterClient, *LimiterProxy] { return ShareLimiter(cfg, 1e-12, burst) },
		nil, calls[LimiterAPI]{"Allow": func(l LimiterAPI, _ *rand.Rand) []any { return list(l.Allow()) }}),
	"Filter": share(
		func(cfg rt.Config) *rt.Shared[*FilterClient, *FilterProxy] { return ShareFilter(cfg, 100, 0.1) },
		func() (FilterAPI, error) { return bloom.NewWithEstimates(100, 0.1), nil }, filterCalls),
	"BigCache": share(
		ShareBigCache,
		func() (BigCacheAPI, error) { return newBigCache() }, bigCacheCalls),
	"Node": share(
		func(cfg rt.Config) *rt.Shared[*NodeClient, *NodeProxy] { return ShareNode(cfg, 7) },
		nil, calls[NodeAPI]{"Generate": func(node NodeAPI, _ *rand.Rand) []any { return []any{node.Generate()} }}),
	"Map": share(
		ShareMap,
		func() (MapAPI, error) { return new(sync.Map), nil }, mapCalls),
	"Rand": share(
		ShareRand,
		func() (RandAPI, error) { return legacy.New(legacy.NewSource(1)), nil }, randCalls),
	"Jar": share(
		ShareJar,
		func() (JarAPI, error) { return cookiejar.New(nil) }, jarCalls),
}

// uncallable has the methods of subjects that cannot be compared: Close ends what
// it is called of.
var uncallable = map[string][]string{"BigCache": {"Close"}}

func key(random *rand.Rand) string { return fmt.Sprint("key", random.IntN(12)) }

// value returns random bytes, at times none.
func value(random *rand.Rand) []byte {
	b := make([]byte, random.IntN(5))
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}

// list returns the results of a call.
func list(results ...any) []any { return results }

var lruCalls = calls[LRUAPI]{
	"Add":           func(c LRUAPI, r *rand.Rand) []any { return list(c.Add(key(r), value(r))) },
	"Contains":      func(c LRUAPI, r *rand.Rand) []any { return list(c.Contains(key(r))) },
	"ContainsOrAdd": func(c LRUAPI, r *rand.Rand) []any { return list(c.ContainsOrAdd(key(r), value(r))) },
	"Get":           func(c LRUAPI, r *rand.Rand) []any { return list(c.Get(key(r))) },
	"GetOldest":     func(c LRUAPI, r *rand.Rand) []any { return list(c.GetOldest()) },
	"Keys":          func(c LRUAPI, r *rand.Rand) []any { return list(c.Keys()) },
	"Len":           func(c LRUAPI, r *rand.Rand) []any { return list(c.Len()) },
	"Peek":          func(c LRUAPI, r *rand.Rand) []any { return list(c.Peek(key(r))) },
	"PeekOrAdd":     func(c LRUAPI, r *rand.Rand) []any { return list(c.PeekOrAdd(key(r), value(r))) },
	"Purge":         func(c LRUAPI, r *rand.Rand) []any { c.Purge(); return nil },
	"Remove":        func(c LRUAPI, r *rand.Rand) []any { return list(c.Remove(key(r))) },
	"RemoveOldest":  func(c LRUAPI, r *rand.Rand) []any { return list(c.RemoveOldest()) },
	"Resize":        func(c LRUAPI, r *rand.Rand) []any { return list(c.Resize(1 + r.IntN(8))) },
	"Values":        func(c LRUAPI, r *rand.Rand) []any { return list(c.Values()) },
}

// file and sum are type arguments of a generic type: a key with several fields, and an
// array.
type (
	file struct {
		Path           string
		Size, Modified int64
	}
	sum [32]byte
)

// Instances of a generic type are declared at package level, for the daemon.
var _ = ShareCache[file, sum](rt.Config{}, 8)

func fileKey(random *rand.Rand) file { return file{key(random), 1, -1} }

func sumOf(random *rand.Rand) (s sum) {
	copy(s[:], value(random))
	return s
}

type fileCache = CacheAPI[file, sum]

var cacheCalls = calls[fileCache]{
	"Add":           func(c fileCache, r *rand.Rand) []any { return list(c.Add(fileKey(r), sumOf(r))) },
	"Contains":      func(c fileCache, r *rand.Rand) []any { return list(c.Contains(fileKey(r))) },
	"ContainsOrAdd": func(c fileCache, r *rand.Rand) []any { return list(c.ContainsOrAdd(fileKey(r), sumOf(r))) },
	"Get":           func(c fileCache, r *rand.Rand) []any { return list(c.Get(fileKey(r))) },
	"GetOldest":     func(c fileCache, r *rand.Rand) []any { return list(c.GetOldest()) },
	"Keys":          func(c fileCache, r *rand.Rand) []any { return list(c.Keys()) },
	"Len":           func(c fileCache, r *rand.Rand) []any { return list(c.Len()) },
	"Peek":          func(c fileCache, r *rand.Rand) []any { return list(c.Peek(fileKey(r))) },
	"PeekOrAdd":     func(c fileCache, r *rand.Rand) []any { return list(c.PeekOrAdd(fileKey(r), sumOf(r))) },
	"Purge":         func(c fileCache, r *rand.Rand) []any { c.Purge(); return nil },
	"Remove":        func(c fileCache, r *rand.Rand) []any { return list(c.Remove(fileKey(r))) },
	"RemoveOldest":  func(c fileCache, r *rand.Rand) []any { return list(c.RemoveOldest()) },
	"Resize":        func(c fileCache, r *rand.Rand) []any { return list(c.Resize(1 + r.IntN(8))) },
	"Values":        func(c fileCache, r *rand.Rand) []any { return list(c.Values()) },
}

// past is a time before which no token is spent.
var past = time.Date(2001, 2, 3, 4, 5, 6, 7, time.UTC)

// soon returns a time in the thousand seconds after past.
func soon(random *rand.Rand) time.Time {
	return past.Add(time.Duration(random.Int64N(int64(1000 * time.Second))))
}

// fill makes a limiter full at this moment: a clock that goes back is allowed, and
// decades have passed since.
func fill(l LimiterAPI) LimiterAPI {
	l.AllowN(past, 0)
	return l
}

// Limits are half a token a second or more, so that whatever depends on the time
// is full, and at most one, so that it is not full again within minutes.
var limiterCalls = calls[LimiterAPI]{
	"Allow":      func(l LimiterAPI, r *rand.Rand) []any { return list(fill(l).Allow()) },
	"AllowN":     func(l LimiterAPI, r *rand.Rand) []any { return list(l.AllowN(soon(r), r.IntN(burst))) },
	"Burst":      func(l LimiterAPI, r *rand.Rand) []any { return list(l.Burst()) },
	"Limit":      func(l LimiterAPI, r *rand.Rand) []any { return list(l.Limit()) },
	"SetBurst":   func(l LimiterAPI, r *rand.Rand) []any { fill(l).SetBurst(100 + r.IntN(burst)); return nil },
	"SetBurstAt": func(l LimiterAPI, r *rand.Rand) []any { l.SetBurstAt(soon(r), 100+r.IntN(burst)); return nil },
	"SetLimit":   func(l LimiterAPI, r *rand.Rand) []any { fill(l).SetLimit(limit(r)); return nil },
	"SetLimitAt": func(l LimiterAPI, r *rand.Rand) []any { l.SetLimitAt(soon(r), limit(r)); return nil },
	"Tokens":     func(l LimiterAPI, r *rand.Rand) []any { return list(fill(l).Tokens()) },
	"TokensAt":   func(l LimiterAPI, r *rand.Rand) []any { return list(l.TokensAt(soon(r))) },
	"Wait":       func(l LimiterAPI, r *rand.Rand) []any { return list(fill(l).Wait(context.Background())) },
	"WaitN": func(l LimiterAPI, r *rand.Rand) []any {
		if r.IntN(2) == 0 { // it does not wait, or wants more than is ever there
			return list(fill(l).WaitN(context.Background(), r.IntN(2*burst)))
		}
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		empty := fill(l).AllowN(time.Now(), l.Burst())
		return list(empty, l.WaitN(ctx, 100)) // it would wait too long
	},
}

func limit(random *rand.Rand) rate.Limit { return rate.Limit(0.5 + random.Float64()/2) }

// filter returns one that has something in it, at times of another size.
func filter(random *rand.Rand) *bloom.BloomFilter {
	f := bloom.NewWithEstimates(100, 0.1)
	if random.IntN(4) == 0 {
		f = bloom.New(64, 3)
	}
	return f.AddString(key(random)).Add(value(random))
}

// encoded returns what encode makes of a filter, at times cut short.
func encoded(random *rand.Rand, encode func(*bloom.BloomFilter) ([]byte, error)) []byte {
	data, err := encode(filter(random))
	if err != nil {
		panic(err)
	}
	if random.IntN(2) == 0 {
		return data[:random.IntN(len(data))]
	}
	return data
}

var filterCalls = calls[FilterAPI]{
	"ApproximatedSize": func(f FilterAPI, r *rand.Rand) []any { return list(f.ApproximatedSize()) },
	"BitSet":           func(f FilterAPI, r *rand.Rand) []any { return list(f.BitSet()) },
	"Cap":              func(f FilterAPI, r *rand.Rand) []any { return list(f.Cap()) },
	"Copy":             func(f FilterAPI, r *rand.Rand) []any { return list(f.Copy().MarshalBinary()) },
	"Equal": func(f FilterAPI, r *rand.Rand) []any {
		data, err := f.MarshalBinary()
		if err != nil {
			return list(err)
		}
		same := new(bloom.BloomFilter)
		if err := same.UnmarshalBinary(data); err != nil {
			return list(err)
		}
		return list(f.Equal(same), f.Equal(filter(r)))
	},
	"GobDecode": func(f FilterAPI, r *rand.Rand) []any {
		err := f.GobDecode(encoded(r, (*bloom.BloomFilter).GobEncode))
		return list(err, err == io.EOF, err == io.ErrUnexpectedEOF)
	},
	"GobEncode":        func(f FilterAPI, r *rand.Rand) []any { return list(f.GobEncode()) },
	"K":                func(f FilterAPI, r *rand.Rand) []any { return list(f.K()) },
	"MarshalBinary":    func(f FilterAPI, r *rand.Rand) []any { return list(f.MarshalBinary()) },
	"MarshalJSON":      func(f FilterAPI, r *rand.Rand) []any { return list(f.MarshalJSON()) },
	"Merge":            func(f FilterAPI, r *rand.Rand) []any { return list(f.Merge(filter(r))) },
	"Test":             func(f FilterAPI, r *rand.Rand) []any { return list(f.Test(value(r))) },
	"TestAndAdd":       func(f FilterAPI, r *rand.Rand) []any { return list(f.TestAndAdd(value(r))) },
	"TestAndAddString": func(f FilterAPI, r *rand.Rand) []any { return list(f.TestAndAddString(key(r))) },
	"TestLocations":    func(f FilterAPI, r *rand.Rand) []any { return list(f.TestLocations(bloom.Locations(value(r), 4))) },
	"TestOrAdd":        func(f FilterAPI, r *rand.Rand) []any { return list(f.TestOrAdd(value(r))) },
	"TestOrAddString":  func(f FilterAPI, r *rand.Rand) []any { return list(f.TestOrAddString(key(r))) },
	"TestString":       func(f FilterAPI, r *rand.Rand) []any { return list(f.TestString(key(r))) },
	"UnmarshalBinary": func(f FilterAPI, r *rand.Rand) []any {
		err := f.UnmarshalBinary(encoded(r, (*bloom.BloomFilter).MarshalBinary))
		return list(err, err == io.EOF, err == io.ErrUnexpectedEOF)
	},
	"UnmarshalJSON": func(f FilterAPI, r *rand.Rand) []any {
		return list(f.UnmarshalJSON(encoded(r, func(f *bloom.BloomFilter) ([]byte, error) { return f.MarshalJSON() })))
	},
}

// found returns an error, and whether it is the one that it should be.
func found(err error) []any { return list(err, err == bigcache.ErrEntryNotFound) }

var bigCacheCalls = calls[BigCacheAPI]{
	"Append":   func(c BigCacheAPI, r *rand.Rand) []any { return found(c.Append(key(r), value(r))) },
	"Capacity": func(c BigCacheAPI, r *rand.Rand) []any { return list(c.Capacity()) },
	"Delete":   func(c BigCacheAPI, r *rand.Rand) []any { return found(c.Delete(key(r))) },
	"Get": func(c BigCacheAPI, r *rand.Rand) []any {
		entry, err := c.Get(key(r))
		return append(found(err), entry)
	},
	"GetWithInfo": func(c BigCacheAPI, r *rand.Rand) []any {
		entry, response, err := c.GetWithInfo(key(r))
		return append(found(err), entry, response)
	},
	"KeyMetadata": func(c BigCacheAPI, r *rand.Rand) []any { return list(c.KeyMetadata(key(r))) },
	"Len":         func(c BigCacheAPI, r *rand.Rand) []any { return list(c.Len()) },
	"Reset":       func(c BigCacheAPI, r *rand.Rand) []any { return list(c.Reset()) },
	"ResetStats":  func(c BigCacheAPI, r *rand.Rand) []any { return list(c.ResetStats()) },
	"Set":         func(c BigCacheAPI, r *rand.Rand) []any { return list(c.Set(key(r), value(r))) },
	"Stats":       func(c BigCacheAPI, r *rand.Rand) []any { return list(c.Stats()) },
}

// A Point is a type that is known in interfaces since it is registered.
type Point struct{ X, Y float64 }

func init() { rt.RegisterType[Point]() }

// thing returns something that can be compared.
func thing(random *rand.Rand) any {
	things := []any{
		nil, 1, int8(1), uint64(1), 1.0, float32(1), "1", true, 'x', 1i, time.Second,
		past, [2]string{"1"}, Point{1, 2}, [1]any{Point{}},
	}
	return things[random.IntN(len(things))]
}

// anything returns something that may be slice or map as well.
func anything(random *rand.Rand) any {
	switch random.IntN(6) {
	case 0:
		return value(random)
	case 1:
		return []any{thing(random), thing(random)}
	case 2:
		return map[any]Point{thing(random): {Y: 1}}
	default:
		return thing(random)
	}
}

var mapCalls = calls[MapAPI]{
	"Clear": func(m MapAPI, r *rand.Rand) []any { m.Clear(); return nil },
	"CompareAndDelete": func(m MapAPI, r *rand.Rand) []any {
		key := thing(r)
		m.Store(key, thing(r)) // it may not be compared with a slice
		return list(m.CompareAndDelete(key, thing(r)))
	},
	"CompareAndSwap": func(m MapAPI, r *rand.Rand) []any {
		key := thing(r)
		m.Store(key, thing(r))
		return list(m.CompareAndSwap(key, thing(r), anything(r)))
	},
	"Delete":        func(m MapAPI, r *rand.Rand) []any { m.Delete(thing(r)); return nil },
	"Load":          func(m MapAPI, r *rand.Rand) []any { return list(m.Load(thing(r))) },
	"LoadAndDelete": func(m MapAPI, r *rand.Rand) []any { return list(m.LoadAndDelete(thing(r))) },
	"LoadOrStore":   func(m MapAPI, r *rand.Rand) []any { return list(m.LoadOrStore(thing(r), anything(r))) },
	"Store":         func(m MapAPI, r *rand.Rand) []any { m.Store(thing(r), anything(r)); return nil },
	"Swap":          func(m MapAPI, r *rand.Rand) []any { return list(m.Swap(thing(r), anything(r))) },
}

var randCalls = calls[RandAPI]{
	"ExpFloat64":  func(x RandAPI, r *rand.Rand) []any { return list(x.ExpFloat64()) },
	"Float32":     func(x RandAPI, r *rand.Rand) []any { return list(x.Float32()) },
	"Float64":     func(x RandAPI, r *rand.Rand) []any { return list(x.Float64()) },
	"Int":         func(x RandAPI, r *rand.Rand) []any { return list(x.Int()) },
	"Int31":       func(x RandAPI, r *rand.Rand) []any { return list(x.Int31()) },
	"Int31n":      func(x RandAPI, r *rand.Rand) []any { return list(x.Int31n(1 + r.Int32())) },
	"Int63":       func(x RandAPI, r *rand.Rand) []any { return list(x.Int63()) },
	"Int63n":      func(x RandAPI, r *rand.Rand) []any { return list(x.Int63n(1 + r.Int64())) },
	"Intn":        func(x RandAPI, r *rand.Rand) []any { return list(x.Intn(1 + r.IntN(1000))) },
	"NormFloat64": func(x RandAPI, r *rand.Rand) []any { return list(x.NormFloat64()) },
	"Perm":        func(x RandAPI, r *rand.Rand) []any { return list(x.Perm(r.IntN(10))) },
	"Read": func(x RandAPI, r *rand.Rand) []any {
		p := make([]byte, r.IntN(20))
		n, err := x.Read(p)
		return list(n, err, p)
	},
	"Seed":   func(x RandAPI, r *rand.Rand) []any { x.Seed(r.Int64()); return nil },
	"Uint32": func(x RandAPI, r *rand.Rand) []any { return list(x.Uint32()) },
	"Uint64": func(x RandAPI, r *rand.Rand) []any { return list(x.Uint64()) },
}

// page returns the address of one of a few pages.
func page(random *rand.Rand) *url.URL {
	hosts := []string{"example.com", "www.example.com", "example.org:8080", "127.0.0.1"}
	paths := []string{"", "/", "/a", "/a/b", "/ä b/"}
	return &url.URL{
		Scheme: []string{"http", "https", "ftp"}[random.IntN(3)],
		Host:   hosts[random.IntN(len(hosts))],
		Path:   paths[random.IntN(len(paths))],
	}
}

func cookie(random *rand.Rand) *http.Cookie {
	return &http.Cookie{
		Name:     key(random),
		Value:    fmt.Sprintf("%x", value(random)),
		Quoted:   random.IntN(2) == 0,
		Path:     []string{"", "/", "/a"}[random.IntN(3)],
		Domain:   []string{"", "example.com", "example.net"}[random.IntN(3)],
		Expires:  []time.Time{{}, past, past.AddDate(200, 0, 0)}[random.IntN(3)],
		MaxAge:   []int{-1, 0, 0, 0, 1e6}[random.IntN(5)],
		Secure:   random.IntN(4) == 0,
		HttpOnly: random.IntN(2) == 0,
		SameSite: http.SameSite(random.IntN(5)),
	}
}

var jarCalls = calls[JarAPI]{
	"Cookies": func(j JarAPI, r *rand.Rand) []any { return list(j.Cookies(page(r))) },
	"SetCookies": func(j JarAPI, r *rand.Rand) []any {
		j.SetCookies(page(r), []*http.Cookie{cookie(r), cookie(r)})
		return nil
	},
}
