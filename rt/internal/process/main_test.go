//go:build unix

package process_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/loopgen/loopgen/rt/internal/process"
)

// The test binary runs in all roles. One environment variable names the role, another one
// has its argument.
const (
	partVariable     = "PROCESS_TEST_PART"
	argumentVariable = "PROCESS_TEST_ARGUMENT"
	exitForged       = 70
)

func TestMain(m *testing.M) {
	parent, err := process.Inherited()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitForged)
	}
	part, argument := os.Getenv(partVariable), os.Getenv(argumentVariable)
	switch {
	case parent != nil:
		// The processes of a killed test exit after this time.
		time.AfterFunc(time.Minute, func() { os.Exit(99) })
		os.Exit(childParts[part](parent, argument))
	case part != "":
		os.Exit(clientParts[part](argument))
	}
	os.Exit(m.Run())
}

// childParts are the roles of children that process.Start has started.
var childParts = map[string]func(*process.Parent, string) int{
	"echo": func(p *process.Parent, _ string) int {
		payload, err := p.Payload()
		if err != nil {
			return fail(err)
		}
		if len(payload) > 64<<10 {
			payload = fmt.Appendf(nil, "%d bytes, last %d", len(payload), payload[len(payload)-1])
		}
		return fail(p.Report(payload))
	},
	"facts": func(p *process.Parent, _ string) int {
		text, err := json.Marshal(look(p))
		return fail(errors.Join(err, p.Report(text)))
	},
	"exit": func(*process.Parent, string) int {
		fmt.Println("to standard output")
		fmt.Fprintln(os.Stderr, "to standard error")
		return 7
	},
	"signal": func(*process.Parent, string) int {
		unix.Kill(os.Getpid(), unix.SIGKILL)
		return wait()
	},
	"hang": func(p *process.Parent, _ string) int {
		p.Claim()
		return wait()
	},
	"unclaimed": func(*process.Parent, string) int { return wait() },
	"peeks": func(p *process.Parent, _ string) int {
		if _, err := p.Peek(); err != nil {
			return fail(err)
		}
		return wait()
	},
	"peeks and reports": func(p *process.Parent, _ string) int {
		first, err := p.Peek()
		if err != nil {
			return fail(err)
		}
		second, err := p.Payload()
		if err != nil {
			return fail(err)
		}
		third, err := p.Peek()
		return fail(errors.Join(err, p.Report(bytes.Join([][]byte{first, second, third}, []byte("+")))))
	},
	"twice": func(p *process.Parent, _ string) int {
		first := p.Report([]byte("first"))
		if second := p.Report([]byte("second")); first != nil || second == nil {
			return 1
		}
		return 0
	},
	"too long": func(p *process.Parent, _ string) int {
		if p.Report(make([]byte, 64<<10+1)) == nil {
			return 1
		}
		return fail(p.Report(make([]byte, 64<<10)))
	},
	// late reports when the test opens a fifo, and exits with 5 if the parent no longer reads.
	"late": func(p *process.Parent, fifo string) int {
		p.Claim()
		if _, err := os.ReadFile(fifo); err != nil {
			return fail(err)
		}
		if err := p.Report([]byte("late")); errors.Is(err, syscall.EPIPE) {
			return 5
		}
		return 1
	},
	// linger serves on a socket: it answers each byte with one byte, and exits at "q".
	"linger": func(p *process.Parent, socket string) int {
		ln, err := net.Listen("unix", socket)
		if err != nil {
			return fail(err)
		}
		if err := p.Report([]byte("listening")); err != nil {
			return fail(err)
		}
		for {
			conn, err := ln.Accept()
			if err != nil {
				return fail(err)
			}
			var b [1]byte
			io.ReadFull(conn, b[:])
			conn.Write(b[:])
			if b[0] == 'q' {
				ln.Close()
				return 0
			}
			conn.Close()
		}
	},
	// writer keeps a fifo open until it exits.
	"writer": func(p *process.Parent, fifo string) int {
		f, err := os.OpenFile(fifo, os.O_WRONLY, 0)
		if err != nil {
			return fail(err)
		}
		defer f.Close()
		if _, err := p.Payload(); err != nil {
			return 3
		}
		p.Report([]byte("written"))
		return 0
	},
}

// clientParts are the roles of ordinary processes that the tests start.
var clientParts = map[string]func(string) int{
	"linger": startLinger,
	"linger and wait": func(socket string) int {
		startLinger(socket)
		return wait()
	},
	"writer": func(fifo string) int {
		own, err := os.OpenFile(fifo, os.O_WRONLY, 0)
		if err != nil {
			return fail(err)
		}
		defer own.Close()
		fmt.Println("go")
		child, err := process.Start(process.Command{Env: env("writer", fifo), Payload: make([]byte, 16<<20)})
		if err != nil {
			return fail(err)
		}
		child.Report(limited())
		return wait()
	},
	"remove": func(string) int {
		path, err := os.Executable()
		if err == nil {
			err = os.WriteFile(path+".new", []byte("#!/bin/sh\nexit 1\n"), 0o755)
		}
		if err == nil {
			err = os.Rename(path+".new", path)
		}
		if err != nil {
			return fail(err)
		}
		got, err := report(process.Command{Env: env("facts", "")})
		if err != nil {
			return fail(err)
		}
		var f facts
		err = json.Unmarshal(got, &f)
		fmt.Println(f.SameBuild, process.Executable() == path)
		return fail(err)
	},
	"grandchild": func(string) int {
		fmt.Print(os.Getenv("LOOPGEN_DAEMON"))
		links, _ := filepath.Glob("/proc/self/fd/*")
		for _, l := range links {
			target, _ := os.Readlink(l)
			if strings.HasPrefix(target, "pipe:") && filepath.Base(l) > "2" {
				fmt.Print(" has ", filepath.Base(l), " ", target)
			}
		}
		return 0
	},
	"few descriptors": fewDescriptors,
	"few processes":   fewProcesses,
}

// startLinger starts a child that outlives this process.
func startLinger(socket string) int {
	child, err := process.Start(process.Command{Env: env("linger", socket)})
	if err != nil {
		return fail(err)
	}
	defer child.Release()
	text, err := child.Report(limited())
	fmt.Printf("%s\n", text)
	return fail(err)
}

// facts describe the state of a new child.
type facts struct {
	PID, Session  int
	Directory     string
	Umask         int
	Descriptors   map[string]string // those that its children would inherit, with their files
	Environment   []string
	Grandchild    string
	SameBuild     bool
	BuildFromBoth string
}

func look(p *process.Parent) (f facts) {
	f.PID = os.Getpid()
	f.Session, _ = unix.Getsid(0)
	f.Directory, _ = os.Getwd()
	f.Umask = unix.Umask(0)
	unix.Umask(f.Umask)
	f.Descriptors = map[string]string{}
	links, _ := filepath.Glob("/proc/self/fd/*")
	for _, l := range links {
		if target, err := os.Readlink(l); err == nil && !strings.HasPrefix(target, "anon_inode") {
			f.Descriptors[filepath.Base(l)] = target
		}
	}
	f.Environment = os.Environ()
	own, err := process.Build()
	f.SameBuild = err == nil && own == p.Build()
	f.BuildFromBoth = own + " " + p.Build()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(env("grandchild", ""), os.Environ()...)
	cmd.Env = append(cmd.Env, partVariable+"=grandchild")
	out, err := cmd.CombinedOutput()
	f.Grandchild = fmt.Sprintf("%s%v", bytes.TrimSpace(out), err)
	return f
}

func env(part, argument string) []string {
	return []string{partVariable + "=" + part, argumentVariable + "=" + argument}
}

func report(cmd process.Command) ([]byte, error) {
	child, err := process.Start(cmd)
	if err != nil {
		return nil, err
	}
	defer child.Kill()
	return child.Report(limited())
}

// wait blocks until a signal ends the process.
func wait() int {
	forever := make(chan os.Signal, 1)
	signal.Notify(forever, syscall.SIGUSR2)
	<-forever
	return 0
}

func fail(err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
