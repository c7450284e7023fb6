module github.com/loopgen/loopgen/examples/boltcache

go 1.26.0

require (
	github.com/loopgen/loopgen v0.0.0
	go.etcd.io/bbolt v1.5.0
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

tool github.com/loopgen/loopgen/cmd/loopgen
