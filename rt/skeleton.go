package rt

import (
	"context"

	"github.com/loopgen/loopgen/rt/stub"
)

type Config struct{ Name string }
type Shared[C, P any] struct{}
type Conn struct{ _ int }

func NewShared[C, P any](cfg Config, svc *stub.Service, client func(*Conn) C, proxy func(*Conn) P, args func(*stub.Encoder)) *Shared[C, P] {
	panic("skeleton")
}
func (c *Conn) Call(ctx context.Context, method int, args func(*stub.Encoder), results func(*stub.Decoder)) error {
	panic("skeleton")
}
func (c *Conn) Close() error               { panic("skeleton") }
func (c *Conn) Fault(err error)            { panic("skeleton") }
func (c *Conn) FaultString(err error) string { panic("skeleton") }
