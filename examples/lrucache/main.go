// Lrucache prints the SHA-256 sums of files, as sha256sum does, and keeps them in
// a cache: a file that any process of yours has summed in the last minute is not
// read again. The cache is that of github.com/hashicorp/golang-lru, as it is,
// shared by all of them.
//
//	go run . -workers 4 "$(go env GOROOT)/src/net"
//
// lets four processes sum the same files, each in an order of its own, and prints
// what the cache has spared them; a second run finds it filled.
package main

import (
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/loopgen/loopgen/rt"
)

//go:generate go tool loopgen -type github.com/hashicorp/golang-lru/v2.Cache -concurrent all

// File is a file that was not changed since it was summed, by all appearances.
type File struct {
	Path     string
	Size     int64
	Modified int64 // nanoseconds since 1970
}

// Sum is the SHA-256 sum of a file.
type Sum [sha256.Size]byte

// sums is declared here, and not in main, so that the daemon has it too.
var sums = ShareCache[File, Sum](rt.Config{Name: "lrucache-example", IdleTTL: time.Minute}, 100_000)

func main() {
	rt.ServeIfDaemon()
	log.SetFlags(0)
	log.SetPrefix("lrucache: ")
	workers := flag.Int("workers", 0, "sum all files in that many processes, and print what the cache spared each")
	worker := flag.Int("worker", 0, "be that worker; set by the parent")
	flag.Parse()
	defer sums.Close()
	files, err := find(flag.Args())
	if err != nil {
		log.Fatal(err)
	}
	if *workers > 0 {
		err = parent(*workers)
	} else {
		err = sumAll(context.Background(), files, *worker)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// find returns the regular files below the given paths.
func find(paths []string) (files []File, err error) {
	for _, path := range paths {
		if path, err = filepath.Abs(path); err != nil {
			return nil, err
		}
		err = filepath.WalkDir(path, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			info, err := d.Info()
			if err == nil {
				files = append(files, File{path, info.Size(), info.ModTime().UnixNano()})
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

// parent runs the workers, all at once.
func parent(workers int) error {
	var running []*exec.Cmd
	for i := range workers {
		cmd := exec.Command(os.Args[0], append([]string{"-worker", fmt.Sprint(i + 1)}, flag.Args()...)...)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Start(); err != nil {
			return err
		}
		running = append(running, cmd)
	}
	for i, cmd := range running {
		if err := cmd.Wait(); err != nil {
			return fmt.Errorf("worker %d: %w", i+1, err)
		}
	}
	return nil
}

// sumAll sums the files. A worker does it in an order of its own, and counts.
func sumAll(ctx context.Context, files []File, worker int) error {
	cache, err := sums.Connect(ctx)
	if err != nil {
		return err
	}
	if worker > 0 {
		rand.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
	}
	hits := 0
	for _, file := range files {
		sum, known, err := cache.Get(ctx, file)
		if err != nil {
			return err
		}
		if known {
			hits++
		} else {
			if sum, err = read(file.Path); err != nil {
				return err
			}
			if _, err := cache.Add(ctx, file, sum); err != nil {
				return err
			}
		}
		if worker == 0 {
			fmt.Printf("%x  %s\n", sum, file.Path)
		}
	}
	if worker > 0 {
		fmt.Printf("worker %d: %d hits, %d misses\n", worker, hits, len(files)-hits)
	}
	return nil
}

// read sums a file the expensive way.
func read(path string) (sum Sum, err error) {
	f, err := os.Open(path)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return sum, err
	}
	return Sum(h.Sum(nil)), nil
}
