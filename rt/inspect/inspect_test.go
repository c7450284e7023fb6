package inspect

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/loopgen/loopgen/rt/internal/rundir"
)

// wanted are the units that OPERATIONS.md shows.
const (
	wantedService = "[Service]\nExecStart=/usr/local/bin/limiterd\nRuntimeDirectory=loopgen/limiter\nRuntimeDirectoryPreserve=yes\n"
	wantedSocket  = "[Socket]\nListenStream=/run/loopgen/limiter/socket\nSocketMode=0666\n"
)

// The command of each finding is run, with a systemctl that does nothing. Then the finding is
// gone.
func TestUnits(t *testing.T) {
	tools := t.TempDir()
	for _, name := range []string{"sudo", "systemctl"} {
		text := map[string]string{"sudo": "#!/bin/sh\nexec \"$@\"\n", "systemctl": "#!/bin/sh\n"}[name]
		if err := os.WriteFile(filepath.Join(tools, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", tools+string(os.PathListSeparator)+os.Getenv("PATH"))
	for _, test := range []struct {
		name, service, socket, extra string // extra is a drop-in of the service
		want                         string // the problem
		stays                        bool   // only a person can mend it
	}{
		{name: "as documented", service: wantedService, socket: wantedSocket},
		{name: "with specifiers and lists", service: strings.Replace(wantedService, "=loopgen/limiter", "=other loopgen/%p", 1),
			socket: strings.Replace(wantedSocket, "/run/loopgen/limiter", "8080\nListenStream=%t/loopgen/%N", 1)},
		{name: "none", want: "systemd has no unit limiter.service that would start it", stays: true},
		{name: "without a socket", service: wantedService, want: "the service does not run", stays: true},
		{name: "another directory", service: strings.Replace(wantedService, "loopgen/limiter", "limiter", 1), socket: wantedSocket,
			want: "/limiter.service has RuntimeDirectory=limiter; clients look in /run/loopgen/limiter"},
		{name: "no directory", service: "[Service]\nExecStart=/usr/local/bin/limiterd\n", socket: wantedSocket,
			want: "/limiter.service has RuntimeDirectory=; clients look in /run/loopgen/limiter"},
		{name: "not preserved", service: strings.Replace(wantedService, "=yes", "=no", 1), socket: wantedSocket,
			want: "/limiter.service lets systemd remove the socket when the service exits"},
		{name: "repaired", service: strings.Replace(wantedService, "=yes", "=no", 1), socket: wantedSocket, extra: "[Service]\nRuntimeDirectoryPreserve=yes\n"},
		{name: "spoiled", service: wantedService, socket: wantedSocket, extra: "[Service]\nRuntimeDirectory=\n",
			want: "/limiter.service has RuntimeDirectory=; clients look in /run/loopgen/limiter", stays: true},
		{name: "another socket", service: wantedService, socket: strings.Replace(wantedSocket, "/run/loopgen", "/run", 1),
			want: "/limiter.socket has ListenStream=/run/limiter/socket, where no client looks"},
		{name: "a closed socket", service: wantedService, socket: strings.Replace(wantedSocket, "0666", "0600", 1),
			want: "/limiter.socket has SocketMode=0600, so that other users cannot connect"},
		{name: "a group's socket", service: wantedService, socket: strings.Replace(wantedSocket, "0666", "0660\nSocketGroup=web", 1)},
	} {
		t.Run(test.name, func(t *testing.T) {
			first, second := t.TempDir(), t.TempDir()
			for path, text := range map[string]string{
				filepath.Join(second, "limiter.service"):               test.service,
				filepath.Join(second, "limiter.socket"):                test.socket,
				filepath.Join(first, "limiter.service.d", "zzzz.conf"): test.extra,
			} {
				if text == "" {
					continue
				}
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for _, want := range []string{test.want, map[bool]string{true: test.want}[test.stays]} {
				x := &examination{}
				x.units(&Daemon{Name: "limiter", Dir: "/run/loopgen/limiter", State: Exited}, []string{first, second})
				got := ""
				for _, f := range x.findings {
					got += strings.ReplaceAll(f.Problem, second, "")
					if text, err := exec.Command("sh", "-e", "-c", f.Command).CombinedOutput(); err != nil {
						t.Errorf("%s: %v, %s", f.Command, err, text)
					}
				}
				if got != want {
					t.Fatalf("got %q, want %q", got, want)
				}
			}
		})
	}
}

func TestShellWord(t *testing.T) {
	for text, want := range map[string]string{"": "''", "/a/b-c_1.2": "/a/b-c_1.2", "a b": "'a b'", "it's": `'it'\''s'`, "$x": "'$x'"} {
		if got := shellWord(text); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

// A directory has the name of a service, or one with a hash.
func TestServiceDirectories(t *testing.T) {
	for name, want := range map[string]bool{
		"limiter": true, "a-b": true, "a-0123456789abcdef": false, "Counters-0123456789abcdef": false, "two words": false,
	} {
		if got := rundir.At(filepath.Join("/run/loopgen", name)).Service(); got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}

// Goroutines belong to the call that started them, also through others, and equal ones are
// counted.
func TestGroupStacks(t *testing.T) {
	const call = `goroutine 7 [select, 2 minutes]:
example.com/store.(*Store).Get(0x1, {0x2, 0x3})
	/src/store.go:10 +0x1d
example.com/store.init.0.func3.1(0x4)
	/src/store_loop.go:21 +0x2d
github.com/loopgen/loopgen/rt/stub.Serve1[...](0x4)
	/src/serve.go:17 +0x2d
example.com/store.init.0.func3(0x4)
	/src/store_loop.go:20 +0x2d
github.com/loopgen/loopgen/rt/profile.init.0.(*profiler).Label.func1(0x4)
	/src/profile.go:41 +0x2d
github.com/loopgen/loopgen/rt/internal/daemon.(*serverConn).answer(0x5, 0x6)
	/src/serveconn.go:30 +0x3d
created by github.com/loopgen/loopgen/rt/internal/daemon.(*serverConn).begin in goroutine 4
	/src/serveconn.go:40 +0x4d`
	const child = `goroutine 9 [IO wait]:
example.com/store.read(...)
	/src/read.go:1
created by example.com/store.(*Store).Get in goroutine 7
	/src/store.go:12 +0x1d`
	grandchild := strings.NewReplacer("goroutine 9 ", "goroutine 11 ", "in goroutine 7", "in goroutine 9").Replace(child)
	another := strings.Replace(call, "goroutine 7 [select, 2 minutes]", "goroutine 8 gp=0x1 m=nil [select, locked to thread]", 1)
	const own = `goroutine 4 [sleep]:
main.main()
	/src/main.go:3 +0x1`
	got := group(strings.Join([]string{own, call, child, another, grandchild}, "\n\n") + "\n")
	want := []Stack{
		{"Get", "select", 2, `example.com/store.(*Store).Get
	/src/store.go:10
example.com/store.init.0.func3.1
	/src/store_loop.go:21
github.com/loopgen/loopgen/rt/stub.Serve1[...]
	/src/serve.go:17
example.com/store.init.0.func3
	/src/store_loop.go:20
github.com/loopgen/loopgen/rt/profile.init.0.(*profiler).Label.func1
	/src/profile.go:41
github.com/loopgen/loopgen/rt/internal/daemon.(*serverConn).answer
	/src/serveconn.go:30
created by github.com/loopgen/loopgen/rt/internal/daemon.(*serverConn).begin
	/src/serveconn.go:40`},
		{"Get", "IO wait", 2, `example.com/store.read
	/src/read.go:1
created by example.com/store.(*Store).Get
	/src/store.go:12`},
		{"", "sleep", 1, "main.main\n\t/src/main.go:3"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
