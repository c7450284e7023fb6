// Queue prints the SHA-256 sums of all files below a directory. Several worker
// processes take the files from one queue, which lives in a daemon.
//
// It is for a program that splits its work between processes and must not lose a
// part of it when a worker is killed: the daemon puts the job of a worker that is
// gone back into the queue.
//
//	go run ./examples/queue -workers 4 -kill "$(go env GOROOT)/src/net" >sums
//
// kills one of the workers halfway, and the sums are complete all the same. A file is
// in the output twice if its worker was killed between printing and Done.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"

	"github.com/loopgen/loopgen/rt"
)

var (
	workers = flag.Int("workers", 4, "how many worker `processes`")
	kill    = flag.Bool("kill", false, "kill one worker when half of the files are done")
	name    = flag.String("name", fmt.Sprintf("queue-example-%d", os.Getpid()), "which `queue`; set by the parent")
	worker  = flag.Bool("worker", false, "be a worker; set by the parent")
)

func main() {
	rt.ServeIfDaemon()
	log.SetFlags(0)
	log.SetPrefix("queue: ")
	flag.Parse()
	shared := ShareQueue(config(*name))
	defer shared.Close() // the daemon exits two seconds after its last client has closed
	queue, err := shared.Connect(context.Background())
	switch {
	case err != nil:
	case *worker:
		err = work(context.Background(), queue)
	case flag.NArg() != 1 || *workers < 1:
		log.Fatal("usage: queue [-workers n] [-kill] DIR")
	default:
		err = parent(context.Background(), queue, flag.Arg(0))
	}
	if err != nil {
		log.Fatal(err)
	}
}

// config returns the configuration of a queue. The jobs are lost with the daemon
// that holds them: then a client must fail, and not go on with an empty queue.
func config(name string) rt.Config {
	return rt.Config{Name: name, OnRestart: func(string, string) error {
		return errors.New("the daemon has ended, and the queue with it")
	}}
}

// work sums files until none is left.
func work(ctx context.Context, queue *QueueClient) error {
	for {
		lease := rand.Text()
		file, err := queue.Take(ctx, lease)
		if errors.Is(err, ErrSealed) {
			return nil
		}
		if err != nil {
			return err
		}
		if sum, err := sumFile(file); err != nil {
			log.Print(err) // not given back: the next worker would fail, too
		} else {
			fmt.Printf("%x  %s\n", sum, file)
		}
		if err := errors.Join(queue.Done(ctx, lease), queue.Release(ctx, lease)); err != nil {
			return err
		}
	}
}

// parent pushes the files, runs the workers, and shows how they get on.
func parent(ctx context.Context, queue *QueueClient, dir string) error {
	files, err := find(dir)
	if err != nil {
		return err
	}
	if err := errors.Join(queue.Push(ctx, files...), queue.Seal(ctx)); err != nil {
		return err
	}
	running, err := startWorkers()
	if err != nil {
		return err
	}
	watch, stop := context.WithCancel(ctx)
	go func() {
		defer stop()
		for _, cmd := range running {
			_ = cmd.Wait() // a worker reports its errors itself; the counts below show what is missing
		}
	}()
	var p Progress
	for p.Done < len(files) && err == nil {
		fmt.Fprintf(os.Stderr, "\r%d of %d files, %d in work", p.Done, len(files), p.Taken)
		if *kill && p.Done >= len(files)/2 {
			*kill = false
			_ = running[0].Process.Kill() // it may have ended by itself
		}
		p, err = queue.WaitProgress(watch, p)
	}
	<-watch.Done()
	if p, err = queue.Progress(ctx); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "\r%d of %d files, %d given back after a worker was killed\n", p.Done, len(files), p.GivenBack)
	if p.Done < len(files) {
		return errors.New("all workers have ended before the work was done")
	}
	return nil
}

// startWorkers starts the workers.
func startWorkers() (running []*exec.Cmd, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	for range *workers {
		cmd := exec.Command(self, "-worker", "-name", *name)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		running = append(running, cmd)
	}
	return running, nil
}
