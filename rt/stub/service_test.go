package stub_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/loopgen/loopgen/rt/stub"
)

type store struct{ values map[string]int }

func (s *store) Find(key string) (int, error) {
	if v, ok := s.values[key]; ok {
		return v, nil
	}
	return 0, errFull
}

func (s *store) Size() int { return len(s.values) }

var storeService = &stub.Service{
	Name:      "example.com/store.Store",
	Sentinels: []stub.Sentinel{{Name: "errFull", Error: errFull}},
	Methods: []stub.Method{
		{Name: "Find", Func: (*store).Find, Serve: func(run *stub.Run, target any) {
			var key string
			stub.Decode(run.Args, &key)
			if run.Begin() {
				value, err := target.(*store).Find(key)
				stub.Encode(run.Results, value)
				run.Results.Error(err)
			}
		}},
		{Name: "Size", Mode: stub.Shared, Func: (*store).Size},
	},
}

func init() { stub.Register(storeService) }

// host calls itself for the turn.
type host func() error

func (host) Context() context.Context { return context.Background() }
func (h host) Turn() error            { return h() }

// serve calls method 0 with the given message of arguments.
func serve(t *testing.T, args []byte, turn func() error) (*stub.Run, []byte) {
	t.Helper()
	d, err := stub.NewDecoder(storeService, args)
	if err != nil {
		t.Fatal(err)
	}
	run := stub.MakeRun(host(turn), &storeService.Methods[0], d, stub.NewEncoder(storeService, limit))
	storeService.Methods[0].Serve(&run, &store{map[string]int{"a": 7}})
	reply, err := run.Results.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return &run, reply
}

func TestServe(t *testing.T) {
	now := func() error { return nil }
	for key, want := range map[string]error{"a": nil, "b": errFull} {
		args, err := encode(key)
		if err != nil {
			t.Fatal(err)
		}
		run, reply := serve(t, args, now)
		if !run.Begun() || run.Err() != nil {
			t.Errorf("%s: begun %v, %v", key, run.Begun(), run.Err())
		}
		d, err := stub.NewDecoder(storeService, reply)
		if err != nil {
			t.Fatal(err)
		}
		var value int
		stub.Decode(d, &value)
		if own := d.Error(); own != want || d.End() != nil {
			t.Errorf("%s: got %v, %v, want %v", key, own, d.End(), want)
		}
	}

	args, _ := encode(5)
	run, _ := serve(t, args, now)
	var bad *stub.DecodeError
	if run.Begun() || !errors.As(run.Err(), &bad) {
		t.Errorf("bad arguments: begun %v, %v", run.Begun(), run.Err())
	}
	args, _ = encode("a")
	if run, _ := serve(t, args, func() error { return errNoTable }); run.Begun() || run.Err() != errNoTable {
		t.Errorf("no turn: begun %v, %v", run.Begun(), run.Err())
	}
}

func TestRegistry(t *testing.T) {
	if got := stub.Lookup("example.com/store.Store"); got != storeService {
		t.Errorf("got %v, want the service", got)
	}
	if got := stub.Lookup("example.com/other.Store"); got != nil {
		t.Errorf("got %v, want nil", got)
	}
	for name, s := range map[string]*stub.Service{
		"a service registered twice": {Name: "example.com/store.Store"},
		"a method twice":             {Name: "example.com/twice.T", Methods: []stub.Method{{Name: "A"}, {Name: "A"}}},
		"an end that does not exist": {Name: "example.com/end.T", Methods: []stub.Method{{Name: "A", End: "B"}}},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			stub.Register(s)
		}()
		if name != "a service registered twice" && stub.Lookup(s.Name) != nil {
			t.Errorf("%s: it is registered", name)
		}
	}
}

// A package-level variable may call a Share function, which uses a service whose init
// function has not run.
func TestUsedBeforeRegistration(t *testing.T) {
	s := &stub.Service{Name: "example.com/early.Store"}
	stub.NewEncoder(s, limit)
	if err := s.Refusal(); err != nil {
		t.Fatal(err)
	}
	s.Methods, s.Sentinels = storeService.Methods, storeService.Sentinels
	stub.Register(s)
	if got, want := s.Signature(0), storeService.Signature(0); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if n, ok := s.Number("Size"); n != 1 || !ok {
		t.Errorf("Size: got %d, %t, want 1", n, ok)
	}
	if got := roundTripError(t, s, errFull); got != errFull {
		t.Errorf("got the error %v, want the sentinel", got)
	}
}

// roundTripError encodes and decodes the error of a method.
func roundTripError(t *testing.T, s *stub.Service, err error) error {
	t.Helper()
	e := stub.NewEncoder(s, limit)
	e.Error(err)
	body, fail := e.Finish()
	if fail != nil {
		t.Fatal(fail)
	}
	d, fail := stub.NewDecoder(s, body)
	if fail != nil {
		t.Fatal(fail)
	}
	return d.Error()
}

func TestSignatures(t *testing.T) {
	if got, want := storeService.Signature(0), "func(string) (int, error)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if !storeService.Fails(0) || storeService.Fails(1) {
		t.Errorf("got %v %v, want true false", storeService.Fails(0), storeService.Fails(1))
	}
	if got := storeService.Methods[1].Mode.String(); got != "shared" {
		t.Errorf("got %q, want shared", got)
	}
}

// Plans and tables are made on first use, by whoever comes first.
func TestConcurrentFirstUse(t *testing.T) {
	type fresh struct {
		Next *fresh
		At   map[string][]Stamp
	}
	s := &stub.Service{ErrorTypes: []stub.ErrorType{stub.ErrorTypeOf[*Batch]("Batch")}}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			e := stub.NewEncoder(s, limit)
			stub.Encode(e, &fresh{Next: &fresh{}})
			e.Error(&Batch{})
			body, err := e.Finish()
			if err != nil {
				t.Error(err)
				return
			}
			d, err := stub.NewDecoder(s, body)
			if err != nil {
				t.Error(err)
				return
			}
			var got *fresh
			stub.Decode(d, &got)
			if own, ok := d.Error().(*Batch); !ok || got.Next == nil || d.End() != nil {
				t.Errorf("got %v, %v, %v", got, own, d.End())
			}
		})
	}
	wg.Wait()
}
