// Package foreign shares types of other modules and of the standard library as
// they are, without a wrapper. Its test is that two processes get from them what
// a single one gets from an object of its own.
package foreign

import (
	"context"
	"time"

	"github.com/allegro/bigcache/v3"
)

//go:generate go tool loopgen -type github.com/hashicorp/golang-lru/v2.Cache[string,[]byte] -name LRU
//go:generate go tool loopgen -type github.com/hashicorp/golang-lru/v2.Cache -concurrent all
//go:generate go tool loopgen -type golang.org/x/time/rate.Limiter -concurrent all
//go:generate go tool loopgen -type github.com/bits-and-blooms/bloom/v3.BloomFilter -new NewWithEstimates -name Filter
//go:generate go tool loopgen -type github.com/allegro/bigcache/v3.BigCache -new newBigCache
//go:generate go tool loopgen -type github.com/bwmarrin/snowflake.Node
//go:generate go tool loopgen -type sync.Map -concurrent all
//go:generate go tool loopgen -type math/rand.Rand -new New(rand.NewSource(1))
//go:generate go tool loopgen -type net/http/cookiejar.Jar -new New(nil)

// newBigCache makes a small cache, which counts. A bigcache.Config has functions,
// and so cannot be a parameter.
func newBigCache() (*bigcache.BigCache, error) {
	config := bigcache.DefaultConfig(time.Hour)
	config.Shards = 2
	config.MaxEntriesInWindow = 100
	config.CleanWindow = 0
	config.StatsEnabled = true
	config.Verbose = false
	return bigcache.New(context.Background(), config)
}
