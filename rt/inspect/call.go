package inspect

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/inspect/internal/jsonvalue"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/schema"
)

// verdictTime is how long Call waits for the verdict after it has canceled a call.
const verdictTime = 2 * time.Second

// Callable is a method that can be called with JSON. It is not changed after it was made.
type Callable struct {
	Name    string
	Params  []Param
	Results []string // the types, as signatures spell them; the last one may be error

	daemon *Daemon
	number int
	sig    *schema.Signature
	codec  jsonvalue.Codec
}

// Param is a parameter that is no context.
type Param struct {
	Name  string // empty if the daemon's program does not have it
	Type  string // as signatures spell it
	Brief string // Type for people: without import paths and contents
	Text  bool   // an argument is a JSON string: a text, a time, a duration, or an error's message
	// Bytes says that the argument is bytes, in base64. With Length the method fills a
	// buffer, and the argument is the number of its bytes, or null.
	Bytes, Length bool
}

// UsageError says that a method cannot be called in this way. Nothing was sent.
type UsageError struct{ Err error }

// Error returns the text of Err.
func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *UsageError) Unwrap() error { return e.Err }

// MethodError is an error that the method returned.
type MethodError struct {
	Message string
	Type    string          // the Go type
	Tree    json.RawMessage // the error with all errors that it wraps
	// Structured says that Tree has more than the message and the type.
	Structured bool
}

// Error returns Message.
func (e *MethodError) Error() string { return e.Message }

// Reply is the result of a call.
type Reply struct {
	Results []json.RawMessage // without the error
	// Changed are the arguments that came back, as the method has left them.
	Changed []Changed
	Err     *MethodError // nil if the method returned none
}

// Changed is an argument as the method has left it.
type Changed struct {
	Index int    // of the parameter
	Name  string // of the parameter; empty if not known
	Value json.RawMessage
}

// Method returns the method of that name, with what the daemon says about its types. The
// error is a *UsageError if there is no such method, or if its signature is not known, and
// otherwise like that of Status.
func (d *Daemon) Method(ctx context.Context, name string) (*Callable, error) {
	if !d.Lives() {
		return nil, d.notRunning()
	}
	s, err := d.Status(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(s.Methods, func(m rt.MethodStatus) bool { return m.Name == name })
	var line *rundir.MethodLine
	for j := range d.endpoint.Methods {
		if d.endpoint.Methods[j].Name == name {
			line = &d.endpoint.Methods[j]
		}
	}
	if i < 0 || line == nil {
		return nil, &UsageError{fmt.Errorf("%s has no method %q", d.Service, name)}
	}
	m := &Callable{Name: name, daemon: d, number: line.Number, codec: jsonvalue.Codec{Types: s.Types}}
	if m.sig, err = schema.ParseSignature(s.Methods[i].Signature); err != nil {
		return nil, &UsageError{err}
	}
	for j, t := range m.sig.Params {
		p := Param{Type: t.String()}
		if names := s.Methods[i].Params; len(names) == len(m.sig.Params) {
			p.Name = names[j]
		}
		mode, inner := copiedBack(t)
		p.Brief = new(declarer).brief(inner)
		p.Text, p.Bytes, p.Length = m.codec.IsText(inner), m.codec.IsBytes(inner), mode == "out"
		m.Params = append(m.Params, p)
	}
	for _, t := range m.sig.Results {
		m.Results = append(m.Results, t.String())
	}
	return m, nil
}

// copiedBack returns "out", "inout" or "compared" for a parameter that is copied back, and
// the type of its argument.
func copiedBack(t *schema.Type) (mode string, inner *schema.Type) {
	if mode, ok := strings.CutSuffix(t.Name, " "); ok && t.Kind == schema.Prefix {
		return mode, t.Elem
	}
	return "", t
}

// buffer is the type of the result of an out parameter, and lengthType that of its argument.
var buffer, lengthType = schema.SliceOf(schema.NewWord("uint8")), schema.PointerTo(schema.NewWord("int"))

// encode returns the arguments in CBOR.
func (m *Callable) encode(args []json.RawMessage) ([][]byte, error) {
	if len(args) != len(m.Params) {
		return nil, &UsageError{fmt.Errorf("%s takes %d arguments, not %d", m.Name, len(m.Params), len(args))}
	}
	items := make([][]byte, len(args))
	for i, t := range m.sig.Params {
		mode, inner := copiedBack(t)
		if mode == "out" {
			inner = lengthType
		}
		item, err := m.codec.Encode(inner, args[i])
		if err != nil {
			what := fmt.Sprintf("argument %d", i+1)
			if m.Params[i].Name != "" {
				what = "argument " + m.Params[i].Name
			}
			return nil, &UsageError{fmt.Errorf("%s: %w", what, err)}
		}
		items[i] = item
	}
	return items, nil
}

// decode returns the reply to a call with these arguments.
func (m *Callable) decode(args [][]byte, body []byte) (*Reply, error) {
	h, ok := wire.ReadHead(body, 0)
	if !ok || h.Major != wire.MajorArray {
		return nil, errors.New("the reply is no array")
	}
	rest, err := body[h.End:], error(nil)
	r := new(Reply)
	results := m.sig.Results
	fails := len(results) > 0 && results[len(results)-1].String() == "error"
	if fails {
		results = results[:len(results)-1]
	}
	next := func(t *schema.Type) (text json.RawMessage) {
		if err == nil {
			text, rest, err = m.codec.Decode(t, rest)
		}
		return text
	}
	for _, t := range results {
		r.Results = append(r.Results, next(t))
	}
	for i, t := range m.sig.Params {
		c := Changed{Index: i, Name: m.Params[i].Name}
		switch mode, inner := copiedBack(t); mode {
		case "":
			continue
		case "out":
			c.Value = next(buffer)
		case "inout":
			c.Value = next(inner)
		default:
			var now []byte
			if err == nil {
				now, rest, err = m.codec.Apply(inner, args[i], rest)
			}
			if err == nil {
				c.Value, _, err = m.codec.Decode(inner, now)
			}
		}
		r.Changed = append(r.Changed, c)
	}
	if fails {
		if tree := next(schema.NewWord("error")); err == nil && string(tree) != "null" {
			r.Err = &MethodError{Tree: tree}
			r.Err.Message, r.Err.Type, r.Err.Structured = describeError(tree)
		}
	}
	if err == nil && len(rest) > 0 {
		err = errors.New("the reply has more values than the signature")
	}
	return r, err
}

// describeError returns the message and the type of an error, and whether it has more.
func describeError(tree []byte) (message, typ string, more bool) {
	var e struct {
		Message any
		Type    string
		Wraps   []json.RawMessage
		Data    json.RawMessage
	}
	_ = json.Unmarshal(tree, &e) // the tree was made here
	more = len(e.Wraps) > 0 || e.Data != nil
	switch m := e.Message.(type) {
	case string:
		return m, e.Type, more
	case nil: // joined
		var lines []string
		for _, part := range e.Wraps {
			line, _, _ := describeError(part)
			lines = append(lines, line)
		}
		return strings.Join(lines, "\n"), e.Type, more
	}
	return fmt.Sprint(e.Message), e.Type, more
}

// Call calls the method, as an ordinary client of this user. Each argument is JSON, as
// package rt/inspect/internal/jsonvalue describes it and OPERATIONS.md of package rt. If ctx
// ends, Call cancels the call and waits up to 2 s for the daemon to say whether it was
// executed.
//
// The error is a *UsageError if an argument does not fit its parameter. If the daemon was
// not reached, it is like that of Status. Otherwise it is an *rt.CallError, whose Outcome
// says whether the method was executed. An error of the method's own is in the Reply. What
// the call acquires, as with Lock, is released when Call returns. Call may be called
// concurrently.
func (m *Callable) Call(ctx context.Context, args []json.RawMessage) (*Reply, error) {
	items, err := m.encode(args)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, m.failed(rt.OutcomeNotSent, err)
	}
	d := m.daemon
	conn, reader, welcome, err := d.greet(ctx)
	if err != nil {
		return nil, d.explain(ctx, err)
	}
	defer conn.Close()
	if err := d.admitted(welcome); err != nil {
		return nil, err
	}
	body := binary.BigEndian.AppendUint16([]byte{0x99}, uint16(len(items))) // an array
	frame := wire.Frame{Kind: wire.KindCall, ID: 1, Method: uint16(m.number), Body: append(body, slices.Concat(items...)...)}
	if until, ok := ctx.Deadline(); ok {
		frame.Deadline = max(time.Until(until), 1)
	}
	if len(frame.Body) > welcome.Frame {
		return nil, &UsageError{fmt.Errorf("%w: the arguments have %d bytes, the daemon takes %d", rt.ErrTooLarge, len(frame.Body), welcome.Frame)}
	}
	answer, err := m.exchange(ctx, conn, reader, frame)
	if err != nil {
		return nil, err
	}
	r, err := m.decode(items, answer.Body)
	if err != nil {
		return nil, m.failed(rt.OutcomeExecuted, fmt.Errorf("read the reply: %w", err))
	}
	return r, nil
}

// failed returns the error of a call.
func (m *Callable) failed(outcome rt.Outcome, err error) error {
	return &rt.CallError{Method: m.daemon.Service + "." + m.Name, Outcome: outcome, Incarnation: m.daemon.endpoint.Incarnation, Err: err}
}

// admitted returns the error of a welcome that allows no calls.
func (d *Daemon) admitted(w wire.Welcome) error {
	kind := rt.ErrIncompatible
	switch w.Code {
	case wire.WelcomeOK:
		return nil
	case wire.WelcomeDraining:
		kind = rt.ErrDraining
	case wire.WelcomeTooManyClients:
		kind = rt.ErrTooManyClients
	case wire.WelcomeNotAllowed:
		kind = rt.ErrNotAllowed
	}
	return refusalError{error: fmt.Errorf("%w: %s", kind, w.Text)}
}

// exchange sends a call and returns the reply. After ctx has ended it sends a cancel and
// waits for the answer no longer than verdictTime.
func (m *Callable) exchange(ctx context.Context, conn net.Conn, reader *wire.Reader, call wire.Frame) (wire.Frame, error) {
	sent := make(chan struct{}) // closed when no write of the call is under way
	ended := make(chan struct{})
	uncancel := context.AfterFunc(ctx, func() {
		defer close(ended)
		conn.SetDeadline(time.Now().Add(verdictTime))
		<-sent
		cancel := wire.Frame{Kind: wire.KindCancel, ID: call.ID, Method: wire.CancelCaller}
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			cancel.Method = wire.CancelDeadline
		}
		if b, err := cancel.Append(nil); err == nil {
			_, _ = conn.Write(b) // if it fails, so does reading
		}
	})
	defer uncancel() // also if the call is not sent: ctx may outlive it
	frame, err := call.Append(nil)
	if err != nil {
		close(sent)
		return wire.Frame{}, &UsageError{err}
	}
	_, err = conn.Write(frame)
	close(sent)
	if err != nil {
		return wire.Frame{}, m.failed(rt.OutcomeNotSent, m.cause(ctx, err))
	}
	answer, outcome, err := receive(reader, call.ID)
	if !uncancel() {
		<-ended
	}
	if err != nil {
		return wire.Frame{}, m.failed(outcome, m.cause(ctx, err))
	}
	if answer.Kind == wire.KindError {
		return wire.Frame{}, m.refused(answer.Body)
	}
	return answer, nil
}

// receive returns the answer to the call id. After an error it returns what became of the
// call.
func receive(reader *wire.Reader, id uint64) (wire.Frame, rt.Outcome, error) {
	outcome := rt.OutcomeUnknown
	for {
		f, err := reader.Next()
		switch {
		case err != nil:
			return f, outcome, err
		case f.ID == id && (f.Kind == wire.KindReply || f.Kind == wire.KindError):
			return f, outcome, nil
		case f.Kind == wire.KindGoingAway:
			if g, err := wire.ParseGoingAway(f.Body); err == nil && id > g.Last {
				outcome = rt.OutcomeNotExecuted
			}
		}
	}
}

// cause returns why a call has no answer.
func (m *Callable) cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("process %d has ended or hung up: %w", m.daemon.PID, err)
}

// refused returns the error in an error frame.
func (m *Callable) refused(body []byte) error {
	f, err := wire.ParseFailure(body)
	if err != nil {
		return m.failed(rt.OutcomeUnknown, err)
	}
	outcome := rt.OutcomeNotExecuted
	if f.Executed {
		outcome = rt.OutcomeExecuted
	}
	kinds := map[wire.FailureCode]error{
		wire.FailureCanceled: context.Canceled, wire.FailureDeadline: context.DeadlineExceeded, wire.FailureDraining: rt.ErrDraining,
		wire.FailureBadArguments: rt.ErrBadArguments, wire.FailureNoMethod: rt.ErrNoMethod, wire.FailureTooLarge: rt.ErrTooLarge,
		wire.FailureNotEncodable: rt.ErrEncode, wire.FailureReentrant: rt.ErrReentrant, wire.FailureNotAllowed: rt.ErrNotAllowed,
	}
	switch kind := kinds[f.Code]; {
	case f.Code == wire.FailurePanic, f.Code == wire.FailureGoexit:
		err = &rt.PanicError{Value: f.Value, Stack: f.Stack, Log: m.daemon.Log}
	case kind != nil && f.Blocked != "":
		err = fmt.Errorf("%w while %s", kind, f.Blocked)
	case kind != nil && f.Text != "":
		err = fmt.Errorf("%w: %s", kind, f.Text)
	case kind != nil:
		err = kind
	default:
		err = fmt.Errorf("the daemon refused: %v: %s", f.Code, f.Text)
	}
	return m.failed(outcome, err)
}
