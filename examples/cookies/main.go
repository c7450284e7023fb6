// Cookies shares the standard library's cookie jar between processes: a cookie
// that one process receives from a server is sent by another one.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"

	"github.com/loopgen/loopgen/rt"
)

// The jar is safe for concurrent use, but one call at a time is good enough here.
//
//go:generate go tool loopgen -type net/http/cookiejar.Jar -new New(nil)

// A JarProxy is what an http.Client wants.
var _ http.CookieJar = (*JarProxy)(nil)

func main() {
	rt.ServeIfDaemon()
	log.SetFlags(0)
	name := flag.String("name", fmt.Sprintf("cookies-example-%d", os.Getpid()), "which jar; set by the parent")
	get := flag.String("get", "", "fetch a page with the shared jar; set by the parent")
	flag.Parse()
	shared := ShareJar(rt.Config{Name: *name})
	defer shared.Close()
	if err := run(context.Background(), shared, *name, *get); err != nil {
		log.Fatal("cookies: ", err)
	}
}

func run(ctx context.Context, shared *rt.Shared[*JarClient, *JarProxy], name, get string) error {
	if get != "" {
		return fetch(ctx, shared, get)
	}
	server := httptest.NewServer(http.HandlerFunc(serve))
	defer server.Close()
	// This process keeps the jar's daemon from leaving between the two others.
	if err := shared.EnsureStarted(ctx); err != nil {
		return err
	}
	for _, page := range []string{"/login", "/account"} {
		fmt.Printf("a process gets %s: ", page)
		cmd := exec.Command(os.Args[0], "-name", name, "-get", server.URL+page)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("get %s: %w", page, err)
		}
	}
	return nil
}

// serve gives a cookie at /login and wants to see it elsewhere.
func serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/login" {
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "s3cret", Path: "/", HttpOnly: true})
		fmt.Fprintln(w, "here is a cookie")
		return
	}
	cookie, err := r.Cookie("session")
	if err != nil {
		http.Error(w, "who are you?", http.StatusUnauthorized)
		return
	}
	fmt.Fprintf(w, "welcome back, %s\n", cookie.Value)
}

// fetch gets a page with the shared jar.
func fetch(ctx context.Context, shared *rt.Shared[*JarClient, *JarProxy], url string) error {
	jar, err := shared.Proxy(ctx)
	if err != nil {
		return err
	}
	client := http.Client{Jar: jar}
	resp, err := client.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the server said %s", resp.Status)
	}
	_, err = io.Copy(os.Stdout, resp.Body)
	return err
}
