package rt

import (
	"context"
	"errors"
	"testing"

	"github.com/loopgen/loopgen/rt/stub"
)

// hollow is an object of no methods.
type hollow struct{}

// Arguments of a constructor that are over the limit are refused where they are
// given.
func TestLimitConstructing(t *testing.T) {
	svc := &stub.Service{Name: "large", New: func(context.Context, *stub.Decoder) (any, error) { return &hollow{}, nil }}
	c := newClient(Config{Name: t.Name()}, svc, func(e *stub.Encoder) { stub.Encode(e, make([]byte, maxArguments)) })
	var start *StartError
	if !errors.As(c.invalid, &start) || start.Stage != StageConstructor || !errors.Is(c.invalid, ErrTooLarge) {
		t.Errorf("got %v, want a *StartError around %v", c.invalid, ErrTooLarge)
	}
}
