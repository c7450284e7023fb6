package wire_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

type messageVector struct {
	Name, Comment string
	Kind          string
	Input         hexBytes
	Verdict       string
	Meaning       json.RawMessage
}

// parse decodes a message and returns it with a value for the vector's meaning.
func parse(kind string, body []byte) (message any, meaning any, err error) {
	switch kind {
	case "error":
		f, err := wire.ParseFailure(body)
		return f, new(wire.Failure), err
	case "shutdown":
		s, err := wire.ParseShutdown(body)
		return s, new(wire.Shutdown), err
	case "going-away":
		g, err := wire.ParseGoingAway(body)
		return g, new(wire.GoingAway), err
	case "hello":
		h, err := wire.ParseHello(body)
		return h, new(clientVector), err
	case "welcome":
		var w wire.Welcome
		err := wire.UnmarshalOpen(body, &w)
		return w, new(wire.Welcome), err
	case "challenge":
		var c wire.Challenge
		err := wire.UnmarshalOpen(body, &c)
		return c, new(struct {
			Version              uint
			Nonce                hexBytes
			Incarnation, Address string
			Proof                hexBytes
		}), err
	case "proof":
		var p wire.Proof
		err := wire.UnmarshalOpen(body, &p)
		return p, new(struct{ Proof hexBytes }), err
	}
	panic("no such message: " + kind)
}

func TestMessageVectors(t *testing.T) {
	for _, v := range vectors[[]messageVector](t, "messages.json") {
		t.Run(v.Name, func(t *testing.T) {
			message, meaning, err := parse(v.Kind, v.Input)
			if got := verdict(err); got != v.Verdict {
				t.Fatalf("got %q (%v), want %q", got, err, v.Verdict)
			}
			if err != nil {
				return
			}
			if err := json.Unmarshal(v.Meaning, meaning); err != nil {
				t.Fatal(err)
			}
			want := reflect.ValueOf(meaning).Elem().Interface()
			if c, ok := want.(clientVector); ok {
				want = c.hello()
			}
			if got, want := plain(message), plain(want); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if strings.Contains(v.Name, "later version") {
				return
			}
			if again, err := wire.Marshal(message); err != nil || !bytes.Equal(again, v.Input) {
				t.Errorf("written: got %x, %v, want %x", again, err, []byte(v.Input))
			}
		})
	}
}

// plain prints the fields of a message without the name of its type.
func plain(v any) string {
	var s strings.Builder
	for i := range reflect.ValueOf(v).NumField() {
		if f := reflect.TypeOf(v).Field(i); f.IsExported() {
			fmt.Fprintf(&s, "%s=%q ", f.Name, fmt.Sprint(reflect.ValueOf(v).Field(i)))
		}
	}
	return s.String()
}

// A failure can always be encoded, for every value of a method's panic.
func TestFailureCanBeSent(t *testing.T) {
	f := wire.Failure{Code: wire.FailurePanic, Executed: true, Text: "a\xffb", Value: strings.Repeat("é", wire.MaxText), Stack: "x" + strings.Repeat("é", wire.MaxText)}
	for _, v := range []any{f, &f} {
		body, err := wire.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		got, err := wire.ParseFailure(body)
		if err != nil {
			t.Fatal(err)
		}
		if got.Text != "a\ufffdb" || got.Code != f.Code || !got.Executed {
			t.Errorf("got %v %v %q", got.Code, got.Executed, got.Text)
		}
		for _, s := range []string{got.Value, got.Stack} {
			if len(s) > wire.MaxText || len(s) < wire.MaxText-3 || !utf8.ValidString(s) {
				t.Errorf("got %d bytes, want about %d of UTF-8", len(s), wire.MaxText)
			}
		}
	}
}

func TestCodesHaveNames(t *testing.T) {
	for code := wire.FailureCanceled; code <= wire.FailureLostChange; code++ {
		if s := code.String(); s == "" || strings.Contains(s, "code") {
			t.Errorf("failure %d: got %q", uint(code), s)
		}
	}
	for _, c := range []struct{ got, want string }{
		{wire.FailureCode(0).String(), "failure code 0"},
		{(wire.FailureLostChange + 1).String(), "failure code 17"},
		{wire.FailureCode(1 << 31).String(), "failure code 2147483648"},
		{wire.WelcomeCode(0).String(), "welcome code 0"},
		{wire.WelcomeTooManyClients.String(), "too many clients"},
		{wire.FailureReentrant.String(), "reentrant"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func FuzzFailure(f *testing.F) {
	for _, v := range vectors[[]messageVector](f, "messages.json") {
		f.Add([]byte(v.Input))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		_, _ = wire.ParseShutdown(body)
		_, _ = wire.ParseGoingAway(body)
		failure, err := wire.ParseFailure(body)
		if err != nil {
			return
		}
		again, err := wire.Marshal(failure)
		if err != nil {
			t.Fatalf("the message that was read cannot be written: %v", err)
		}
		if got, err := wire.ParseFailure(again); err != nil || len(failure.Text) <= wire.MaxText && got.Text != failure.Text {
			t.Errorf("got %+v, %v, want %+v", got, err, failure)
		}
	})
}
