// Package corpus tests the generator on types that nobody wrote for it: its test
// generates for all types of types.txt, compiles and vets what comes out, sees
// that each method is shared or has a diagnostic, and calls the methods of a
// sample with random values, directly and through a daemon.
package corpus

// What types.txt names is imported here so that go.mod requires it.
import (
	_ "github.com/RoaringBitmap/roaring/v2"
	_ "github.com/allegro/bigcache/v3"
	_ "github.com/bits-and-blooms/bitset"
	_ "github.com/bits-and-blooms/bloom/v3"
	_ "github.com/bwmarrin/snowflake"
	_ "github.com/cespare/xxhash/v2"
	_ "github.com/emirpasic/gods/lists/arraylist"
	_ "github.com/google/btree"
	_ "github.com/google/uuid"
	_ "github.com/hashicorp/golang-lru/v2"
	_ "github.com/hashicorp/golang-lru/v2/expirable"
	_ "github.com/patrickmn/go-cache"
	_ "github.com/shopspring/decimal"
	_ "github.com/sony/gobreaker/v2"
	_ "github.com/spf13/pflag"
	_ "github.com/tidwall/btree"
	_ "golang.org/x/time/rate"
)
