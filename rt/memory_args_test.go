//go:build unix

package rt_test

import (
	"context"
	"runtime"
	"sync"
	"testing"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/rt/stub"
)

// larder is an object whose methods make much of short requests: each waits for Open.
type larder struct{ opened chan struct{} }

// page is 4 KiB of which nothing need be sent: then it looks like a struct{}.
type page struct {
	Words [512]int `json:"words,omitzero"`
}

// HeapSys returns how large the heap has been at most.
func (*larder) HeapSys() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapSys
}

func (l *larder) Open()                      { close(l.opened) }
func (l *larder) Read(p []byte) (int, error) { <-l.opened; return copy(p, "x"), nil }
func (l *larder) Take(pages []page)          { <-l.opened; runtime.KeepAlive(pages) }

// The order is that of the constants below; Read and Take are there in each mode.
const (
	larderHeapSys = iota
	larderOpen
	larderRead
	larderTake = larderRead + 3
)

func larderRow(name string, mode stub.Mode) (read, take stub.Method) {
	return stub.Method{Name: "Read" + name, Mode: mode, Out: []int{0}, Func: (*larder).Read, Serve: func(run *stub.Run, target any) {
			var p []byte
			stub.DecodeLen(run.Args, &p)
			if run.Begin() {
				n, err := target.(*larder).Read(p)
				stub.Encode(run.Results, n)
				stub.EncodeFilled(run.Results, p, n)
				run.Results.Error(err)
			}
		}}, stub.Method{Name: "Take" + name, Mode: mode, Func: (*larder).Take, Serve: func(run *stub.Run, target any) {
			var pages []page
			stub.Decode(run.Args, &pages)
			if run.Begin() {
				target.(*larder).Take(pages)
			}
		}}
}

func newLarderService() *stub.Service {
	s := &stub.Service{
		Name: "rt_test.larder",
		New:  func(context.Context, *stub.Decoder) (any, error) { return &larder{make(chan struct{})}, nil },
		Methods: []stub.Method{
			{Name: "HeapSys", Func: (*larder).HeapSys, Mode: stub.Concurrent, Serve: func(run *stub.Run, target any) {
				if run.Begin() {
					stub.Encode(run.Results, target.(*larder).HeapSys())
				}
			}},
			{Name: "Open", Func: (*larder).Open, Mode: stub.Concurrent, Serve: func(run *stub.Run, target any) {
				if run.Begin() {
					target.(*larder).Open()
				}
			}},
		},
	}
	var takes []stub.Method
	for _, mode := range []stub.Mode{stub.Exclusive, stub.Shared, stub.Concurrent} {
		read, take := larderRow(mode.String(), mode)
		s.Methods = append(s.Methods, read)
		takes = append(takes, take)
	}
	s.Methods = append(s.Methods, takes...)
	return s
}

var larderService = newLarderService()

func init() { stub.Register(larderService) }

// Many calls of a few bytes or KiB each, which need 16 MiB each, wait for memory, and
// all of them are executed in the end: for buffers that a method fills and for structs
// of which all fields were left out, in each mode.
func TestMemoryOfArgumentsIsBounded(t *testing.T) {
	const (
		each    = 16<<20 - 64<<10 // with room for other results
		decoded = 64 << 20        // limits.decoded: what lives
		reads   = 200
		takes   = 64
		// As much garbage as lives, as much again that is made while it is collected,
		// and holes. Without a bound it would be 3.2 GB for reads, and 1 GB.
		most = 4 * decoded
	)
	for _, mode := range []stub.Mode{stub.Exclusive, stub.Shared, stub.Concurrent} {
		for name, test := range map[string]struct {
			method  int
			calls   int
			args    func(e *stub.Encoder)
			results func(d *stub.Decoder)
		}{
			"buffers": {larderRead, reads, func(e *stub.Encoder) {
				n := each
				stub.Encode(e, &n)
			}, func(d *stub.Decoder) {
				var n int
				stub.Decode(d, &n)
				stub.FillBuffer(d, make([]byte, n))
			}},
			"structs": {larderTake, takes, func(e *stub.Encoder) { stub.Encode(e, make([]struct{}, each/4096)) }, nil},
		} {
			t.Run(name+"/"+mode.String(), func(t *testing.T) {
				t.Parallel()
				a := args{Dir: rttest.Dir(t), Name: "c"}
				self := func(c *rt.Conn) *rt.Conn { return c }
				shared := rt.NewShared(a.config(), larderService, self, self, nil)
				t.Cleanup(func() { shared.Close() })
				c, err := shared.Connect(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				var calls sync.WaitGroup
				defer calls.Wait()
				defer cancel()
				for range test.calls {
					calls.Go(func() {
						if err := c.Call(ctx, test.method+int(mode), test.args, test.results); err != nil {
							t.Error(err)
						}
					})
				}
				eventually(t, "all calls have arrived", func() bool {
					s, err := shared.Status(t.Context())
					return err == nil && len(s.Clients) > 0 && s.Clients[0].Calls == uint64(test.calls)
				})
				if err := c.Call(t.Context(), larderOpen, nil, nil); err != nil {
					t.Fatal(err)
				}
				calls.Wait()
				var heap uint64
				if err := c.Call(t.Context(), larderHeapSys, nil, func(d *stub.Decoder) { stub.Decode(d, &heap) }); err != nil {
					t.Fatal(err)
				}
				t.Logf("%d calls of %d KiB: %d MiB", test.calls, each>>10, heap>>20)
				if heap > most {
					t.Errorf("%d calls that need %d MiB each made a heap of %d MiB, want at most %d", test.calls, each>>20, heap>>20, most>>20)
				}
			})
		}
	}
}
