package rt

import (
	"fmt"
	"slices"
	"strings"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/stub"
)

// mismatch is the error of a client that means another object than the daemon behind
// the endpoint has.
func (c *client) mismatch(e *rundir.Endpoint) error {
	return fmt.Errorf("%w: %s; the daemon has pid %d: use the same constructor and arguments, choose another Config.Name, or call Shutdown first",
		ErrConfigMismatch, c.configDifference(e), e.PID)
}

// configDifference says in what the configuration of the daemon differs from the
// client's, as far as the endpoint tells.
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

// configDifference is an argument with another value.
type configDifference struct {
	number int // its place, from 1
	typ    string
	fields []string // of a struct; empty: not known, or it is no struct
}

// configDifferences compares what is not zero of two configurations.
func configDifferences(ours []stub.ConfigPart, theirs []rundir.ArgumentLine) (differences []configDifference) {
	type place struct {
		number int
		field  string
	}
	values := make(map[place]string)
	for _, part := range theirs {
		values[place{part.Number, part.Field}] = part.Hash
	}
	differ := func(number int, typ, field string) {
		i := slices.IndexFunc(differences, func(d configDifference) bool { return d.number == number })
		if i < 0 {
			i = len(differences)
			differences = append(differences, configDifference{number: number, typ: typ})
		}
		if field != "" && !slices.Contains(differences[i].fields, field) {
			differences[i].fields = append(differences[i].fields, field)
		}
	}
	for _, part := range ours {
		at := place{part.Number, part.Field}
		if values[at] != part.Hash {
			differ(part.Number, part.Type, part.Field)
		}
		delete(values, at)
	}
	for _, part := range theirs { // in their order
		if _, left := values[place{part.Number, part.Field}]; left {
			differ(part.Number, part.Type, part.Field)
		}
	}
	slices.SortFunc(differences, func(a, b configDifference) int { return a.number - b.number })
	return differences
}
