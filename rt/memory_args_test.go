//go:build unix

package rt_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"unsafe"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/rt/stub"
)

// larder is an object whose methods make much of short requests: each waits for Open.
type larder struct {
	opened chan struct{}

	mu         sync.Mutex
	held, most int // bytes of arguments that are decoded and not yet released
}

// hold counts arguments of n bytes, which are less than zero when they are released.
func (l *larder) hold(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held += n
	l.most = max(l.most, l.held)
}

// page is 4 KiB of which nothing need be sent: then it looks like a struct{}.
type page struct {
	Words [512]int `json:"words,omitzero"`
}

// Most returns how many bytes of arguments there were at once.
func (l *larder) Most() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.most
}

func (l *larder) Open()                      { close(l.opened) }
func (l *larder) Read(p []byte) (int, error) { <-l.opened; return copy(p, "x"), nil }
func (l *larder) Take(pages []page)          { <-l.opened; runtime.KeepAlive(pages) }

// The order is that of the constants below; Read and Take are there in each mode.
const (
	larderMost = iota
	larderOpen
	larderRead
	larderTake = larderRead + 3
)

func larderRow(name string, mode stub.Mode) (read, take stub.Method) {
	return stub.Method{Name: "Read" + name, Mode: mode, Out: []int{0}, Func: (*larder).Read, Serve: func(run *stub.Run, target any) {
			var p []byte
			stub.DecodeArg(run, &p)
			target.(*larder).hold(len(p))
			defer target.(*larder).hold(-len(p))
			if run.Begin() {
				run.Return(stub.Results2(target.(*larder).Read(p)))
			}
		}}, stub.Method{Name: "Take" + name, Mode: mode, Func: (*larder).Take, Serve: func(run *stub.Run, target any) {
			var pages []page
			stub.Decode(run.Args, &pages)
			size := len(pages) * int(unsafe.Sizeof(page{}))
			target.(*larder).hold(size)
			defer target.(*larder).hold(-size)
			if run.Begin() {
				target.(*larder).Take(pages)
			}
		}}
}

func newLarderService() *stub.Service {
	s := &stub.Service{
		Name: "rt_test.larder",
		New:  func(context.Context, *stub.Decoder) (any, error) { return &larder{opened: make(chan struct{})}, nil },
		Methods: []stub.Method{
			{Name: "Most", Func: (*larder).Most, Mode: stub.Concurrent, Serve: func(run *stub.Run, target any) {
				if run.Begin() {
					stub.Encode(run.Results, target.(*larder).Most())
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
		decoded = 64 << 20        // limits.decoded; without it 3.2 GB would be held for reads, 1 GB for takes
		reads   = 200
		takes   = 64
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
				var filled []byte
				stub.Decode(d, &filled)
			}},
			"structs": {larderTake, takes, func(e *stub.Encoder) { stub.Encode(e, make([]struct{}, each/4096)) }, nil},
		} {
			t.Run(name+"/"+mode.String(), func(t *testing.T) {
				t.Parallel()
				a := singleton{Dir: rttest.Dir(t), Name: "c"}
				self := func(c stub.Conn) stub.Conn { return c }
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
						if err := stub.Call(ctx, c, larderService.Methods[test.method+int(mode)].Name, test.args, test.results); err != nil {
							t.Error(err)
						}
					})
				}
				eventually(t, "all calls have arrived", func() bool {
					s, err := shared.Status(t.Context())
					return err == nil && len(s.Clients) > 0 && s.Clients[0].Calls == uint64(test.calls)
				})
				if err := stub.Call0(t.Context(), c, "Open", nil); err != nil {
					t.Fatal(err)
				}
				calls.Wait()
				var most int
				if err := stub.Call(t.Context(), c, "Most", nil, func(d *stub.Decoder) { stub.Decode(d, &most) }); err != nil {
					t.Fatal(err)
				}
				if most < each || most > decoded {
					t.Errorf("%d calls of %d KiB each held %d MiB at once, want at most %d", test.calls, each>>10, most>>20, decoded>>20)
				}
			})
		}
	}
}
