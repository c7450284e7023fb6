// Package inprocess has the objects that live in this process because of
// LOOPGEN_MODE=inprocess. Package rt adds them, and package rttest ends them. It knows
// nothing else of them.
package inprocess

import "sync"

// Object is one that lives in this process.
type Object interface {
	// End makes the object leave and returns when it is gone, or an error when it
	// does not leave in time.
	End() error
}

var living struct {
	sync.Mutex
	objects map[Object]bool
}

// Add notes that o lives. It may be called concurrently.
func Add(o Object) {
	living.Lock()
	defer living.Unlock()
	if living.objects == nil {
		living.objects = make(map[Object]bool)
	}
	living.objects[o] = true
}

// Remove notes that o is gone. It may be called concurrently.
func Remove(o Object) {
	living.Lock()
	defer living.Unlock()
	delete(living.objects, o)
}

// End ends all objects, and those that are made meanwhile. It returns the errors of
// those that do not leave.
func End() (problems []error) {
	failed := make(map[Object]bool)
	for {
		o := next(failed)
		if o == nil {
			return problems
		}
		if err := o.End(); err != nil {
			failed[o] = true
			problems = append(problems, err)
		}
	}
}

// next returns an object that lives and has not failed to leave, or nil.
func next(failed map[Object]bool) Object {
	living.Lock()
	defer living.Unlock()
	for o := range living.objects {
		if !failed[o] {
			return o
		}
	}
	return nil
}
