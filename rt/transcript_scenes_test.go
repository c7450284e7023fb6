package rt_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"math/big"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/testdata/objects"
)

// scene is what happens in a transcript: it is played by clients, or said frame
// by frame where no client would say it. Scenes do not change when the version
// that they were recorded in was released.
type scene struct {
	name, comment string
	clients       int     // that the daemon admits; 0: many
	wide          bool    // its ints need 64 bits
	versions      [2]uint // that the clients speak; 0: the recorded one
	play          func(*stage)
	say           func(*stage)
}

var scenes = []scene{
	{name: "values", comment: "Calls with values of every kind.", wide: true, play: playValues},
	{name: "interfaces", comment: "Values in interfaces, and errors as values.", play: playInterfaces},
	{name: "inplace", comment: "What a method writes into its arguments.", play: playInPlace},
	{name: "errors", comment: "Calls that fail, by the method's own error or otherwise.", play: playErrors},
	{name: "cancel", comment: "Calls that are canceled or run out of time, running and queued.", play: playCancel},
	{name: "session", comment: "What a client holds is given back when its connection ends.", play: playSession},
	{name: "status", comment: "Status while a call runs and another waits.", play: playStatus},
	{name: "drain", comment: "A shutdown that lets a call end, and what comes meanwhile.", play: playDrain},
	{name: "now", comment: "A shutdown that does not wait.", play: playNow},
	{name: "spared", comment: "A newer client replaces a daemon only if it is idle, and this one is not.", play: playSpared},
	{name: "replaced", comment: "A newer client replaces a daemon that is idle.", play: playReplaced},
	{name: "full", comment: "A daemon that admits no more clients tells its status all the same.", clients: 1, play: playFull},
	{name: "incompatible", comment: "A client of later versions only.", versions: [2]uint{8, 9}, play: playIncompatible},
	{name: "refused", comment: "Frames that the daemon refuses, and one that ends the connection.", say: sayRefused},
	{name: "strangers", comment: "Connections that are closed before they are admitted.", say: sayStrangers},
}

// stage is where a scene is played. Its results are compared as text.
type stage struct {
	*testing.T
	place   rt.Place
	shareds []*rt.Shared[*objects.SpecimenClient, *objects.SpecimenProxy]
	results []string
}

// share is what another process would have.
func (s *stage) share() *rt.Shared[*objects.SpecimenClient, *objects.SpecimenProxy] {
	return s.shareAs(rt.Config{})
}

func (s *stage) shareAs(cfg rt.Config) *rt.Shared[*objects.SpecimenClient, *objects.SpecimenProxy] {
	shared := objects.ShareSpecimen(cfg)
	shared.Use(s.place)
	s.shareds = append(s.shareds, shared)
	return shared
}

func (s *stage) client() *objects.SpecimenClient {
	c, err := s.share().Connect(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	return c
}

func (s *stage) close() {
	for _, shared := range s.shareds {
		shared.Close()
	}
}

// note keeps results.
func (s *stage) note(call string, results ...any) {
	line := call + ":"
	for _, r := range results {
		if err, ok := r.(error); ok {
			line += " " + spell(err)
		} else {
			line += fmt.Sprintf(" %T %+v", r, r)
		}
	}
	s.results = append(s.results, line)
}

// spell tells what a program can tell of an error. The text of the package's own
// is for people, and may be mended.
func spell(err error) string {
	var call *rt.CallError
	var start *rt.StartError
	var p *rt.PanicError
	var own string
	switch {
	case errors.As(err, &call):
		own = fmt.Sprintf("CallError(%v)", call.Outcome)
	case errors.As(err, &start):
		own = fmt.Sprintf("StartError(%s)", start.Stage)
	default:
		return fmt.Sprintf("%T(%q)", err, err)
	}
	if errors.As(err, &p) {
		own += fmt.Sprintf(" of a PanicError(%q)", p.Value)
	}
	for _, is := range []struct {
		name string
		err  error
	}{
		{"ErrClosed", rt.ErrClosed}, {"ErrDraining", rt.ErrDraining}, {"ErrEncode", rt.ErrEncode}, {"ErrIncompatible", rt.ErrIncompatible},
		{"ErrTooLarge", rt.ErrTooLarge}, {"ErrTooManyClients", rt.ErrTooManyClients},
		{"Canceled", context.Canceled}, {"DeadlineExceeded", context.DeadlineExceeded},
	} {
		if errors.Is(err, is.err) {
			own += " of " + is.name
		}
	}
	return own
}

// echoed notes whether results are what was sent.
func (s *stage) echoed(call string, err error, sent, got []any) {
	same := reflect.DeepEqual(sent, got)
	s.note(call, same, err)
	if !same {
		text, _ := json.Marshal(got)
		s.results = append(s.results, string(text))
	}
}

// later makes a call that does not return yet; returned notes its results when it
// has.
func later[T any](s *stage, name string, call func() (T, error)) (returned func()) {
	type result struct {
		value T
		err   error
	}
	c := make(chan result, 1)
	go func() {
		value, err := call()
		c <- result{value, err}
	}()
	settle()
	return func() {
		r := <-c
		s.note(name, r.value, r.err)
		settle()
	}
}

func playValues(s *stage) {
	c, ctx := s.client(), s.Context()
	least, most := int64(math.MinInt64), uint64(math.MaxUint64) // no constants, which would not fit an int of 32 bits
	for _, p := range []objects.Plain{
		{},
		{Bool: true, Int: -1, Int8: -1, Int16: -1, Int32: -1, Int64: -1, Uint: 1, Uint8: 1, Uint16: 1, Uint32: 1, Uint64: 1,
			Float32: 0.5, Float64: 0.1, String: "ä €"},
		{Int: int(least), Int8: math.MinInt8, Int16: math.MinInt16, Int32: math.MinInt32, Int64: math.MinInt64,
			Uint: uint(most), Uint8: math.MaxUint8, Uint16: math.MaxUint16, Uint32: math.MaxUint32, Uint64: math.MaxUint64,
			Float32: math.MaxFloat32, Float64: math.SmallestNonzeroFloat64, String: "\x00"},
		{Int: 23, Int8: 24, Int16: 255, Int32: 256, Int64: 65536, Float32: float32(math.Inf(1)), Float64: math.Inf(-1)},
	} {
		got, err := c.Plain(ctx, p)
		s.echoed("Plain", err, []any{p}, []any{got})
	}
	{
		zero := math.Copysign(0, -1)
		r0, r1, r2, r3, r4, r5, err := c.Basics(ctx, true, -24, 1<<32, zero, "", "kind")
		s.echoed("Basics", err, []any{true, int64(-24), uint64(1 << 32), true, "", objects.Kind("kind")}, []any{r0, r1, r2, math.Signbit(r3), r4, r5})
	}
	for _, b := range [][]byte{nil, {}, {0, 255}, make([]byte, 300)} {
		slice, array, err := c.Bytes(ctx, b, [4]byte{1, 2, 3})
		s.echoed("Bytes", err, []any{b, [4]byte{1, 2, 3}}, []any{slice, array})
	}
	for _, sent := range [][]any{
		{[]string(nil), [2]int{}, map[string]int(nil), map[int]string(nil)},
		{[]string{}, [2]int{-1, 1}, map[string]int{}, map[int]string{}},
		{[]string{"a", ""}, [2]int{1, 2}, map[string]int{"bb": 1, "a": 2, "c": -3}, map[int]string{-1: "x", 1000: "y", 0: ""}},
	} {
		r0, r1, r2, r3, err := c.Lists(ctx, sent[0].([]string), sent[1].([2]int), sent[2].(map[string]int), sent[3].(map[int]string))
		s.echoed("Lists", err, sent, []any{r0, r1, r2, r3})
	}
	number := 7
	shared := &objects.Node{Name: "shared", Number: &number}
	for _, n := range []*objects.Node{
		nil,
		{},
		{Name: "root", Kind: "k", Index: map[string]int{"z": 26}, Flags: [3]bool{true, false, true},
			Children: []*objects.Node{shared, nil, {Name: "leaf", Children: []*objects.Node{}}}},
	} {
		got, err := c.Tree(ctx, n)
		s.echoed("Tree", err, []any{n}, []any{got})
	}
	{
		got, err := c.Tree(ctx, &objects.Node{Children: []*objects.Node{shared, shared}})
		s.note("Tree of two that are one", got != nil && len(got.Children) == 2 && got.Children[0] != got.Children[1], err)
	}
	for _, at := range []time.Time{
		{},
		time.Date(2026, 11, 25, 20, 34, 1, 123456789, time.UTC),
		time.Date(1969, 7, 20, 20, 17, 40, 0, time.FixedZone("", -4*3600)),
	} {
		got, d, err := c.Times(ctx, at, -1500*time.Millisecond)
		s.note("Times", got.Equal(at), got.Format(time.RFC3339Nano), d, err)
	}
	wide := uint64(1) << 40
	for _, text := range []string{"0", "-18446744073709551616", "18446744073709551616", "123456789012345678901234567890"} {
		big, _ := new(big.Int).SetString(text, 10)
		c64, c128, p, b, err := c.Numbers(ctx, complex(1, -2), complex(math.Pi, 0), uintptr(wide), big)
		s.note("Numbers", c64, c128, p, b, err)
	}
	for _, text := range []string{"", "192.0.2.1", "2001:db8::1%eth0"} {
		addr, _ := netip.ParseAddr(text)
		u, err := url.Parse("https://user@example.com/a%20b?q=1#top")
		if err != nil {
			s.Fatal(err)
		}
		a, u, l, err := c.Marshalers(ctx, addr, u, slog.LevelWarn+1)
		s.note("Marshalers", a == addr, u.String(), l, err)
	}
	{
		n, err := c.Sum(ctx)
		s.note("Sum of nothing", n, err)
		n, err = c.Sum(ctx, 1, 2, 3)
		s.note("Sum", n, err)
	}
}

func playInterfaces(s *stage) {
	c, ctx := s.client(), s.Context()
	one := 1
	for _, v := range []any{
		nil, true, 1, int8(-1), uint64(math.MaxUint64), float32(0.5), 1.0, "text", []byte{1}, complex(1, 2), uintptr(3),
		time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC), time.Second, []any{1, "a", nil}, map[string]any{"k": int16(1)}, map[any]int{"k": 1, 2: 2},
		&one, (*int)(nil), [2]bool{true}, [][]string{nil, {}}, objects.Kind("kind"), objects.Plain{Int: 1}, &objects.Node{Name: "n"}, struct{}{},
	} {
		got, err := c.Any(ctx, v)
		s.echoed(fmt.Sprintf("Any of a %T", v), err, []any{v}, []any{got})
	}
	_, err := c.Any(ctx, s)
	s.note("Any of what is not registered", err)
	_, err = c.Foreign(ctx)
	s.note("Foreign", err)

	given, ok, err := c.Given(ctx, []error{nil, io.EOF, &objects.FlawError{Place: "here", Err: objects.ErrSpecimen}, errors.New("plain")})
	s.note("Given", ok, err, len(given), given[0], given[1] == io.EOF, given[2], errors.Is(given[2], objects.ErrSpecimen), given[3])
	err = c.Tell(ctx, &fs.PathError{Op: "open", Path: "/nonexistent", Err: fs.ErrNotExist})
	var path *fs.PathError
	s.note("Tell", err, errors.As(err, &path), errors.Is(err, fs.ErrNotExist))
	s.note("Tell of nothing", c.Tell(ctx, nil))
	v, err := c.Any(ctx, io.EOF)
	s.note("Any of an error", v == any(io.EOF), err)
}

func playInPlace(s *stage) {
	shared := s.share()
	c, err := shared.Connect(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	ctx := s.Context()
	for _, p := range [][]byte{make([]byte, 9), make([]byte, 2), {}, nil} {
		n, err := c.Read(ctx, p)
		s.note("Read", n, err, p)
	}
	for _, numbers := range [][]int{{3, 1, 2}, {}, nil} {
		err := c.Sort(ctx, numbers)
		s.note("Sort", numbers == nil, numbers, err)
	}
	proxy, err := shared.Proxy(ctx)
	if err != nil {
		s.Fatal(err)
	}
	s.note("Format", fmt.Sprintf("%+8.3q|%x", proxy, proxy))
	s.note("LogValue", proxy.LogValue())
}

func playErrors(s *stage) {
	c, ctx := s.client(), s.Context()
	for _, kind := range []string{"", "sentinel", "eof", "typed", "joined", "other", "large"} {
		n, err := c.Fail(ctx, kind)
		var flaw *objects.FlawError
		s.note("Fail "+kind, n, err, errors.Is(err, objects.ErrSpecimen), err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &flaw))
	}
	for _, kind := range []string{"panic", "goexit"} {
		_, err := c.Fail(ctx, kind)
		s.note("Fail "+kind, err)
	}
	_, err := c.Large(ctx, 1<<17)
	s.note("Large", err)
	_, _, err = c.Bytes(ctx, make([]byte, 1<<17), [4]byte{})
	s.note("Bytes of too many", err)
	s.note("Unlock of what is not held", c.Unlock(ctx))
}

func playCancel(s *stage) {
	c := s.client()
	ctx, cancel := context.WithCancel(s.Context())
	running := later(s, "Rest", func() (string, error) { return c.Rest(ctx) })
	cancel()
	running()

	ctx, cancel = context.WithTimeout(s.Context(), 2*time.Second)
	running = later(s, "Rest for 2 s", func() (string, error) { return c.Rest(ctx) })
	running()
	cancel()

	ctx, cancel = context.WithCancel(s.Context())
	running = later(s, "Rest before others", func() (string, error) { return c.Rest(ctx) })
	queued, giveUp := context.WithCancel(s.Context())
	waiting := later(s, "Sum, canceled in the queue", func() (int, error) { return c.Sum(queued, 1) })
	giveUp()
	waiting()
	queued, giveUp = context.WithTimeout(s.Context(), time.Second)
	waiting = later(s, "Sum, too late in the queue", func() (int, error) { return c.Sum(queued, 2) })
	waiting()
	giveUp()
	waiting = later(s, "Sum, in the end", func() (int, error) { return c.Sum(s.Context(), 4) })
	cancel()
	running()
	waiting()
}

func playSession(s *stage) {
	first := s.share()
	c, err := first.Connect(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	s.note("Lock by the first", c.Lock(s.Context()))
	second := s.client()
	locked := later(s, "Lock by the second", func() (any, error) { return nil, second.Lock(s.Context()) })
	first.Close()
	locked()
	s.note("Unlock by the second", second.Unlock(s.Context()))
}

func playStatus(s *stage) {
	shared := s.share()
	c, err := shared.Connect(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	ctx, cancel := context.WithCancel(s.Context())
	running := later(s, "Rest", func() (string, error) { return c.Rest(ctx) })
	waiting := later(s, "Sum", func() (int, error) { return c.Sum(s.Context(), 1) })
	st, err := shared.Status(s.Context())
	if err != nil || len(st.Clients) != 1 || len(st.Running) != 1 || len(st.Queued) != 1 || len(st.Methods) == 0 {
		s.Fatalf("%+v, %v", st, err)
	}
	settle()
	s.note("Status", st.PID, st.Incarnation, st.Service, st.Network, st.Address, st.Log, st.IdleTTL, st.IdleLeft,
		st.Calls, st.Waiting, st.Clients[0].PID, st.Clients[0].Calls, st.Running[0].Method, st.Running[0].Mode,
		st.Queued[0].Method, st.Queued[0].PID, len(st.Methods), st.Methods[0])
	cancel()
	running()
	waiting()
}

func playDrain(s *stage) {
	c := s.client()
	ctx, cancel := context.WithCancel(s.Context())
	running := later(s, "Rest", func() (string, error) { return c.Rest(ctx) })
	down := later(s, "Shutdown", func() (any, error) { return nil, s.share().Shutdown(s.Context(), rt.ShutdownDrain) })
	st, err := s.share().Status(s.Context())
	s.note("Status of a daemon that leaves", st.Leaving != "", len(st.Clients), err)
	settle()
	cancel()
	running()
	down()
}

func playNow(s *stage) {
	c := s.client()
	running := later(s, "Rest", func() (string, error) { return c.Rest(s.Context()) })
	down := later(s, "Shutdown", func() (any, error) { return nil, s.share().Shutdown(s.Context(), rt.ShutdownNow) })
	running()
	down()
}

func playSpared(s *stage) {
	first := s.client()
	newer := s.shareAs(rt.Config{Version: 2, OnMismatch: rt.MismatchReplaceIdle})
	c, err := newer.Connect(s.Context())
	s.note("Connect", err)
	settle()
	for _, c := range []*objects.SpecimenClient{c, first} {
		n, err := c.Sum(s.Context(), 1)
		s.note("Sum", n, err)
	}
}

func playReplaced(s *stage) {
	newer := s.shareAs(rt.Config{Version: 2, OnMismatch: rt.MismatchReplaceIdle})
	_, err := newer.Connect(s.Context())
	s.note("Connect, where no other daemon can be started", err)
}

func playFull(s *stage) {
	c := s.client()
	late := s.share()
	_, err := late.Connect(s.Context())
	s.note("Connect to a daemon that is full", err)
	settle()
	st, err := late.Status(s.Context())
	s.note("Status", len(st.Clients), err)
	settle()
	n, err := c.Sum(s.Context(), 1)
	s.note("Sum by who is in", n, err)
}

func playIncompatible(s *stage) {
	shared := s.share()
	_, err := shared.Connect(s.Context())
	s.note("Connect", err)
	settle()
	_, err = shared.Status(s.Context())
	s.note("Status", err)
}

// voice is a client that sends the scene's frames, and reads.
type voice struct {
	conn     net.Conn
	endpoint *rundir.Endpoint
}

// voice opens a connection; nothing is said on it yet.
func (s *stage) voice() *voice {
	e, err := s.place.Find()
	if err != nil {
		s.Fatal(err)
	}
	conn, err := s.place.Dial()
	if err != nil {
		s.Fatal(err)
	}
	return &voice{conn, e}
}

// greet is admitted, or not, and listens from then on.
func (s *stage) greet(change func(*wire.Hello, *wire.Key)) *voice {
	v := s.voice()
	hello, key := s.place.Hello, wire.Key(v.endpoint.Key)
	hello.Incarnation, hello.Address = v.endpoint.Incarnation, v.endpoint.Address
	change(&hello, &key)
	wire.Greet(wire.NewReader(v.conn, wire.MaxFrame), v.conn, key, hello) // recorded, whatever comes of it
	v.listen()
	return v
}

func (v *voice) listen() {
	go io.Copy(io.Discard, v.conn) // ends with the connection
	settle()
}

// say says bytes, and waits until the daemon has answered.
func (v *voice) say(b []byte) {
	v.conn.Write(b) // an error shows in the transcript
	settle()
}

// frame makes a frame as it stands, whether there is such a one or not.
func frame(kind wire.Kind, flags byte, method uint16, id uint64, rest string) []byte {
	b := []byte{0, 0, 0, byte(len(rest)), byte(kind), flags, byte(method >> 8), byte(method), 0, 0, 0, 0, 0, 0, 0, byte(id)}
	return append(b, rest...)
}

func sayRefused(s *stage) {
	v := s.greet(func(*wire.Hello, *wire.Key) {})
	number := map[string]uint16{}
	for _, m := range v.endpoint.Methods {
		number[m.Name] = uint16(m.Number)
	}
	v.say(frame(wire.KindCall, 0, 999, 1, "\x80"))
	for i, args := range []string{"", "\x01", "\x80", "\x82\x01\x02", "\x81\x61a", "\x81\x01\x01", "\x9f\x01\xff"} {
		v.say(frame(wire.KindCall, 0, number["Large"], uint64(2+i), args))
	}
	v.say(frame(wire.KindCall, 4, number["Sum"], 20, "\x00\x00\x00\x00\x00\x00\x00\x01\x81\x80"))     // a handle
	v.say(frame(wire.KindCall, 2, number["Sum"], 21, "\x00\x00\x00\x00\x00\x00\x00\x01\x81\x81\x01")) // a parent
	v.say(frame(wire.KindCall, 8, number["Sum"], 22, "\xa1\x61k\x61v\x81\x81\x01"))                   // metadata
	v.say(frame(wire.KindCall, 0x80, number["Sum"], 23, "\x81\x80"))                                  // unknown flags
	v.say(frame(wire.KindCancel, 1, 0, 24, "\x00\x00\x00\x00\x00\x00\x00\x01"))                       // flags of others
	v.say(frame(wire.KindReply, 0, 0, 25, "\x80"))                                                    // the daemon's to send
	v.say(frame(13, 0, 0, 26, "\x80"))                                                                // reserved
	v.say(frame(200, 0, 0, 27, ""))                                                                   // without a meaning
	v.say(frame(wire.KindCancel, 0, 0, 28, ""))                                                       // of no call
	for id := range uint64(5) {                                                                       // one more than may be outstanding
		v.say(frame(wire.KindCall, 0, number["Rest"], 30+id, "\x80"))
	}
	for id := range uint64(4) {
		v.say(frame(wire.KindCancel, 0, 0, 33-id, ""))
	}
	v.say(frame(wire.KindCall, 0, number["Sum"], 40, "\x81\x80"))
	v.say(frame(wire.KindCall, 0, number["Sum"], 40, "\x81\x80")) // the id once more
	v.conn.Close()
}

func sayStrangers(s *stage) {
	http := s.voice()
	http.listen()
	http.say([]byte("GET / HTTP/1.1\r\n\r\n"))
	s.greet(func(h *wire.Hello, _ *wire.Key) { h.Incarnation = "another" })
	s.greet(func(h *wire.Hello, _ *wire.Key) { h.Address = "elsewhere" })
	v := s.greet(func(_ *wire.Hello, k *wire.Key) { k[0]++ })
	v.conn.Close()
	// A proof that is none, behind a hello that is right.
	v = s.voice()
	go io.Copy(io.Discard, v.conn)
	hello := s.place.Hello
	hello.MinVersion, hello.MaxVersion = wire.MinVersion, wire.MaxVersion
	hello.Incarnation, hello.Address = v.endpoint.Incarnation, v.endpoint.Address
	v.say(opening(s, hello))
	v.say(encoded(s, wire.Frame{Kind: wire.KindProof, Body: marshal(s, wire.Proof{Proof: make([]byte, 32)})}))
}
