package stub_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt/internal/rt"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

var (
	errFull     = errors.New("full")
	errTwin     = errors.New("full") // equal text, another error
	errByValue  = Code(7)
	errNoTable  = errors.New("not in the table")
	errByStruct = plainError{3}
)

type (
	// ParseError is an error both as a value and as a pointer.
	ParseError struct {
		Line  int
		Cause error
	}
	// Code is an error that is no struct.
	Code int
	// Batch has a slice, so that == cannot compare it.
	Batch struct {
		Names []string
		When  time.Time
	}
	// Secret has an unexported field.
	Secret struct {
		Public  string
		private string
	}
	plainError struct{ n int }
	// Textual travels by its own methods.
	Textual struct{ text string }
)

func (e ParseError) Error() string              { return fmt.Sprintf("line %d: %v", e.Line, e.Cause) }
func (e ParseError) Unwrap() error              { return e.Cause }
func (c Code) Error() string                    { return "code " + strconv.Itoa(int(c)) }
func (b *Batch) Error() string                  { return fmt.Sprint(len(b.Names), " names") }
func (s *Secret) Error() string                 { return s.Public + "/" + s.private }
func (p plainError) Error() string              { return "plain" }
func (t Textual) Error() string                 { return t.text }
func (t Textual) MarshalText() ([]byte, error)  { return []byte(t.text), nil }
func (t *Textual) UnmarshalText(b []byte) error { t.text = string(b); return nil }

var service = &stub.Service{
	Name: "example.com/test.Service",
	Sentinels: []stub.Sentinel{
		{Name: "errFull", Error: errFull}, {Name: "errTwin", Error: errTwin},
		{Name: "errByValue", Error: errByValue}, {Name: "errByStruct", Error: errByStruct},
		{Name: "errNil"}, {Name: "errUncomparable", Error: uncomparable{}},
	},
	ErrorTypes: []stub.ErrorType{
		stub.ErrorTypeOf[ParseError]("ParseError"), stub.ErrorTypeOf[Code]("Code"),
		stub.ErrorTypeOf[*Batch]("Batch"), stub.ErrorTypeOf[*Secret]("Secret"), stub.ErrorTypeOf[Textual]("Textual"),
	},
}

// travel returns err as the client of s has it.
func travel(t *testing.T, s *stub.Service, err error) error {
	t.Helper()
	e := stub.NewEncoder(service, limit)
	stub.Encode(e, 1)
	e.Error(err)
	stub.Encode(e, 2)
	body, fail := e.Finish()
	if fail != nil {
		t.Fatalf("encode %v: %v", err, fail)
	}
	d, fail := stub.NewDecoder(s, body)
	if fail != nil {
		t.Fatal(fail)
	}
	var a, b int
	stub.Decode(d, &a)
	got := d.Error()
	stub.Decode(d, &b)
	if fail := d.End(); fail != nil || a != 1 || b != 2 {
		t.Fatalf("decode %v: %v", err, fail)
	}
	return got
}

func TestSentinelsKeepTheirIdentity(t *testing.T) {
	for _, err := range []error{
		nil, errFull, errTwin, errByValue, errByStruct,
		io.EOF, io.ErrUnexpectedEOF, io.ErrShortWrite, io.ErrShortBuffer, io.ErrNoProgress, io.ErrClosedPipe,
		context.Canceled, context.DeadlineExceeded,
		fs.ErrInvalid, fs.ErrPermission, fs.ErrExist, fs.ErrNotExist, fs.ErrClosed,
		os.ErrProcessDone, os.ErrDeadlineExceeded, os.ErrNoDeadline,
		net.ErrClosed, net.ErrWriteToConnected, errors.ErrUnsupported, strconv.ErrSyntax, strconv.ErrRange,
	} {
		if got := travel(t, service, err); got != err {
			t.Errorf("got %#v, want %#v itself", got, err)
		}
		if err == nil {
			continue
		}
		wrapped := travel(t, service, fmt.Errorf("a: %w", fmt.Errorf("b: %w", err)))
		if !errors.Is(wrapped, err) || wrapped.Error() != "a: b: "+err.Error() {
			t.Errorf("wrapped: got %v, want it to be %v", wrapped, err)
		}
	}
	if got := travel(t, service, errNoTable); got == errNoTable || got.Error() != errNoTable.Error() {
		t.Errorf("got %#v, want a RemoteError", got)
	}
}

func TestErrorTypesComeBackAsThemselves(t *testing.T) {
	_, syntax := strconv.Atoi("x")
	_, tooBig := strconv.Atoi("99999999999999999999")
	_, opening := os.Open("/does/not/exist")
	for _, err := range []error{
		ParseError{3, io.EOF}, &ParseError{3, nil}, ParseError{1, &ParseError{2, errFull}},
		Code(9), ptr(Code(9)),
		&Batch{}, &Batch{Names: []string{}}, &Batch{[]string{"a"}, time.Unix(1, 2).UTC()}, (*Batch)(nil), (*ParseError)(nil),
		opening, &fs.PathError{Op: "open", Path: "p"}, &os.LinkError{Op: "link", Old: "a", New: "b", Err: syscall.EXDEV},
		os.NewSyscallError("read", syscall.EIO), syscall.ENOENT, syscall.Errno(0),
		&strconv.NumError{Func: "Atoi", Num: "x", Err: io.EOF}, syntax, tooBig,
		errors.Join(errFull), errors.Join(errFull, &Batch{}, errors.Join(Code(1), io.EOF)),
		Textual{"text"}, &Textual{"text"},
	} {
		if got := travel(t, service, err); !reflect.DeepEqual(got, err) {
			t.Errorf("got %#v, want %#v", got, err)
		}
	}
	got := travel(t, service, fmt.Errorf("save: %w", opening))
	var path *fs.PathError
	if !errors.Is(got, fs.ErrNotExist) || !errors.As(got, &path) || path.Path != "/does/not/exist" {
		t.Errorf("got %#v, want a PathError in it", got)
	}
}

func TestRemoteErrors(t *testing.T) {
	invalid := &fs.PathError{Op: "open", Path: "\xff", Err: syscall.ENOENT}
	for _, c := range []struct {
		err  error
		want *rt.RemoteError
	}{
		{errNoTable, &rt.RemoteError{Type: "*errors.errorString", Message: "not in the table"}},
		{fmt.Errorf("%w", errFull), &rt.RemoteError{Type: "*fmt.wrapError", Message: "full", Err: errFull}},
		{fmt.Errorf("%w and %w", errFull, io.EOF), &rt.RemoteError{Type: "*fmt.wrapErrors", Message: "full and EOF", Err: errors.Join(errFull, io.EOF)}},
		{errors.New("bytes \xff\x00"), &rt.RemoteError{Type: "*errors.errorString", Message: "bytes \xff\x00"}},
		{errors.New(""), &rt.RemoteError{Type: "*errors.errorString"}},
		{&Secret{"a", "b"}, &rt.RemoteError{Type: "*stub_test.Secret", Message: "a/b"}},
		{invalid, &rt.RemoteError{Type: "*fs.PathError", Message: invalid.Error(), Err: syscall.ENOENT}},
		{&Batch{When: time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC)}, &rt.RemoteError{Type: "*stub_test.Batch", Message: "0 names"}},
		{panicking{}, &rt.RemoteError{Type: "stub_test.panicking", Message: "stub_test.panicking: panic in its Error method: oh"}},
		{(*nilError)(nil), &rt.RemoteError{Type: "*stub_test.nilError", Message: "<nil>"}},
		{uncomparable{[]int{1}}, &rt.RemoteError{Type: "stub_test.uncomparable", Message: "uncomparable"}},
		{uncomparableInside{[]int{1}}, &rt.RemoteError{Type: "stub_test.uncomparableInside", Message: "uncomparable"}},
		{panickingUnwrap{}, &rt.RemoteError{Type: "stub_test.panickingUnwrap", Message: "unwrap me"}},
		{&rt.RemoteError{Type: "*elsewhere.T", Message: "m", Err: io.EOF}, &rt.RemoteError{Type: "*elsewhere.T", Message: "m", Err: io.EOF}},
		{(*rt.RemoteError)(nil), &rt.RemoteError{Type: "*rt.RemoteError", Message: "<nil>"}},
	} {
		got := travel(t, service, c.err)
		if !reflect.DeepEqual(got, error(c.want)) {
			t.Errorf("got %#v, want %#v", got, c.want)
		}
	}
}

// A client of another build does not have the table, or has other types.
func TestErrorsUnknownToTheClient(t *testing.T) {
	other := &stub.Service{ErrorTypes: []stub.ErrorType{stub.ErrorTypeOf[*otherParseError]("ParseError"), stub.ErrorTypeOf[Textual]("Batch")}}
	for _, c := range []struct {
		err  error
		want *rt.RemoteError
	}{
		{errFull, &rt.RemoteError{Type: "*errors.errorString", Message: "full"}},
		{Code(3), &rt.RemoteError{Type: "stub_test.Code", Message: "code 3"}},
		{ParseError{3, io.EOF}, &rt.RemoteError{Type: "stub_test.ParseError", Message: "line 3: EOF", Err: io.EOF}},
		{&Batch{}, &rt.RemoteError{Type: "*stub_test.Batch", Message: "0 names"}},
	} {
		for _, s := range []*stub.Service{nil, other} {
			if got := travel(t, s, c.err); !reflect.DeepEqual(got, error(c.want)) {
				t.Errorf("got %#v, want %#v", got, c.want)
			}
		}
	}
}

// An error whose type has a field more, or less, in the client's build is none of
// the client's: the field would be zero there, or lost.
func TestErrorsOfAnotherVersion(t *testing.T) {
	of := func(e stub.ErrorType) *stub.Service { return &stub.Service{ErrorTypes: []stub.ErrorType{e}} }
	same := of(stub.ErrorTypeOf[ParseError]("ParseError"))
	less, more := of(stub.ErrorTypeOf[lineError]("ParseError")), of(stub.ErrorTypeOf[nestedError]("ParseError"))
	for _, sent := range []ParseError{{Line: 3}, {3, io.EOF}} {
		if got := travel(t, same, sent); got != error(sent) {
			t.Errorf("the same type: got %#v, want %#v", got, sent)
		}
		for _, client := range []*stub.Service{less, more} {
			if got, ok := travel(t, client, sent).(*rt.RemoteError); !ok || got.Message != sent.Error() {
				t.Errorf("another type: got %#v, want a RemoteError that says %q", got, sent.Error())
			}
		}
	}
}

// A sentinel is recognized below any number of wraps that are sent, and so is an
// error type, although the messages above it have used up their room.
func TestDeepSentinels(t *testing.T) {
	for _, wraps := range []int{31, 32, 33, 200, 999} {
		err := io.ErrUnexpectedEOF
		for i := range wraps {
			err = fmt.Errorf("wrap %d: %w", i, err)
		}
		if got := travel(t, service, err); !errors.Is(got, io.ErrUnexpectedEOF) {
			t.Errorf("below %d wraps: got no %v", wraps, io.ErrUnexpectedEOF)
		}
	}
	err := error(Code(7))
	for range 900 {
		err = fmt.Errorf("%w", err)
	}
	var code Code
	if got := travel(t, service, err); !errors.As(got, &code) || code != 7 {
		t.Errorf("got code %d", code)
	}
}

func TestErrorsAreBounded(t *testing.T) {
	long := travel(t, service, errors.New(strings.Repeat("x", 100<<10)))
	if n := len(long.Error()); n > 64<<10 || n < 60<<10 {
		t.Errorf("got a message of %d bytes, want at most 64 KiB", n)
	}
	cycle := &cyclic{}
	cycle.next = cycle
	depth := 0
	for err := travel(t, service, cycle); err != nil; err = errors.Unwrap(err) {
		depth++
	}
	if depth != 1000 {
		t.Errorf("got %d errors from a cycle, want 1000", depth)
	}
	self := &ParseError{}
	self.Cause = &cyclic{self}
	travel(t, service, wide(8))

	many := make([]error, 5000)
	for i := range many {
		many[i] = errors.New(strings.Repeat("y", 2<<10))
	}
	e := stub.NewEncoder(service, 4<<20)
	e.Error(errors.Join(many...))
	if body, err := e.Finish(); err != nil || len(body) > 2<<20 {
		t.Errorf("got %d bytes, %v, want at most 2 MiB", len(body), err)
	}
	e = stub.NewEncoder(service, 100)
	e.Error(errors.New(strings.Repeat("z", 200)))
	if _, err := e.Finish(); err != nil && !errors.Is(err, stub.ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge or nothing", err)
	}
	e = stub.NewEncoder(service, 10)
	e.Error(errFull)
	if _, err := e.Finish(); !errors.Is(err, stub.ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
}

func TestErrorsAreDeterministic(t *testing.T) {
	var first []byte
	for range 20 {
		e := stub.NewEncoder(service, limit)
		e.Error(errors.Join(&fs.PathError{Op: "a", Path: "b", Err: io.EOF}, &os.LinkError{Op: "a", Old: "b", New: "c", Err: io.EOF}))
		body, err := e.Finish()
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = body
		}
		if string(first) != string(body) {
			t.Fatalf("got %x, then %x", first, body)
		}
	}
}

func TestMalformedErrors(t *testing.T) {
	node := func(kind int, wraps ...int) map[string]any {
		n := map[string]any{"kind": kind, "type": "T", "message": []byte("m")}
		if wraps != nil {
			n["wraps"] = wraps
		}
		return n
	}
	extra := node(0)
	extra["more"] = 1
	for name, item := range map[string]any{
		"no tree":         5,
		"empty tree":      []any{},
		"unknown kind":    []any{node(9)},
		"unknown key":     []any{extra},
		"own parent":      []any{node(0, 0)},
		"backwards":       []any{node(0, 1), node(0, 0)},
		"out of bounds":   []any{node(0, 1)},
		"negative":        []any{node(0, -1)},
		"two parents":     []any{node(0, 1, 2), node(0, 2), node(0)},
		"one child twice": []any{node(0, 1, 1), node(0)},
	} {
		body, err := wire.Marshal([]any{item})
		if err != nil {
			t.Fatal(err)
		}
		d, err := stub.NewDecoder(service, body)
		if err != nil {
			t.Fatal(err)
		}
		var at *stub.DecodeError
		if own, err := d.Error(), d.End(); own != nil || !errors.As(err, &at) {
			t.Errorf("%s: got %v, %v, want a DecodeError", name, own, err)
		}
	}
}

// wide returns an error that wraps two, which wrap two each, and so on.
func wide(depth int) error {
	if depth == 0 {
		return errFull
	}
	return &tooWide{[]error{wide(depth - 1), nil, wide(depth - 1)}}
}

type (
	otherParseError struct{ Column string }
	lineError       struct{ Line int }
	nestedError     struct {
		Line         int
		Cause, Other error
	}
	panicking          struct{}
	panickingUnwrap    struct{}
	nilError           struct{ text string }
	uncomparable       struct{ list []int }
	uncomparableInside struct{ inside any }
	cyclic             struct{ next error }
	tooWide            struct{ errs []error }
)

func (*otherParseError) Error() string   { return "other" }
func (lineError) Error() string          { return "line" }
func (nestedError) Error() string        { return "nested" }
func (panicking) Error() string          { panic("oh") }
func (panickingUnwrap) Error() string    { return "unwrap me" }
func (panickingUnwrap) Unwrap() error    { panic("oh") }
func (e *nilError) Error() string        { return e.text }
func (uncomparable) Error() string       { return "uncomparable" }
func (uncomparableInside) Error() string { return "uncomparable" }
func (c *cyclic) Error() string          { return "cyclic" }
func (c *cyclic) Unwrap() error          { return c.next }
func (t *tooWide) Error() string         { return "wide" }
func (t *tooWide) Unwrap() []error       { return t.errs }

// The fields of an error type travel by their names in Go, whatever their tags say, and the
// errors in them are errors of the same tree, wherever in the type they are.
func TestErrorsInTheDataOfErrors(t *testing.T) {
	s := &stub.Service{ErrorTypes: []stub.ErrorType{stub.ErrorTypeOf[*Tagged]("Tagged")}, Sentinels: service.Sentinels}
	sent := &Tagged{
		Kept: 1, Cause: &Tagged{Kept: 2, All: []error{io.EOF, nil, errFull}}, Held: errTwin,
		ByName: map[string]error{"a": io.EOF, "b": &Tagged{Cause: io.ErrNoProgress}, "c": errFull, "d": nil},
	}
	var first []byte
	for range 10 { // the order of a map does not count
		e := stub.NewEncoder(s, limit)
		e.Error(sent)
		body, err := e.Finish()
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = bytes.Clone(body)
		}
		if !bytes.Equal(body, first) {
			t.Fatalf("got %x, then %x", first, body)
		}
	}
	d, err := stub.NewDecoder(s, first)
	if err != nil {
		t.Fatal(err)
	}
	if got, fail := d.Error(), d.End(); fail != nil || !reflect.DeepEqual(got, error(sent)) {
		t.Errorf("got %#v, %v, want %#v", got, fail, sent)
	}
	d, err = stub.NewDecoder(&stub.Service{Sentinels: service.Sentinels}, first)
	if err != nil {
		t.Fatal(err)
	}
	if got, fail := d.Error(), d.End(); fail != nil || !errors.Is(got, errFull) || got.Error() != sent.Error() {
		t.Errorf("without the type: got %v, %v, want a RemoteError that is %v", got, fail, errFull)
	}
}

// However many errors refer to each other, the tree stays small enough for a receiver.
func TestErrorsThatHoldEachOther(t *testing.T) {
	s := &stub.Service{ErrorTypes: []stub.ErrorType{stub.ErrorTypeOf[*Tagged]("Tagged")}}
	self := &Tagged{}
	for range 300 {
		self.All = append(self.All, self)
	}
	e := stub.NewEncoder(s, limit)
	e.Error(self)
	body, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	d, err := stub.NewDecoder(s, body)
	if err != nil {
		t.Fatal(err)
	}
	if got, fail := d.Error(), d.End(); got == nil || fail != nil {
		t.Errorf("got %v, %v", got, fail)
	}
}

// Tagged is an error with tags that leave fields out or rename them, and with errors.
type Tagged struct {
	Kept   int   `json:"-"`
	Cause  error `cbor:"Kept,omitempty"`
	Held   any
	All    []error
	ByName map[string]error
}

func (g *Tagged) Error() string { return "tagged " + strconv.Itoa(g.Kept) }
