package schema

import (
	"fmt"
	"slices"
	"strings"

	"github.com/loopgen/loopgen/rt/internal/cut"
)

// Change is a difference between two signatures.
type Change struct {
	// Path leads to the difference: "parameter 2: User.Address.Zip". Parameters and
	// results are counted from 1, contexts excluded. [] stands for the elements of a
	// slice, an array or a map, and [key] for the keys of a map.
	Path string
	// Was and Is describe the old and the new type, by name if it has one. Was is empty
	// for an addition, Is for a removal.
	Was, Is string

	was, is *node // the types; nil for an addition or a removal
	shifts  bool  // a parameter was added or removed before other parameters
}

// String returns "parameter 1: User.Zip was string, is int".
func (c Change) String() string {
	switch {
	case c.Was == "":
		return fmt.Sprintf("%s is new (%s)", c.Path, cut.Name(c.Is))
	case c.Is == "":
		return fmt.Sprintf("%s is gone (%s)", c.Path, cut.Name(c.Was))
	}
	return fmt.Sprintf("%s was %s, is %s", c.Path, cut.Name(c.Was), cut.Name(c.Is))
}

// Between describes the change for two programs if it is unknown which is older:
// Between("there", "here") returns "parameter 1: User.Zip is int here and string
// there".
func (c Change) Between(was, is string) string {
	side := func(typ string) string {
		if typ == "" {
			return "missing"
		}
		return cut.Name(typ)
	}
	return fmt.Sprintf("%s is %s %s and %s %s", c.Path, side(c.Is), is, side(c.Was), was)
}

// Compare returns the differences of two signatures: none if their texts are equal,
// otherwise at least one. It returns an error if a text is not a signature.
func Compare(was, is string) ([]Change, error) {
	a, err := parseSignature(was)
	if err != nil {
		return nil, err
	}
	b, err := parseSignature(is)
	if err != nil {
		return nil, err
	}
	var c comparison
	c.lists("parameter", a.params, b.params)
	c.lists("result", a.results, b.results)
	return c.complete("the signature", was, is), nil
}

// CompareTypes returns the differences of two lists of types. what names an element in
// paths: "type argument".
func CompareTypes(what, was, is string) ([]Change, error) {
	a, err := parseTypes(was)
	if err != nil {
		return nil, err
	}
	b, err := parseTypes(is)
	if err != nil {
		return nil, err
	}
	var c comparison
	c.lists(what, a, b)
	return c.complete("the list of types", was, is), nil
}

// compareType returns the differences of two types.
func compareType(was, is string) ([]Change, error) {
	a, err := parseType(was)
	if err != nil {
		return nil, err
	}
	b, err := parseType(is)
	if err != nil {
		return nil, err
	}
	c := comparison{label: "it"}
	c.types("", a, b)
	return c.complete("it", was, is), nil
}

// comparison descends into two types while their names are equal.
type comparison struct {
	label   string   // "parameter 2"
	within  []string // the defined types around the current place, the outermost first
	changes []Change
}

// complete adds a change if the texts differ and no place was found.
func (c *comparison) complete(path, was, is string) []Change {
	if was != is && len(c.changes) == 0 {
		c.changes = []Change{{Path: path, Was: was, Is: is}}
	}
	return c.changes
}

// lists compares parameters or results. If one list is longer and the rest of the names
// is equal, the change is the additional elements.
func (c *comparison) lists(what string, was, is []*node) {
	called := func(a, b *node) bool { return c.brief(a) == c.brief(b) }
	both, more := min(len(was), len(is)), max(len(was), len(is))
	front := 0
	for front < both && called(was[front], is[front]) {
		front++
	}
	if behind := both - front; !slices.EqualFunc(was[len(was)-behind:], is[len(is)-behind:], called) {
		front = both // all other additions are at the end
	}
	place := func(i int) string { return fmt.Sprintf("%s %d", what, i+1) }
	for i := range front {
		c.label = place(i)
		c.types("", was[i], is[i])
	}
	for i := front; i < front+more-both; i++ {
		if len(is) > len(was) {
			c.add(Change{Path: place(i), Is: c.brief(is[i]), is: is[i], shifts: front < both})
		} else {
			c.add(Change{Path: place(i), Was: c.brief(was[i]), was: was[i], shifts: front < both})
		}
	}
	for i := front; i < both; i++ { // counted as in the new signature
		c.label = place(i + len(is) - both)
		c.types("", was[i+len(was)-both], is[i+len(is)-both])
	}
}

func (c *comparison) add(change Change) { c.changes = append(c.changes, change) }

// at returns the path to a place inside the current parameter or type.
func (c *comparison) at(inside string) string {
	switch {
	case inside == "":
		return c.label
	case c.label == "it":
		return inside
	}
	return c.label + ": " + inside
}

// types compares two types at a place. Types with different names differ at this place.
// Others may differ further inside.
func (c *comparison) types(inside string, a, b *node) {
	if a.text == b.text {
		return
	}
	was, is := c.brief(a), c.brief(b)
	switch {
	case was != is:
		c.add(Change{Path: c.at(inside), Was: was, Is: is, was: a, is: b})
	case a.kind != b.kind || a.kind == kindOuter:
		// Two types have one name, and one of them is the type around this place.
		c.add(Change{Path: c.at(inside), Was: a.text, Is: b.text, was: a, is: b})
	case a.kind == kindPrefix && strings.HasPrefix(a.name, "["):
		c.types(below(inside, "[]"), a.elem, b.elem)
	case a.kind == kindPrefix:
		c.types(inside, a.elem, b.elem)
	case a.kind == kindMap:
		c.types(below(inside, "[key]"), a.key, b.key)
		c.types(below(inside, "[]"), a.elem, b.elem)
	case a.kind == kindStruct:
		if inside == "" {
			inside = "struct"
		}
		c.fields(inside, a, b)
	case a.kind == kindNamed:
		if inside == "" {
			inside = cut.Name(a.name)
		}
		c.within = append(c.within, a.name)
		c.types(inside, a.elem, b.elem)
		c.within = c.within[:len(c.within)-1]
	}
}

// below extends a path. At the beginning of a path the name of the type itself
// identifies the place.
func below(inside, step string) string {
	if inside == "" {
		return ""
	}
	return inside + step
}

func (c *comparison) fields(inside string, a, b *node) {
	found := len(c.changes)
	for _, f := range a.fields {
		if g := b.field(f.name); g != nil {
			c.types(inside+"."+cut.Name(f.name), f.typ, g)
		} else {
			c.add(Change{Path: c.at(inside + "." + cut.Name(f.name)), Was: c.brief(f.typ), was: f.typ})
		}
	}
	for _, f := range b.fields {
		if a.field(f.name) == nil {
			c.add(Change{Path: c.at(inside + "." + cut.Name(f.name)), Is: c.brief(f.typ), is: f.typ})
		}
	}
	if len(c.changes) == found {
		c.add(Change{Path: c.at("the order of the fields of " + inside), Was: a.fieldNames(), Is: b.fieldNames(), was: a, is: b})
	}
}

// field returns the type of the field of that name, or nil.
func (n *node) field(name string) *node {
	for _, f := range n.fields {
		if f.name == name {
			return f.typ
		}
	}
	return nil
}

func (n *node) fieldNames() string {
	var names []string
	for _, f := range n.fields {
		names = append(names, f.name)
	}
	return strings.Join(names, ", ")
}

// brief returns a type without the contents of the named types in it.
func (c *comparison) brief(n *node) string {
	switch n.kind {
	case kindNamed:
		return n.name
	case kindPrefix:
		return n.name + c.brief(n.elem)
	case kindMap:
		return "map[" + c.brief(n.key) + "]" + c.brief(n.elem)
	case kindStruct:
		return "struct{…}"
	case kindOuter:
		if i := len(c.within) - n.number; n.number > 0 && i >= 0 {
			return c.within[i]
		}
	}
	return n.text
}
