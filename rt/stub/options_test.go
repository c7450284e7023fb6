package stub

import (
	"errors"
	"testing"
)

type testOption func(*int)

// Without options the message is as if the parameter did not exist; with any there is
// no message.
func TestRefuse(t *testing.T) {
	for _, test := range []struct {
		options []testOption
		want    string
	}{
		{nil, ""},
		{[]testOption{}, ""},
		{[]testOption{nil}, "encode value 1: opts: a stub.testOption cannot leave the process: call the method without options, or share a type whose method sets them in the daemon"},
	} {
		e := NewEncoder(nil, 1<<10)
		Refuse(Args1("key"), "opts", test.options)(e)
		message, err := e.Finish()
		if test.want == "" {
			without := NewEncoder(nil, 1<<10)
			Encode(without, "key")
			if want, _ := without.Finish(); err != nil || string(message) != string(want) {
				t.Errorf("got %x, %v, want %x", message, err, want)
			}
			continue
		}
		var place *EncodeError
		if !errors.As(err, &place) || err.Error() != test.want {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
}
