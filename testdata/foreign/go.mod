module github.com/loopgen/loopgen/testdata/foreign

go 1.26.0

tool github.com/loopgen/loopgen/cmd/loopgen

require (
	github.com/allegro/bigcache/v3 v3.1.0
	github.com/bits-and-blooms/bitset v1.24.2
	github.com/bits-and-blooms/bloom/v3 v3.7.1
	github.com/bwmarrin/snowflake v0.3.0
	github.com/hashicorp/golang-lru/v2 v2.0.7
	github.com/loopgen/loopgen v0.0.0
	golang.org/x/time v0.16.0
)

require (
	github.com/dave/jennifer v1.7.1 // indirect
	github.com/fxamacker/cbor/v2 v2.10.0 // indirect
	github.com/gofrs/flock v0.13.1 // indirect
	github.com/rogpeppe/go-internal v1.16.0 // indirect
	github.com/x448/float16 v0.8.4 // indirect
	golang.org/x/mod v0.42.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/tools v0.52.0 // indirect
)

replace github.com/loopgen/loopgen => ../..
