package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"testing"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
)

// tested is another instance, small enough to be full soon.
var tested = ShareCache[string, []int](rt.Config{}, 8)

func TestMain(m *testing.M) {
	if os.Getenv("LRUCACHE_TEST_PROCESS") != "" {
		rt.ServeIfDaemon()
		if err := answer(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	rttest.Main(m)
}

// step makes the call that n says, the same in every process, and returns what
// came of it.
func step(cache CacheAPI[string, []int], n uint64) string {
	random := rand.New(rand.NewPCG(n, 0))
	key, value := fmt.Sprint("key", random.IntN(12)), random.Perm(random.IntN(5))
	switch random.IntN(10) {
	case 0:
		return fmt.Sprintln(cache.GetOldest())
	case 1:
		return fmt.Sprintln(cache.RemoveOldest())
	case 2:
		return fmt.Sprintln(cache.Remove(key), cache.Len())
	case 3:
		return fmt.Sprintln(cache.Keys(), cache.Values())
	case 4:
		return fmt.Sprintln(cache.PeekOrAdd(key, value))
	case 5, 6:
		return fmt.Sprintln(cache.Get(key))
	default:
		return fmt.Sprintln(cache.Add(key, value), cache.Contains(key))
	}
}

// answer is the other process: it makes the call for each number it reads.
func answer() error {
	cache, err := tested.Proxy(context.Background())
	if err != nil {
		return err
	}
	var n uint64
	for {
		if _, err := fmt.Scanln(&n); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		fmt.Print(step(cache, n))
	}
}

// Two processes that take turns do to the shared cache what one alone does to a
// local one.
func TestSharedIsLikeLocal(t *testing.T) {
	local, err := lru.New[string, []int](8)
	if err != nil {
		t.Fatal(err)
	}
	shared, err := tested.Proxy(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	other := exec.Command(os.Args[0])
	other.Env = append(os.Environ(), "LRUCACHE_TEST_PROCESS=1")
	other.Stderr = os.Stderr
	questions, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	pipe, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(pipe)
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	for n := range uint64(2000) {
		want := step(local, n)
		var got string
		if n%2 == 0 {
			got = step(shared, n)
		} else {
			fmt.Fprintln(questions, n)
			if got, err = answers.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
		if got != want {
			t.Fatalf("call %d: got %s, want %s", n, got, want)
		}
	}
	questions.Close()
	if err := other.Wait(); err != nil {
		t.Error(err)
	}
}

func TestSums(t *testing.T) {
	files, err := find([]string{"."})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(files, func(f File) bool { return f.Size > 0 }) {
		t.Fatal("found no file")
	}
	for range 2 {
		if err := sumAll(t.Context(), files, 1); err != nil {
			t.Fatal(err)
		}
	}
	cache, err := sums.Proxy(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		want, err := read(file.Path)
		if got, ok := cache.Peek(file); err != nil || !ok || got != want {
			t.Errorf("%s: got %x, %t, want %x (%v)", file.Path, got, ok, want, err)
		}
	}
}
