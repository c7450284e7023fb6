package stub_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt/stub"
)

// tool has methods of every shape that generated code knows.
type tool struct{ last string }

var errTool = errors.New("no tool")

func (t *tool) Move(name string, n int, v float64) (int, float64, bool) { return n, v, true }

func (t *tool) Nothing() { t.last = "Nothing" }

func (t *tool) Inc(n int) int { return n + 1 }

func (t *tool) Set(name string, v float64, on bool) { t.last = fmt.Sprint(name, v, on) }

func (t *tool) Split(text string) (before, after string, found bool) {
	return strings.Cut(text, ",")
}

func (t *tool) Take(name string) (float64, bool) { return 1.5, name == "here" }

func (t *tool) Fail(text string) (string, error) { return text, errTool }

func (t *tool) Check(ok bool) error {
	if ok {
		return nil
	}
	return errTool
}

//lint:ignore ST1008 the error is a value, and not the method's own
func (t *tool) Inner(err error) (string, error, int) { return err.Error(), err, 1 }

func (t *tool) Read(p []byte) (int, error) { return copy(p, "read"), errTool }

func (t *tool) ReadAt(p []byte, off int64) (int, error) { return copy(p, "read at"[off:]), nil }

func (t *tool) Sort(list []int, m map[string]int, p *int) {
	slices.Sort(list)
	if m != nil {
		m["c"] = m["a"] + m["b"]
		delete(m, "a")
	}
	if p != nil {
		*p++
	}
}

func (t *tool) Format(f fmt.State, verb rune) { fmt.Fprintf(f, fmt.FormatString(f, verb), 7) }

func (t *tool) LogValue() slog.Value { return slog.GroupValue(slog.Int("n", 1)) }

func (t *tool) String() string { return "a tool" }

// toolService is written as generated code is.
var toolService = &stub.Service{
	Name: "example.com/tool.Tool",
	Methods: []stub.Method{
		{Name: "Check", Func: (*tool).Check, Serve: func(run *stub.Run, target any) {
			stub.Serve1(run, func(ok bool) { run.Return(stub.Results1(target.(*tool).Check(ok))) })
		}},
		{Name: "Fail", Func: (*tool).Fail, Serve: func(run *stub.Run, target any) {
			stub.Serve1(run, func(text string) { run.Return(stub.Results2(target.(*tool).Fail(text))) })
		}},
		{Name: "Format", Func: (*tool).Format, Serve: func(run *stub.Run, target any) {
			stub.Serve2(run, func(f fmt.State, verb rune) { target.(*tool).Format(f, verb) })
		}},
		{Name: "Inc", Func: (*tool).Inc, Serve: func(run *stub.Run, target any) {
			stub.Serve1(run, func(n int) { run.Return(stub.Results1(target.(*tool).Inc(n))) })
		}},
		{Name: "Inner", Func: (*tool).Inner, Serve: func(run *stub.Run, target any) {
			stub.Serve1(run, func(err error) { run.Return(stub.Results3(target.(*tool).Inner(err))) })
		}},
		{Name: "LogValue", Func: (*tool).LogValue, Serve: func(run *stub.Run, target any) {
			stub.Serve0(run, func() { run.Return(stub.Results1(target.(*tool).LogValue())) })
		}},
		{Name: "Move", Func: (*tool).Move, Serve: func(run *stub.Run, target any) {
			stub.Serve3(run, func(name string, n int, v float64) { run.Return(stub.Results3(target.(*tool).Move(name, n, v))) })
		}},
		{Name: "Nothing", Func: (*tool).Nothing, Serve: func(run *stub.Run, target any) {
			stub.Serve0(run, func() { target.(*tool).Nothing() })
		}},
		{Name: "Read", Out: []int{0}, Func: (*tool).Read, Serve: func(run *stub.Run, target any) {
			stub.Serve1(run, func(p []byte) { run.Return(stub.Results2(target.(*tool).Read(p))) })
		}},
		{Name: "ReadAt", Out: []int{0}, Func: (*tool).ReadAt, Serve: func(run *stub.Run, target any) {
			stub.Serve2(run, func(p []byte, off int64) { run.Return(stub.Results2(target.(*tool).ReadAt(p, off))) })
		}},
		{Name: "Set", Func: (*tool).Set, Serve: func(run *stub.Run, target any) {
			stub.Serve3(run, func(name string, v float64, on bool) { target.(*tool).Set(name, v, on) })
		}},
		{Name: "Sort", InOut: []int{0, 1, 2}, Func: (*tool).Sort, Serve: func(run *stub.Run, target any) {
			stub.Serve3(run, func(list []int, m map[string]int, p *int) { target.(*tool).Sort(list, m, p) })
		}},
		{Name: "Split", Func: (*tool).Split, Serve: func(run *stub.Run, target any) {
			stub.Serve1(run, func(text string) { run.Return(stub.Results3(target.(*tool).Split(text))) })
		}},
		{Name: "String", Func: (*tool).String, Serve: func(run *stub.Run, target any) {
			stub.Serve0(run, func() { run.Return(stub.Results1(target.(*tool).String())) })
		}},
		{Name: "Take", Func: (*tool).Take, Serve: func(run *stub.Run, target any) {
			stub.Serve1(run, func(name string) { run.Return(stub.Results2(target.(*tool).Take(name))) })
		}},
	},
	Sentinels: []stub.Sentinel{{Name: "errTool", Error: errTool}},
}

// bench is a connection to a tool in this process. It is its own exchange.
type bench struct {
	tool    tool
	method  int
	args    stub.Encoder
	results stub.Encoder
	in, out stub.Decoder
	run     stub.Run
	fail    error // of Send
}

// fault is an error as package rt makes it.
type fault struct {
	error
	passed int
}

func (f *fault) Fault() { f.passed++ }

func (b *bench) Context() context.Context { return context.Background() }
func (b *bench) Turn() error              { return nil }
func (b *bench) Close() error             { return nil }
func (b *bench) Args() *stub.Encoder      { return &b.args }

func (b *bench) Begin(method string) (stub.Exchange, error) {
	n, ok := toolService.Number(method)
	if !ok {
		return nil, errors.New("no method " + method)
	}
	b.method = n
	b.args.Reset(toolService, limit, 0)
	b.args.For(&toolService.Methods[n])
	return b, nil
}

func (b *bench) Send(context.Context) (*stub.Decoder, error) {
	message, err := b.args.Finish()
	if err != nil || b.fail != nil {
		return nil, errors.Join(err, b.fail)
	}
	m := &toolService.Methods[b.method]
	if err := b.in.Reset(toolService, message); err != nil {
		return nil, err
	}
	b.results.Reset(toolService, limit, 0)
	b.run = stub.MakeRun(b, m, &b.in, &b.results)
	if m.Serve(&b.run, &b.tool); !b.run.Begun() {
		return nil, b.run.Err()
	}
	reply, err := b.results.Finish()
	if err != nil {
		return nil, err
	}
	return &b.out, b.out.Reset(toolService, reply)
}

func (b *bench) End() error {
	var own error
	if toolService.Fails(b.method) {
		own = b.out.Error()
	}
	return errors.Join(b.out.End(), own)
}

// expect fails if got is not want, as both are printed.
func expect(t *testing.T, what string, want string, got ...any) {
	t.Helper()
	if text := strings.TrimSuffix(fmt.Sprintln(got...), "\n"); text != want {
		t.Errorf("%s: got %s, want %s", what, text, want)
	}
}

func list(got ...any) []any { return got }

// Each helper carries what the method was given and returned.
func TestCallHelpers(t *testing.T) {
	b, ctx := new(bench), t.Context()
	expect(t, "Nothing", "<nil>", stub.Call0(ctx, b, "Nothing", nil))
	expect(t, "Nothing", "Nothing", b.tool.last)
	expect(t, "Set", "<nil>", stub.Call0(ctx, b, "Set", stub.Args3("x", 0.5, true)))
	expect(t, "Set", "x0.5 true", b.tool.last)
	expect(t, "Inc", "8 <nil>", list(stub.Call1[int](ctx, b, "Inc", stub.Args1(7)))...)
	expect(t, "Take", "1.5 true <nil>", list(stub.Call2[float64, bool](ctx, b, "Take", stub.Args1("here")))...)
	expect(t, "Split", "a b true <nil>", list(stub.Call3[string, string, bool](ctx, b, "Split", stub.Args1("a,b")))...)
	expect(t, "LogValue", "[n=1] <nil>", list(stub.Call1[slog.Value](ctx, b, "LogValue", nil))...)
	text, err := stub.Call1[string](ctx, b, "Fail", stub.Args1("kept"))
	if text != "kept" || !errors.Is(err, errTool) {
		t.Errorf("Fail: got %q, %v", text, err)
	}
	if err := stub.Call0(ctx, b, "Check", stub.Args1(true)); err != nil {
		t.Errorf("Check: got %v", err)
	}
	said, inner, n, err := stub.Call3[string, error, int](ctx, b, "Inner", stub.Args1(errTool))
	if said != "no tool" || inner != errTool || n != 1 || err != nil {
		t.Errorf("Inner: got %q, %v, %d, %v", said, inner, n, err)
	}
	if _, err := stub.Call1[int](ctx, b, "Add", nil); err == nil || err.Error() != "no method Add" {
		t.Errorf("a method that does not exist: got %v", err)
	}
	if _, err := stub.Call1[string](ctx, b, "Inc", stub.Args1(1)); err == nil {
		t.Error("a result of another type: got no error")
	}
	if _, err := stub.Call1[int](ctx, b, "Inc", stub.Args2(1, 2)); err == nil {
		t.Error("one argument too many: got no error")
	}
}

// A run knows whether its method failed: by the error, or by false as last result, which is no
// error.
func TestRunFailed(t *testing.T) {
	b, ctx := new(bench), t.Context()
	for _, test := range []struct {
		name string
		call func()
		want bool
		err  bool
	}{
		{"no result", func() { stub.Call0(ctx, b, "Nothing", nil) }, false, false},
		{"error", func() { stub.Call0(ctx, b, "Check", stub.Args1(false)) }, true, true},
		{"nil", func() { stub.Call0(ctx, b, "Check", stub.Args1(true)) }, false, false},
		{"false", func() { stub.Call2[float64, bool](ctx, b, "Take", stub.Args1("there")) }, true, false},
		{"true", func() { stub.Call2[float64, bool](ctx, b, "Take", stub.Args1("here")) }, false, false},
		{"result and error", func() { stub.Call1[string](ctx, b, "Fail", stub.Args1("")) }, true, true},
	} {
		if test.call(); b.run.Failed != test.want || b.run.Erred != test.err {
			t.Errorf("%s: got %t and %t, want %t and %t", test.name, b.run.Failed, b.run.Erred, test.want, test.err)
		}
	}
}

// Arguments that the row lists have the method's changes in the caller, too.
func TestCopyBack(t *testing.T) {
	b, ctx := new(bench), t.Context()
	numbers, p := []int{3, 1, 2}, new(int)
	m := map[string]int{"a": 1, "b": 2}
	expect(t, "Sort", "<nil>", stub.Call0(ctx, b, "Sort", stub.Args3(numbers, m, p)))
	expect(t, "Sort", "[1 2 3] map[b:2 c:3] 1", numbers, m, *p)
	expect(t, "Sort of nil", "<nil>", stub.Call0(ctx, b, "Sort", stub.Args3[[]int, map[string]int, *int](nil, nil, nil)))

	buffer := []byte("xxxxxxxx")
	n, err := stub.Call1[int](ctx, b, "Read", stub.Args1(buffer))
	if n != 4 || !errors.Is(err, errTool) || string(buffer) != "readxxxx" {
		t.Errorf("Read: got %d, %v, %q", n, err, buffer)
	}
	expect(t, "ReadAt", "2 <nil>", list(stub.Call1[int](ctx, b, "ReadAt", stub.Args2(buffer, int64(5))))...)
	expect(t, "ReadAt", "atadxxxx", string(buffer))

	// A Reader may read less than the buffer holds, and ReadAt may not.
	big := make([]byte, 2*limit)
	expect(t, "Read into a large buffer", "4", stubRead(ctx, b, big))
	if _, err := stub.Call1[int](ctx, b, "ReadAt", stub.Args2(big, int64(0))); !errors.Is(err, stub.ErrTooLarge) {
		t.Errorf("ReadAt of more than fits: got %v", err)
	}

	numbers = []int{3, 1}
	if _, err := stub.Call1[int](ctx, b, "Sort", stub.Args3(numbers, m, p)); err == nil {
		t.Error("a result too many: got no error")
	}
	expect(t, "a call that fails", "[3 1]", numbers)
}

func stubRead(ctx context.Context, b *bench, p []byte) int {
	n, _ := stub.Call1[int](ctx, b, "Read", stub.Args1(p))
	return n
}

// A proxy passes failures to OnFault, and its methods return zero values then.
func TestMust(t *testing.T) {
	expect(t, "Must1", "8", stub.Must1(stub.Call1[int](t.Context(), new(bench), "Inc", stub.Args1(7))))
	f := &fault{error: errTool}
	b := &bench{fail: f}
	stub.Must0(f)
	expect(t, "Must1", "0", stub.Must1(0, error(f)))
	expect(t, "Must2", "0 false", list(stub.Must2(0, false, error(f)))...)
	expect(t, "Must3", "0 false a", list(stub.Must3(0, false, "a", error(f)))...)
	expect(t, "faults", "4", f.passed)
	defer func() {
		if recover() == nil {
			t.Error("an error without Fault: no panic")
		}
	}()
	stub.Must1(stub.Call1[int](t.Context(), b, "Inc", stub.Args1(7)))
}

// toolText is a proxy's side of methods that fmt and log call.
type toolText struct{ b *bench }

func (p toolText) String() string {
	return stub.Text(time.Minute, func(ctx context.Context) (string, error) { return stub.Call1[string](ctx, p.b, "String", nil) })
}

type toolFormat struct{ b *bench }

func (p toolFormat) Format(f fmt.State, verb rune) {
	stub.Format(time.Minute, func(ctx context.Context, f fmt.State, verb rune) error {
		return stub.Call0(ctx, p.b, "Format", stub.Args2(f, verb))
	}, f, verb)
}

func (p toolFormat) LogValue() slog.Value {
	return stub.LogValue(time.Minute, func(ctx context.Context) (slog.Value, error) {
		return stub.Call1[slog.Value](ctx, p.b, "LogValue", nil)
	})
}

// Methods that fmt and log call never panic, and have a deadline.
func TestImplicit(t *testing.T) {
	well, ill := new(bench), &bench{fail: errTool}
	expect(t, "String", "a tool", toolText{well})
	expect(t, "String", "%!v(no tool)", toolText{ill})
	expect(t, "Format", "007", fmt.Sprintf("%03d", toolFormat{well}))
	expect(t, "Format", "%!v(no tool)", fmt.Sprintf("%03d", toolFormat{ill}))
	expect(t, "LogValue", "[n=1]", toolFormat{well}.LogValue())
	expect(t, "LogValue", "%!v(no tool)", toolFormat{ill}.LogValue())
	body, err := stub.Marshal(time.Hour, func(ctx context.Context) ([]byte, error) {
		at, ok := ctx.Deadline()
		return []byte(fmt.Sprint(ok, time.Until(at) > time.Minute)), nil
	})
	expect(t, "Marshal", "true true <nil>", string(body), err)
}

// The helpers add no allocation to a call whose values are scalars.
func TestCallAllocations(t *testing.T) {
	b, ctx, name := new(bench), context.Background(), strings.Repeat("n", 3)
	for method, call := range map[string]func(){
		"Inc":     func() { stub.Must1(stub.Call1[int](ctx, b, "Inc", stub.Args1(math.MaxInt32))) },
		"Nothing": func() { stub.Must0(stub.Call0(ctx, b, "Nothing", nil)) },
	} {
		if n := testing.AllocsPerRun(100, call); n > 0 {
			t.Errorf("%s: %v allocations, want none", method, n)
		}
	}
	// The daemon allocates the text.
	for method, call := range map[string]func(){
		"Take": func() { stub.Must2(stub.Call2[float64, bool](ctx, b, "Take", stub.Args1(name))) },
		"Move": func() {
			stub.Must3(stub.Call3[int, float64, bool](ctx, b, "Move", stub.Args3(name, math.MaxInt32, 1e300)))
		},
	} {
		if n := testing.AllocsPerRun(100, call); n > 1 {
			t.Errorf("%s: %v allocations, want at most 1", method, n)
		}
	}
}

// A table that Register accepts can be looked up by every name that it has.
func TestNumber(t *testing.T) {
	for i, m := range toolService.Methods {
		if n, ok := toolService.Number(m.Name); n != i || !ok {
			t.Errorf("%s: got %d, %t, want %d", m.Name, n, ok, i)
		}
	}
	if n, ok := toolService.Number(""); ok {
		t.Errorf("no name: got %d", n)
	}
	if !slices.IsSortedFunc(toolService.Methods, func(a, b stub.Method) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("the table of this test is not sorted")
	}
	if reflect.ValueOf(toolService.Methods[0].Serve).IsNil() {
		t.Error("a row without Serve")
	}
}
