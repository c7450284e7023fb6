package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// puts is how many values a worker puts.
const puts = 50

// fill puts values under keys that begin with prefix, and prints each key that is on
// disk.
func fill(cache CacheAPI, prefix string) error {
	for i := range puts {
		key := fmt.Sprintf("%s%02d", prefix, i)
		if err := cache.Put(key, []byte("value")); err != nil {
			return err
		}
		fmt.Println(key)
	}
	return nil
}

// demonstrate runs workers at the same time, and counts what they have written.
func demonstrate(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "boltcache")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	*file = filepath.Join(dir, "cache.db")
	var running sync.WaitGroup
	for i := range *workers {
		running.Go(func() {
			cmd := exec.Command(self, "-file", *file, fmt.Sprintf("-alone=%t", *alone), "fill", fmt.Sprint("worker", i, "-"))
			cmd.Stderr = os.Stderr
			_ = cmd.Run() // it reports its error itself, and its values are missing below
		})
	}
	running.Wait()
	cache, closeCache, err := open(ctx)
	if err != nil {
		return err
	}
	defer closeCache()
	keys, err := cache.Keys()
	fmt.Printf("%d of %d values written\n", len(keys), *workers*puts)
	return err
}
