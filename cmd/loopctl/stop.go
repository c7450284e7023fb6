package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/inspect"
)

func stop(ctx context.Context, in *invocation) error {
	d, err := in.shutDown(ctx)
	if err != nil {
		return err
	}
	return in.exited(d, "")
}

func restart(ctx context.Context, in *invocation) error {
	d, err := in.shutDown(ctx)
	if err != nil {
		return err
	}
	next := "; the next client that calls starts another daemon"
	if d.Scope == string(rt.ScopeSystem) {
		next = "; the service manager starts another one when a client connects to its socket, or with: systemctl restart " + d.Name
	}
	return in.exited(d, next)
}

// shutDown shuts down the daemon that the first argument names.
func (in *invocation) shutDown(ctx context.Context) (*inspect.Daemon, error) {
	d, err := in.daemon()
	if err != nil {
		return nil, errNoEffect{err}
	}
	mode := rt.ShutdownDrain
	if in.now {
		mode = rt.ShutdownNow
	}
	err = d.Shutdown(ctx, mode)
	var unfinished *inspect.UnfinishedError
	switch {
	case err == nil:
		return d, nil
	case errors.As(err, &unfinished) && !in.now:
		return nil, fmt.Errorf("%w; loopctl status %s shows the calls that it waits for, and loopctl stop -now %[2]s ends them", err, word(d.Name))
	case errors.As(err, &unfinished):
		return nil, err
	}
	return nil, errNoEffect{err}
}

// exited prints that a daemon has exited.
func (in *invocation) exited(d *inspect.Daemon, next string) error {
	if in.json {
		d.State, d.Methods = inspect.Exited, nil
		return in.encode(d)
	}
	_, err := fmt.Fprintf(in.stdout, "%s: process %d has exited%s\n", word(d.Name), d.PID, next)
	return err
}
