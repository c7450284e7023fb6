// Tokens has several processes need an access token at the same time. It is
// refreshed once for all of them, and one process, the daemon, writes the file.
//
// It is for command-line tools that keep a login in a file: two commands that run at
// the same time both refresh an expired token. The issuer accepts the refresh token
// once, so one of them fails, or the file has a token that is void and the user must
// log in again.
//
//	go run ./examples/tokens -workers 8
//	go run ./examples/tokens -workers 8 -alone
//
// The second line shows that failure: each process refreshes the token itself. The
// tokens survive the daemon, since they are in the file.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/loopgen/loopgen/rt"
)

var (
	workers = flag.Int("workers", 8, "how many `processes` need the token")
	alone   = flag.Bool("alone", false, "share nothing but the file")
	file    = flag.String("file", "tokens.json", "the token `file`")
	from    = flag.String("issuer", "", "the `URL` of the issuer; print an access token of the account ACCOUNT")
)

func main() {
	rt.ServeIfDaemon()
	log.SetFlags(0)
	log.SetPrefix("tokens: ")
	flag.Parse()
	ctx := context.Background()
	switch {
	case *from != "" && flag.NArg() == 1:
		store, closeStore, err := open(ctx, *file, *from)
		if err != nil {
			log.Fatal(err)
		}
		defer closeStore()
		token, err := store.Token(ctx, flag.Arg(0))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(token)
	case *from == "" && flag.NArg() == 0:
		if err := demonstrate(ctx); err != nil {
			log.Fatal(err)
		}
	default:
		log.Fatal("usage: tokens [-workers n] [-alone]\n       tokens [-alone] [-file f] -issuer URL ACCOUNT")
	}
}

// share returns the shared store of a file. Its name has the absolute path, so that
// all processes that mean the file mean one store.
func share(path, issuer string) *rt.Shared[*StoreClient, *StoreProxy] {
	return ShareStore(rt.Config{Name: "tokens " + path}, path, issuer)
}

// open returns the store of a file, the shared one unless -alone is given, and a
// function that closes it.
func open(ctx context.Context, file, issuer string) (store StoreAPI, closeStore func() error, err error) {
	path, err := filepath.Abs(file)
	if err != nil {
		return nil, nil, err
	}
	if *alone {
		store, err := NewStore(path, issuer)
		return store, func() error { return nil }, err
	}
	shared := share(path, issuer)
	store, err = shared.Proxy(ctx)
	return store, shared.Close, err
}

// demonstrate runs an issuer, logs an account in, and starts the processes.
func demonstrate(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "tokens")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, *file)
	issuer := newIssuer(200 * time.Millisecond)
	server := httptest.NewServer(issuer)
	defer server.Close()
	store, closeStore, err := open(ctx, path, server.URL)
	if err != nil {
		return err
	}
	defer closeStore()
	if err := store.Login("me", issuer.nextRefreshToken); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	var running sync.WaitGroup
	for range *workers {
		running.Go(func() {
			cmd := exec.Command(self, fmt.Sprintf("-alone=%t", *alone), "-file", path, "-issuer", server.URL, "me")
			cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
			_ = cmd.Run() // it reports its error itself, and the issuer counts
		})
	}
	running.Wait()
	fmt.Printf("%d processes: %d refreshed the token, %d were refused\n", *workers, issuer.refreshed, issuer.refused)
	return nil
}
