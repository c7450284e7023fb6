// Package corpus tests the generator on types that nobody wrote for it: its tests
// generate for all types of types.txt and stores.txt, compile and vet the result,
// and call the methods of a sample with random values, directly and through a
// daemon. Each method is shared or has a diagnostic; the golden files types.golden
// and stores.golden list those that are not shared, with the reasons.
package corpus

// The packages of types.txt and stores.txt are imported here so that go.mod
// requires their modules.
import (
	_ "github.com/RoaringBitmap/roaring/v2"
	_ "github.com/allegro/bigcache/v3"
	_ "github.com/bits-and-blooms/bitset"
	_ "github.com/bits-and-blooms/bloom/v3"
	_ "github.com/bwmarrin/snowflake"
	_ "github.com/cespare/xxhash/v2"
	_ "github.com/dgraph-io/badger/v4"
	_ "github.com/dgraph-io/ristretto/v2"
	_ "github.com/emirpasic/gods/lists/arraylist"
	_ "github.com/google/btree"
	_ "github.com/google/uuid"
	_ "github.com/hashicorp/golang-lru/v2"
	_ "github.com/hashicorp/golang-lru/v2/expirable"
	_ "github.com/nats-io/nats.go"
	_ "github.com/patrickmn/go-cache"
	_ "github.com/robfig/cron/v3"
	_ "github.com/shopspring/decimal"
	_ "github.com/sony/gobreaker/v2"
	_ "github.com/spf13/pflag"
	_ "github.com/spf13/viper"
	_ "github.com/syndtr/goleveldb/leveldb"
	_ "github.com/tidwall/btree"
	_ "go.etcd.io/bbolt"
	_ "golang.org/x/time/rate"
)
