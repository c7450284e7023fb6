//go:build unix

package rt_test

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/rt/stub"
)

// gauge is an object that tells how much memory its daemon uses. Its table was
// written by hand: it takes what no generated type here does.
type gauge struct{ gate chan struct{} }

// tree is what a hostile peer would like to be decoded: every form that nests or
// repeats.
type tree struct {
	Leaf  int
	Names map[string]int
	Trees [][]tree
}

// Memory returns the bytes that live on the heap, and those allocated so far.
func (*gauge) Memory() (live, total uint64) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc, m.TotalAlloc
}

// Peak calls look about every millisecond and returns the most bytes that were
// on the heap, garbage included, until Open is called.
func (g *gauge) Peak() (most uint64) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		most = max(most, m.HeapAlloc)
		select {
		case <-g.gate:
			return most
		case <-tick.C:
		}
	}
}

func (g *gauge) Open()             { g.gate <- struct{}{} }
func (g *gauge) Wait([]byte)       { <-g.gate }
func (g *gauge) Take(tree)         {}
func (g *gauge) Give(n int) []byte { return make([]byte, n) }
func (g *gauge) Mumble() string    { return "\xff" }

// The order is that of the constants below.
const (
	gaugeGive = iota
	gaugeMemory
	gaugeMumble
	gaugeOpen
	gaugePeak
	gaugeTake
	gaugeWait
)

var gaugeService = &stub.Service{
	Name: "rt_test.gauge",
	New:  func(context.Context, *stub.Decoder) (any, error) { return &gauge{gate: make(chan struct{})}, nil },
	Methods: []stub.Method{
		{Name: "Give", Func: (*gauge).Give, Serve: func(run *stub.Run, target any) {
			var n int
			stub.Decode(run.Args, &n)
			if run.Begin() {
				stub.Encode(run.Results, target.(*gauge).Give(n))
			}
		}},
		{Name: "Memory", Func: (*gauge).Memory, Mode: stub.Concurrent, Serve: func(run *stub.Run, target any) {
			if run.Begin() {
				live, total := target.(*gauge).Memory()
				stub.Encode(run.Results, live)
				stub.Encode(run.Results, total)
			}
		}},
		{Name: "Mumble", Func: (*gauge).Mumble, Serve: func(run *stub.Run, target any) {
			if run.Begin() {
				stub.Encode(run.Results, target.(*gauge).Mumble())
			}
		}},
		{Name: "Open", Func: (*gauge).Open, Mode: stub.Concurrent, Serve: func(run *stub.Run, target any) {
			if run.Begin() {
				target.(*gauge).Open()
			}
		}},
		{Name: "Peak", Func: (*gauge).Peak, Mode: stub.Concurrent, Serve: func(run *stub.Run, target any) {
			if run.Begin() {
				stub.Encode(run.Results, target.(*gauge).Peak())
			}
		}},
		{Name: "Take", Func: (*gauge).Take, Serve: func(run *stub.Run, target any) {
			var v tree
			stub.Decode(run.Args, &v)
			if run.Begin() {
				target.(*gauge).Take(v)
			}
		}},
		{Name: "Wait", Func: (*gauge).Wait, Serve: func(run *stub.Run, target any) {
			var b []byte
			stub.Decode(run.Args, &b)
			if run.Begin() {
				target.(*gauge).Wait(b)
			}
		}},
	},
}

func init() { stub.Register(gaugeService) }

// The memory that the daemon may hold for its peers, by its limits; see limits.go.
const (
	perStranger = 64 << 10               // a read buffer, a goroutine, and what goes with them
	allowance   = 4 << 20                // for what the heap does besides
	requests    = 64 << 20               // that one connection has outstanding
	replies     = 64<<20 + wire.MaxFrame // that it leaves unread: the last may go beyond
)

// gauged starts a daemon around a gauge and returns a connection to it.
func gauged(t *testing.T, a singleton) stub.Conn {
	t.Helper()
	self := func(c stub.Conn) stub.Conn { return c }
	shared := rt.NewShared(a.config(), gaugeService, self, self, nil)
	t.Cleanup(func() { shared.Close() })
	c, err := shared.Connect(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func memory(t *testing.T, c stub.Conn) (live, total uint64) {
	t.Helper()
	err := stub.Call(context.Background(), c, "Memory", nil, func(d *stub.Decoder) {
		stub.Decode(d, &live)
		stub.Decode(d, &total)
	})
	if err != nil {
		t.Fatal(err)
	}
	return live, total
}

// grown returns how many more bytes live on the heap than before.
func grown(t *testing.T, c stub.Conn, before uint64) uint64 {
	t.Helper()
	live, _ := memory(t, c)
	return live - min(before, live)
}

// allocated returns how many bytes the daemon allocates while attack runs,
// besides what asking costs.
func allocated(t *testing.T, c stub.Conn, attack func()) uint64 {
	t.Helper()
	_, first := memory(t, c)
	_, before := memory(t, c)
	attack()
	_, after := memory(t, c)
	return after - before - min(before-first, after-before)
}

// peak returns the most bytes that were on the daemon's heap while attack ran,
// garbage included.
func peak(t *testing.T, c stub.Conn, attack func()) uint64 {
	t.Helper()
	most := make(chan uint64, 1)
	go func() {
		var n uint64
		if err := stub.Call(context.Background(), c, "Peak", nil, func(d *stub.Decoder) { stub.Decode(d, &n) }); err != nil {
			t.Error(err)
		}
		most <- n
	}()
	attack()
	if err := stub.Call0(context.Background(), c, "Open", nil); err != nil {
		t.Fatal(err)
	}
	return <-most
}

// A connection that is not authenticated costs a read buffer, however long a frame it
// announces. The number of such connections is limited.
func TestMemoryBeforeAdmission(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		c := gauged(t, a)
		before, _ := memory(t, c)
		whole := opening(t, a.dial(t).hello())
		var strangers []*raw
		for i := range 600 {
			r := a.dial(t)
			switch i % 4 {
			case 0:
				r.conn.Write([]byte(greeting + "\xff\xff\xff\xff\x01\x00\x00\x00" + strings.Repeat("\x00", 8)))
			case 1:
				r.conn.Write(whole[:len(whole)/2])
			case 2:
				r.conn.Write([]byte(greeting[:1]))
			case 3: // says all, and never proves it
				r.conn.Write(whole)
			}
			strangers = append(strangers, r)
		}
		got := grown(t, c, before)
		// Those that had to make room end a moment later; all of them, but only
		// when their two seconds are over.
		for soon := time.Now().Add(time.Second); got > 64*perStranger+allowance && time.Now().Before(soon); {
			got = grown(t, c, before)
		}
		if got > 64*perStranger+allowance {
			t.Errorf("600 strangers cost %d KiB, want at most %d", got>>10, (64*perStranger+allowance)>>10)
		}
		runtime.KeepAlive(strangers)
	})
}

// D11. A length that is not allowed costs nothing.
func TestHugeHeader(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		c := gauged(t, a)
		for _, length := range []uint32{wire.MaxFrame + 1, math.MaxUint32} {
			r := a.greet(t)
			header := encoded(t, wire.Frame{Kind: wire.KindCall, ID: 1})
			binary.BigEndian.PutUint32(header, length)
			got := allocated(t, c, func() {
				r.write(t, append(header, 0x80))
				if said := r.closed(t); len(said) != 0 {
					t.Errorf("it was told %q", said)
				}
			})
			if got > 100<<10 {
				t.Errorf("a header of %d bytes made the daemon allocate %d KiB, want at most 100", length, got>>10)
			}
		}
	})
}

// D12. A frame costs what has come of it, 32 times at most; it does not cost what it
// announces, and does not last for ever: see also TestLimitFrameDeadline.
func TestDrippedFrame(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		c := gauged(t, a)
		const peers, arrived = 8, 100 << 10
		var drips []*raw
		for range peers {
			drips = append(drips, a.greet(t))
		}
		before, _ := memory(t, c)
		header := encoded(t, wire.Frame{Kind: wire.KindCall, Method: gaugeWait, ID: 1})
		binary.BigEndian.PutUint32(header, wire.MaxFrame)
		began := time.Now()
		for _, r := range drips {
			r.write(t, header)
			for range 32 {
				r.write(t, []byte{0x80})
			}
		}
		if got := grown(t, c, before); got > peers*32<<10+allowance {
			t.Errorf("%d headers of 16 MiB cost %d KiB, want at most %d", peers, got>>10, (peers*32<<10+allowance)>>10)
		}
		for _, r := range drips {
			r.write(t, make([]byte, arrived))
		}
		if got := grown(t, c, before); got > peers*32*arrived+allowance {
			t.Errorf("%d times %d KiB cost %d KiB, want at most %d", peers, arrived>>10, got>>10, (peers*32*arrived+allowance)>>10)
		}
		if !thorough() {
			return
		}
		r := drips[0]
		if err := r.conn.SetReadDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		hungUp := make(chan struct{})
		go func() {
			defer close(hungUp)
			r.closed(t)
		}()
		for tick := time.NewTicker(time.Second); ; {
			select {
			case <-tick.C:
				r.conn.Write([]byte{0})
				continue
			case <-hungUp:
			}
			break
		}
		if took := time.Since(began); took < 25*time.Second || took > 60*time.Second {
			t.Errorf("closed after %v, want 26s", took)
		}
	})
}

// D10. Calls beyond the window are refused without being kept; those within it cost
// their bytes and what is decoded of them.
func TestMemoryWithinTheQuota(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		c := gauged(t, a)
		r := a.greet(t)
		before, _ := memory(t, c)
		calls := 1000
		if thorough() {
			calls = 10_000
		}
		call := encoded(t, wire.Frame{Kind: wire.KindCall, Method: gaugeWait, Body: marshal(t, []any{make([]byte, requests/256)})})
		go func() {
			for id := range uint64(calls) {
				wire.PutID(call, id+1)
				if _, err := r.conn.Write(call); err != nil {
					t.Error(err)
					return
				}
			}
		}()
		const within = 255 // the array's head takes a place's worth of bytes
		for id := uint64(within + 1); id <= uint64(calls); id++ {
			r.conn.SetReadDeadline(time.Now().Add(silence)) // all of them may take longer
			if f := r.failure(t, id); f.Code != wire.FailureWindow || f.Executed {
				t.Fatalf("call %d: %+v, want %v", id, f, wire.FailureWindow)
			}
		}
		if got := grown(t, c, before); got > 2*requests+wire.MaxFrame+allowance {
			t.Errorf("%d calls cost %d MiB, want at most %d", calls, got>>20, (2*requests+wire.MaxFrame+allowance)>>20)
		}
		a.kill(t) // what waits would hold up the end of the test
	})
}

// D10. The daemon keeps unread replies up to a limit. Then it ends the connection.
func TestMemoryOfUnreadReplies(t *testing.T) {
	for name, frame := range map[string]func(id uint64) wire.Frame{
		"large": func(id uint64) wire.Frame {
			return wire.Frame{Kind: wire.KindCall, Method: gaugeGive, ID: id, Body: []byte("\x81\x1a\x00\x80\x00\x00")} // 8 MiB
		},
		"small": func(id uint64) wire.Frame {
			return wire.Frame{Kind: wire.KindCall, Method: 999, ID: id, Body: []byte("\x80")}
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachTransport(t, func(t *testing.T, a singleton) {
				c := gauged(t, a)
				r := a.greet(t)
				got := peak(t, c, func() {
					var batch []byte
					for id := uint64(1); ; id++ {
						batch = append(batch, encoded(t, frame(id))...)
						if name == "small" && id%1000 != 0 {
							continue
						}
						if _, err := r.conn.Write(batch); err != nil {
							return // it was hung up on
						}
						batch = batch[:0]
						if id > 10_000_000 {
							t.Error("it is not hung up on")
							return
						}
					}
				})
				// As much garbage as lives, and what comes while it is collected.
				if want := uint64(2*replies + 2*wire.MaxFrame + allowance); got > want {
					t.Errorf("unread replies cost %d MiB, want at most %d", got>>20, want>>20)
				}
			})
		})
	}
}

// D13. A value that is announced as large or deep is rejected before memory is allocated
// for it.
func TestDecodingBombs(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		c := gauged(t, a)
		r := a.greet(t)
		// The fields of a tree, of which all have to be there.
		const leaf, names, trees = "\x64Leaf\x01", "\x65Names\xa1\x61x\x01", "\x65Trees\xf6"
		within := func(s string) string { return "\x81\xa3" + leaf + names + "\x65Trees" + s }
		id := uint64(0)
		for name, body := range map[string]string{
			"array of 2^32":         within("\x9b\x00\x00\x00\x01\x00\x00\x00\x00"),
			"array of 2^64-1":       within("\x9b\xff\xff\xff\xff\xff\xff\xff\xff"),
			"map of 2^32":           "\x81\xbb\x00\x00\x00\x01\x00\x00\x00\x00",
			"over the elements":     within("\x9a\x00\x02\x00\x01" + strings.Repeat("\x80", 131073)),
			"announced, not there":  within("\x9a\x00\x02\x00\x00"),
			"announced all the way": within(strings.Repeat("\x9a\x00\x02\x00\x00", 30)),
			"nested arrays":         within(strings.Repeat("\x81", 10_000) + "\x80"),
			"nested maps":           "\x81" + strings.Repeat("\xa1\x65Trees\x81\x81", 10_000) + "\xa0",
			"nested tags":           "\x81" + strings.Repeat("\xc2", 10_000) + "\x40",
			"text of 2^63-1":        "\x81\xa1\x7b\x7f\xff\xff\xff\xff\xff\xff\xff",
			"duplicate keys":        "\x81\xa4" + leaf + leaf + names + trees,
			"duplicate map keys":    "\x81\xa3" + leaf + "\x65Names\xa2\x61x\x01\x61x\x02" + trees,
			"unknown field":         "\x81\xa4" + leaf + names + trees + "\x66Secret\x01",
			"field in lower case":   "\x81\xa3\x64leaf\x01" + names + trees,
			"indefinite map":        "\x81\xbf" + leaf + names + trees + "\xff",
			"indefinite array":      within("\x9f\xff"),
			"bad UTF-8 in a key":    "\x81\xa3" + leaf + "\x65Names\xa1\x61\xff\x01" + trees,
			"trailing bytes":        "\x81\xa3" + leaf + names + trees + "\x00",
		} {
			id++
			got := allocated(t, c, func() {
				r.send(t, wire.Frame{Kind: wire.KindCall, Method: gaugeTake, ID: id, Body: []byte(body)})
				if f := r.failure(t, id); f.Code != wire.FailureBadArguments || f.Executed {
					t.Errorf("%s: %v (%s), executed %v; want %v", name, f.Code, f.Text, f.Executed, wire.FailureBadArguments)
				}
			})
			if limit := uint64(len(body)*8 + 256<<10); got > limit {
				t.Errorf("%s: %d KiB were allocated, want at most %d", name, got>>10, limit>>10)
			}
		}
		r.send(t, wire.Frame{Kind: wire.KindCall, Method: gaugeTake, ID: id + 1, Body: []byte(within("\x81\x81\xa3" + leaf + names + trees))})
		if f := r.next(t); f.Kind != wire.KindReply || f.ID != id+1 {
			t.Errorf("a good call: got a %v frame for %d: %q", f.Kind, f.ID, f.Body)
		}
	})
}

// D16. A result that cannot travel is the end of its call and of nothing else, and
// the call was executed.
func TestReplyNotEncodable(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		c := gauged(t, a)
		err := stub.Call(t.Context(), c, "Mumble", nil, func(d *stub.Decoder) {
			var s string
			stub.Decode(d, &s)
			t.Errorf("got %q", s)
		})
		callError(t, err, rt.OutcomeExecuted)
		if !errors.Is(err, rt.ErrEncode) {
			t.Errorf("got %v, want %v", err, rt.ErrEncode)
		}
		memory(t, c) // the connection is usable
	})
}

// Nesting and elements are counted in what the method's types would take, too:
// as much as is allowed is taken, and more is not.
func TestLimitNestingAndElements(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c"}
	gauged(t, a)
	r := a.greet(t)
	take := func(id uint64, v tree) wire.Frame {
		t.Helper()
		body, err := cbor.Marshal([]any{v})
		if err != nil {
			t.Fatal(err)
		}
		r.send(t, wire.Frame{Kind: wire.KindCall, Method: gaugeTake, ID: id, Body: body})
		return r.next(t)
	}
	deep := tree{} // a map in the array of arguments, which makes two
	for range 10 { // of 32
		deep = tree{Trees: [][]tree{{deep}}} // and three more
	}
	many := make([][]tree, 131_072)
	for id, test := range []struct {
		name string
		tree tree
		ok   bool
	}{
		{"as deep as may be", deep, true},
		{"deeper", tree{Trees: [][]tree{{deep}}}, false},
		{"as many as may be", tree{Trees: many}, true},
		{"one more", tree{Trees: append(many, nil)}, false},
	} {
		f := take(uint64(id+1), test.tree)
		if ok := f.Kind == wire.KindReply; ok != test.ok {
			t.Errorf("%s: got a %v frame: %.200q", test.name, f.Kind, f.Body)
		}
	}
}
