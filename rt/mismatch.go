package rt

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/value"
	"github.com/loopgen/loopgen/rt/schema"
)

// mismatch returns the error of a client whose configuration differs from that of the
// daemon of an endpoint.
func (c *client) mismatch(e *rundir.Endpoint) error {
	return fmt.Errorf("%w: %s; the daemon has pid %d: use the same constructor and arguments, choose another Config.Name, or call Shutdown first",
		ErrConfigMismatch, c.configDifference(e), e.PID)
}

// configDifference describes how the daemon's configuration differs from the client's, as
// far as the endpoint shows it.
func (c *client) configDifference(e *rundir.Endpoint) string {
	switch {
	case e.Constructor == "" || c.svc.Constructor == "": // none, or the endpoint does not say
		return "the constructor or its arguments differ"
	case e.Constructor != c.svc.Constructor:
		return fmt.Sprintf("the constructor is %s here and %s in the daemon", cut.Name(c.svc.Constructor), cut.Name(e.Constructor))
	}
	differences := configDifferences(c.parts, e.Arguments)
	if len(differences) == 0 {
		return "the arguments of " + cut.Name(e.Constructor) + " differ"
	}
	texts := make([]string, len(differences))
	for i, d := range differences {
		texts[i] = fmt.Sprintf("argument %d of %s (%s) differs", d.number, cut.Name(e.Constructor), cut.Name(d.typ))
		if fields := d.fields; len(fields) > 0 {
			if more := len(fields) - listedFields; more > 0 {
				fields = append(slices.Clone(fields[:listedFields]), fmt.Sprintf("%d more", more))
			}
			texts[i] += " in " + strings.Join(fields, ", ")
		}
	}
	return strings.Join(texts, " and ")
}

// listedFields is how many fields of an argument the error names.
const listedFields = 5

// configDifference is an argument with different values here and in the daemon.
type configDifference struct {
	number int // of the argument, from 1
	typ    string
	fields []string // of a struct; empty: not known, or not a struct
}

// configDifferences compares the nonzero parts of two configurations.
func configDifferences(ours []value.ConfigPart, theirs []rundir.ArgumentLine) (differences []*configDifference) {
	type position struct {
		number int
		field  string
	}
	values := make(map[position]string)
	for _, part := range theirs {
		values[position{part.Number, part.Field}] = part.Hash
	}
	differ := func(number int, typ, field string) {
		i := slices.IndexFunc(differences, func(d *configDifference) bool { return d.number == number })
		if i < 0 {
			i = len(differences)
			differences = append(differences, &configDifference{number: number, typ: typ})
		}
		if field != "" && !slices.Contains(differences[i].fields, field) {
			differences[i].fields = append(differences[i].fields, field)
		}
	}
	for _, part := range ours {
		at := position{part.Number, part.Field}
		if values[at] != part.Hash {
			differ(part.Number, part.Type, part.Field)
		}
		delete(values, at)
	}
	for _, part := range theirs { // not over values, which has no order
		if _, left := values[position{part.Number, part.Field}]; left {
			differ(part.Number, part.Type, part.Field)
		}
	}
	// Pointers share the code of SortFunc, which has 13 KB for each other type.
	slices.SortFunc(differences, func(a, b *configDifference) int { return a.number - b.number })
	return differences
}

// signatureError is an ErrIncompatible: this program and the daemon have different
// signatures of a method, or different type arguments.
type signatureError struct {
	method       string // "Put: ", or empty for type arguments
	difference   string // the first one, or that there is one
	ours, theirs string // complete texts
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
		e.difference = "the type arguments differ from those " + there
	} else {
		changes, err = schema.Compare(theirs, ours)
		e.method = cut.Name(method) + ": "
		e.difference = "the signature differs from that " + there
	}
	// The daemon's text may be left out for its size, and a newer daemon may use another
	// grammar.
	if err == nil && len(changes) > 0 {
		e.difference = changes[0].Between(there, "here")
	}
	return e
}

func (e *signatureError) Error() string {
	return fmt.Sprintf("%v: %s%s; %s", ErrIncompatible, e.method, e.difference, e.remedy)
}

func (e *signatureError) Is(target error) bool { return target == ErrIncompatible }

// signatures returns both signatures, each on its own line.
func (e *signatureError) signatures() string {
	return fmt.Sprintf("\nhere:          %s\nin the daemon: %s", e.ours, cmp.Or(e.theirs, "not in the endpoint, which has no room for it"))
}

// format prints the text of err. For %+v it adds the two signatures if err wraps a
// signatureError. plain is err without its methods, for %#v.
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

// Format implements [fmt.Formatter]: %+v prints the text of Error and, for an
// ErrIncompatible, both complete signatures.
func (e *CallError) Format(s fmt.State, verb rune) {
	type plain CallError
	format(s, verb, e, (*plain)(e))
}

// Format implements [fmt.Formatter]: %+v prints the text of Error and, for an
// ErrIncompatible, the complete type arguments of both programs.
func (e *StartError) Format(s fmt.State, verb rune) {
	type plain StartError
	format(s, verb, e, (*plain)(e))
}
