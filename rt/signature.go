package rt

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/schema"
)

// signatureError is an ErrIncompatible: this program and the daemon have different
// signatures of a method, or different type arguments.
type signatureError struct {
	what         string // "Put: ", or empty if the place says it
	place        string // the first difference, or that there is one
	ours, theirs string // in whole
	remedy       string
}

// newSignatureError compares two signatures or, if method is empty, two lists of
// type arguments.
func newSignatureError(method, ours, theirs string, pid int, remedy string) *signatureError {
	e := &signatureError{ours: ours, theirs: theirs, remedy: remedy}
	there := fmt.Sprintf("in the daemon (pid %d)", pid)
	var changes []schema.Change
	var err error
	if method == "" {
		changes, err = schema.CompareTypes("type argument", theirs, ours)
		e.place = "the type arguments differ from those " + there
	} else {
		changes, err = schema.Compare(theirs, ours)
		e.what = cut.Name(method) + ": "
		e.place = "the signature differs from that " + there
	}
	// The endpoint may have no room for their text, and a newer daemon another grammar.
	if err == nil && len(changes) > 0 {
		e.place = changes[0].Between(there, "here")
	}
	return e
}

func (e *signatureError) Error() string {
	return fmt.Sprintf("%v: %s%s; %s", ErrIncompatible, e.what, e.place, e.remedy)
}

func (e *signatureError) Is(target error) bool { return target == ErrIncompatible }

// signatures returns both, a line each.
func (e *signatureError) signatures() string {
	return fmt.Sprintf("\nhere:          %s\nin the daemon: %s", e.ours, cmp.Or(e.theirs, "not in the endpoint, which has no room for it"))
}

// format prints what err's Error method returns and, for %+v, the signatures that
// differ if err wraps a signatureError. Plain is err without its methods, for %#v.
func format(s fmt.State, verb rune, err error, plain any) {
	switch {
	case verb == 'v' && s.Flag('#'):
		text := fmt.Sprintf("%#v", plain)
		io.WriteString(s, "&"+fmt.Sprintf("%T", err)[1:]+text[strings.IndexByte(text, '{'):])
	case verb == 'v' && s.Flag('+'):
		io.WriteString(s, err.Error())
		if d, ok := errors.AsType[*signatureError](err); ok {
			io.WriteString(s, d.signatures())
		}
	default:
		fmt.Fprintf(s, fmt.FormatString(s, verb), err.Error())
	}
}

// Format implements [fmt.Formatter]: %+v prints what Error returns and, for an
// ErrIncompatible, both signatures in whole.
func (e *CallError) Format(s fmt.State, verb rune) {
	type plain CallError
	format(s, verb, e, (*plain)(e))
}

// Format implements [fmt.Formatter]: %+v prints what Error returns and, for an
// ErrIncompatible, the type arguments of both programs in whole.
func (e *StartError) Format(s fmt.State, verb rune) {
	type plain StartError
	format(s, verb, e, (*plain)(e))
}
