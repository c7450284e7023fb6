// Boltcache is a command-line tool with a cache in a bbolt file. The daemon opens the
// file once, and all processes of the tool use it at the same time.
//
// It is for tools whose second run waits, or fails with "timeout", because the first
// one has locked the file: only one process can open a bbolt file.
//
//	go run . -workers 4
//	go run . -workers 4 -alone
//
// The first line lets four processes write to one file. With -alone each opens the file
// itself, and all but one fail. The tool's own commands are
//
//	go build
//	./boltcache -file cache.db put key value
//	./boltcache -file cache.db get key
//	./boltcache -file cache.db keys
//
// The daemon closes the file and exits two seconds after the last client has closed.
// Until then, other programs cannot open the file.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"path/filepath"

	"github.com/loopgen/loopgen/rt"
)

var (
	file    = flag.String("file", "cache.db", "the cache's `file`")
	alone   = flag.Bool("alone", false, "open the file in this process")
	workers = flag.Int("workers", 0, "let so many `processes` write at the same time, to a new file")
)

func main() {
	rt.ServeIfDaemon()
	log.SetFlags(0)
	log.SetPrefix("boltcache: ")
	flag.Parse()
	do := run
	if *workers > 0 {
		do = demonstrate
	}
	if err := do(context.Background()); err != nil {
		log.Fatal(err)
	}
}

// share returns the shared cache of a file. Its name has the absolute path, so that all
// processes that mean the file mean one cache.
func share(path string) *rt.Shared[*CacheClient, *CacheProxy] {
	return ShareCache(rt.Config{Name: "boltcache " + path}, path)
}

// open returns the cache, the shared one unless -alone is given, and a function that
// closes it. That of the shared cache closes the client only.
func open(ctx context.Context) (cache CacheAPI, closeCache func() error, err error) {
	path, err := absolute(*file)
	if err != nil {
		return nil, nil, err
	}
	if *alone {
		local, err := Open(path)
		if err != nil {
			return nil, nil, err
		}
		return local, local.Close, nil
	}
	shared := share(path)
	cache, err = shared.Proxy(ctx)
	return cache, shared.Close, err
}

// absolute returns the path that the daemon uses. A directory that is reached by
// several paths gives one: two daemons cannot open one file.
func absolute(file string) (string, error) {
	path, err := filepath.Abs(file)
	if err != nil {
		return "", err
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	return filepath.Join(dir, filepath.Base(path)), err
}

// run executes the command of the command line.
func run(ctx context.Context) (err error) {
	cache, closeCache, err := open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeCache()) }()
	switch args := flag.Args(); {
	case len(args) == 3 && args[0] == "put":
		return cache.Put(args[1], []byte(args[2]))
	case len(args) == 2 && args[0] == "get":
		value, err := cache.Get(args[1])
		if err != nil {
			return err
		}
		fmt.Printf("%s\n", value)
		return nil
	case len(args) == 1 && args[0] == "keys":
		keys, err := cache.Keys()
		for _, key := range keys {
			fmt.Println(key)
		}
		return err
	case len(args) == 2 && args[0] == "fill": // a worker
		return fill(cache, args[1])
	}
	return errors.New("usage: boltcache [-file f] put KEY VALUE | get KEY | keys, or boltcache -workers n [-alone]")
}
