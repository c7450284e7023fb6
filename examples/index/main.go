// Index counts the words of all text files below a directory: several worker
// processes read the files and put their words into one index, which lives in
// a daemon. The totals are then checked against a plain count in one process.
//
//	go run ./examples/index -workers 4 $(go env GOROOT)/src
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"time"

	"github.com/loopgen/loopgen/rt"
)

func main() {
	rt.ServeIfDaemon()
	log.SetFlags(0)
	workers := flag.Int("workers", 4, "how many worker processes")
	worker := flag.Int("worker", -1, "be that worker; set by the parent")
	name := flag.String("name", fmt.Sprintf("index-example-%d", os.Getpid()), "which index; set by the parent")
	flag.Parse()
	if flag.NArg() != 1 || *workers < 1 {
		log.Fatal("usage: index [-workers n] DIR")
	}
	shared := ShareIndex(rt.Config{Name: *name})
	defer shared.Close()
	run := parent
	if *worker >= 0 {
		run = work
	}
	if err := run(context.Background(), shared, flag.Arg(0), *workers, *worker); err != nil {
		log.Fatal("index: ", err)
	}
}

type sharedIndex = rt.Shared[*IndexClient, *IndexProxy]

// work takes one file after the other that nobody else has taken, beginning
// at a place of its own.
func work(ctx context.Context, shared *sharedIndex, dir string, workers, me int) error {
	index, err := shared.Connect(ctx)
	if err != nil {
		return err
	}
	files, err := textFiles(dir)
	if err != nil {
		return err
	}
	for i := range files {
		file := files[(i+me*len(files)/workers)%len(files)]
		if err := index.Claim(ctx, file); errors.Is(err, ErrSeen) {
			continue
		} else if err != nil {
			return err
		}
		words, text, err := countWords(file)
		if err != nil {
			return err
		}
		if !text {
			continue
		}
		if err := index.Add(ctx, words); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}

// parent starts the workers, watches the index fill, and checks it.
func parent(ctx context.Context, shared *sharedIndex, dir string, workers, _ int) error {
	index, err := shared.Connect(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	done := make(chan error, 1)
	go func() { done <- startWorkers(dir, workers) }()
	if err := watch(ctx, index, began, done); err != nil {
		return err
	}
	top, err := index.Top(ctx, 20)
	if err != nil {
		return err
	}
	for _, e := range top {
		fmt.Printf("%8d  %s\n", e.Count, e.Word)
	}
	got, err := index.Totals(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("%d files, %d words, %d of them distinct, in %.1fs with %d workers\n",
		got.Files, got.Words, got.Distinct, time.Since(began).Seconds(), workers)
	want, err := countAlone(dir)
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("a plain count says otherwise: %+v, not %+v", want, got)
	}
	fmt.Println("a plain count in one process says the same")
	return nil
}

// watch prints how the index fills until the workers are done.
func watch(ctx context.Context, index *IndexClient, began time.Time, done <-chan error) error {
	ticker := time.NewTicker(500 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-ticker.C:
			t, err := index.Totals(ctx)
			if err != nil {
				return err
			}
			fmt.Fprintf(os.Stderr, "%6.1fs  %d files, %d words\n", time.Since(began).Seconds(), t.Files, t.Words)
		}
	}
}

// startWorkers runs n workers to their end.
func startWorkers(dir string, n int) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	name := flag.Lookup("name").Value.String()
	failed := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			cmd := exec.Command(self, "-worker", strconv.Itoa(i), "-workers", strconv.Itoa(n), "-name", name, dir)
			cmd.Stderr = os.Stderr
			if err := cmd.Run(); err != nil {
				failed[i] = fmt.Errorf("worker %d: %w", i, err)
			}
		})
	}
	all.Wait()
	return errors.Join(failed...)
}
