package daemon

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"runtime/debug"
	"time"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/usercode"
	"github.com/loopgen/loopgen/rt/stub"
)

// ConstructorPanic is the error of a constructor that panicked, or called
// runtime.Goexit.
type ConstructorPanic struct{ Value, Stack string }

// Error returns "panicked: " and the value.
func (p *ConstructorPanic) Error() string { return "panicked: " + p.Value }

// Construct calls the constructor and keeps its object. If the constructor does not
// return in time, Construct returns without it, and the process exits.
func (d *Daemon) Construct(arguments []byte, timeout time.Duration) error {
	// The constructor gets a copy: with LOOPGEN_MODE=inprocess the same bytes are the
	// arguments of the next object, too.
	args, err := stub.NewDecoder(d.svc, bytes.Clone(arguments))
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { // ends with the constructor, or with the process
		failed <- d.callConstructor(args)
	}()
	select {
	case err := <-failed:
		return err
	case <-time.After(timeout):
		return fmt.Errorf("the constructor did not return within %v (Config.StartTimeout): %w", timeout, context.DeadlineExceeded)
	}
}

// CloseObject calls the object's Close method, if it has one. It waits at most for
// limits.objectClose, or less once the running calls are canceled.
func (d *Daemon) CloseObject() {
	var closing func() error
	switch o := d.object.(type) {
	case interface{ Close() error }:
		closing = o.Close
	case interface{ Close() }:
		closing = func() error { o.Close(); return nil }
	default:
		return
	}
	done := make(chan struct{})
	go func() { // ends with Close, or with the process
		defer close(done)
		defer func() {
			if v := recover(); v != nil {
				d.log.Error("the object's Close panicked", "value", usercode.Text(v))
			}
		}()
		if err := closing(); err != nil {
			d.log.Error("the object's Close failed", "err", usercode.Text(err))
		}
	}()
	began := time.Now()
	if !d.waitWithin(d.limits.objectClose, done) {
		d.log.Error("the object's Close did not return", "within", time.Since(began).Round(time.Millisecond))
	}
}

func (d *Daemon) callConstructor(args *stub.Decoder) (err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		value := recover()
		p := &ConstructorPanic{Value: usercode.Text(value), Stack: string(debug.Stack())}
		if value == nil {
			p.Value = "the constructor called runtime.Goexit"
		}
		err = p
	}()
	d.object, err = d.svc.New(d.ctx, args)
	if _, ok := err.(*stub.DecodeError); ok {
		err = d.explain(err)
	}
	returned = true
	if err == nil && isNil(d.object) {
		err = fmt.Errorf("%s returned nil without an error", cut.Name(d.svc.Constructor))
	}
	return err
}

func isNil(object any) bool {
	v := reflect.ValueOf(object)
	return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
}
