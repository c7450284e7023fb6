//go:build unix

package rt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/rt/stub"
)

// raws has such values where values can be.
type raws struct {
	Bytes   rawBytes
	Text    *rawText
	List    []rawBytes
	Mapping map[string]rawText
	Any     any
}

func rawsOf(n uint64) raws {
	b := func() []byte { return fmt.Appendf(nil, "value %06d", n) }
	return raws{rawBytes{b()}, &rawText{b()}, []rawBytes{{b()}, {b()}}, map[string]rawText{"k": {b()}}, []any{rawBytes{b()}, rawText{b()}}}
}

// is reports whether r is what rawsOf returned for n.
func (r raws) is(n uint64) bool {
	held := r.Any.([]any)
	for _, b := range [][]byte{r.Bytes.b, r.Text.b, r.List[0].b, r.List[1].b, r.Mapping["k"].b, held[0].(rawBytes).b, held[1].(rawText).b} {
		if string(b) != fmt.Sprintf("value %06d", n) {
			return false
		}
	}
	return true
}

// keeper keeps what it is given.
type keeper struct {
	made []byte
	all  []raws
}

func (k *keeper) Changed() int {
	changed := 0
	for i, r := range k.all {
		if !r.is(uint64(i)) {
			changed++
		}
	}
	return changed
}

func (k *keeper) Echo(v any) any { return v }

// Made returns what the constructor was given, and spoils it.
func (k *keeper) Made() []byte { made := bytes.Clone(k.made); clear(k.made); return made }

func (k *keeper) Put(r raws) raws { k.all = append(k.all, r); return r }

var keeperService = &stub.Service{
	Name: "rt_test.keeper",
	New: func(_ context.Context, args *stub.Decoder) (any, error) {
		k := new(keeper)
		stub.Decode(args, &k.made)
		return k, args.End()
	},
	Methods: []stub.Method{
		{Name: "Changed", Func: (*keeper).Changed, Serve: func(run *stub.Run, target any) {
			if run.Begin() {
				stub.Encode(run.Results, target.(*keeper).Changed())
			}
		}},
		{Name: "Echo", Func: (*keeper).Echo, Serve: func(run *stub.Run, target any) {
			var v any
			stub.Decode(run.Args, &v)
			if run.Begin() {
				stub.Encode(run.Results, target.(*keeper).Echo(v))
			}
		}},
		{Name: "Made", Func: (*keeper).Made, Serve: func(run *stub.Run, target any) {
			if run.Begin() {
				stub.Encode(run.Results, target.(*keeper).Made())
			}
		}},
		{Name: "Put", Func: (*keeper).Put, Serve: func(run *stub.Run, target any) {
			var r raws
			stub.Decode(run.Args, &r)
			if run.Begin() {
				stub.Encode(run.Results, target.(*keeper).Put(r))
			}
		}},
	},
}

func init() {
	stub.Register(keeperService)
}

func shareKeeper(t *testing.T, dir string, made []byte) *rt.Shared[stub.Conn, stub.Conn] {
	self := func(c stub.Conn) stub.Conn { return c }
	shared := rt.NewShared(rt.Config{Name: "k", Scope: rt.ScopeDir(dir)}, keeperService, self, self,
		func(e *stub.Encoder) { stub.Encode(e, made) })
	t.Cleanup(func() { shared.Close() })
	return shared
}

// A type may keep what its UnmarshalBinary or UnmarshalText is given: neither the
// object's values nor the results in a client change when later calls use memory
// again.
func TestUnmarshalMethodsMayKeepTheirInput(t *testing.T) {
	conn, err := shareKeeper(t, rttest.Dir(t), nil).Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var results []raws
	for n := range uint64(200) {
		var r raws
		if err := stub.Call(t.Context(), conn, "Put", stub.Args1(rawsOf(n)),
			func(d *stub.Decoder) { stub.Decode(d, &r) }); err != nil {
			t.Fatal(err)
		}
		results = append(results, r)
	}
	changed := 0
	for n, r := range results {
		if !r.is(uint64(n)) {
			changed++
		}
	}
	if changed > 0 {
		t.Errorf("%d of %d results have changed", changed, len(results))
	}
	if err := stub.Call(t.Context(), conn, "Changed", nil, func(d *stub.Decoder) { stub.Decode(d, &changed) }); err != nil {
		t.Fatal(err)
	}
	if changed > 0 {
		t.Errorf("%d of %d values of the object have changed", changed, len(results))
	}
}

// An object may change a large argument of its constructor: the next object in the
// same process is given it as the first was.
func TestConstructorMayChangeItsArguments(t *testing.T) {
	t.Setenv("LOOPGEN_MODE", "inprocess")
	want := bytes.Repeat([]byte("x"), 64<<10)
	shared := shareKeeper(t, rttest.Dir(t), want)
	for life := range 2 {
		conn, err := shared.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var made []byte
		if err := stub.Call(t.Context(), conn, "Made", nil, func(d *stub.Decoder) { stub.Decode(d, &made) }); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(made, want) {
			t.Errorf("object %d was made with other bytes: %.10q…", life+1, made)
		}
		if err := shared.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func echo(t *testing.T, conn stub.Conn, v any) error {
	var got any
	err := stub.Call(t.Context(), conn, "Echo", stub.Args1(v),
		func(d *stub.Decoder) { stub.Decode(d, &got) })
	if err == nil && !reflect.DeepEqual(got, v) {
		t.Errorf("%T came back as %T", v, got)
	}
	return err
}

// The types that one connection brings in interfaces are limited, and count against no
// other connection.
func TestTypesOfOneConnectionCountAgainstNoOther(t *testing.T) {
	const each = 1024/2 - 1 // a client may bring 1,024 types: pointers to arrays, which are two types each
	dir, n := rttest.Dir(t), 0
	for i := range 10 {
		conn, err := shareKeeper(t, dir, nil).Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		list := make([]any, each)
		for i := range list {
			n++
			list[i] = reflect.Zero(reflect.PointerTo(reflect.ArrayOf(n, reflect.TypeFor[byte]()))).Interface()
		}
		if err := echo(t, conn, list); err != nil {
			t.Fatalf("connection %d, arrays up to length %d: %v", i, n, err)
		}
		for extra := n; extra < n+4 && err == nil; extra++ {
			err = echo(t, conn, reflect.Zero(reflect.ArrayOf(10000+extra, reflect.TypeFor[byte]())).Interface())
		}
		if !errors.Is(err, rt.ErrBadArguments) || !strings.Contains(err.Error(), "may bring no more") {
			t.Errorf("connection %d, more types than it may bring: %v", i, err)
		}
		if err := echo(t, conn, []any{(*[1]byte)(nil), "known"}); err != nil {
			t.Errorf("connection %d, types that were met: %v", i, err)
		}
	}
	conn, err := shareKeeper(t, dir, nil).Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := echo(t, conn, map[string][]string{"k": {"v"}}); err != nil {
		t.Errorf("another connection: %v", err)
	}
}

// Clients whose constructor arguments Go tells apart mean different objects; one that
// has another argument, or a field more, and leaves it zero means the same.
func TestConstructorArgumentsThatGoTellsApart(t *testing.T) {
	dir := rttest.Dir(t)
	if _, err := shareKeeper(t, dir, nil).Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := shareKeeper(t, dir, []byte{}).Connect(t.Context()); !errors.Is(err, rt.ErrConfigMismatch) {
		t.Errorf("empty instead of nil: got %v, want %v", err, rt.ErrConfigMismatch)
	}
	self := func(c stub.Conn) stub.Conn { return c }
	newer := rt.NewShared(rt.Config{Name: "k", Scope: rt.ScopeDir(dir)}, keeperService, self, self, func(e *stub.Encoder) {
		stub.Encode[[]byte](e, nil)
		stub.Encode(e, struct{ Verify *bool }{})
	})
	defer newer.Close()
	if _, err := newer.Connect(t.Context()); err != nil {
		t.Errorf("an argument that was added and is zero: %v", err)
	}
}
