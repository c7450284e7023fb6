package schema

import (
	"fmt"
	"slices"
	"strings"
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

	was, is *Type // the types; nil for an addition or a removal
	shifts  bool  // a parameter was added or removed before other parameters
}

// String returns "parameter 1: User.Zip was string, is int".
func (c Change) String() string {
	switch {
	case c.Was == "":
		return fmt.Sprintf("%s is new (%s)", c.Path, short(c.Is))
	case c.Is == "":
		return fmt.Sprintf("%s is gone (%s)", c.Path, short(c.Was))
	}
	return fmt.Sprintf("%s was %s, is %s", c.Path, short(c.Was), short(c.Is))
}

// Between describes the change for two programs if it is unknown which is older:
// Between("there", "here") returns "parameter 1: User.Zip is int here and string
// there".
func (c Change) Between(was, is string) string {
	side := func(typ string) string {
		if typ == "" {
			return "missing"
		}
		return short(typ)
	}
	return fmt.Sprintf("%s is %s %s and %s %s", c.Path, side(c.Is), is, side(c.Was), was)
}

// Compare returns the differences of two signatures: none if their texts are equal,
// otherwise at least one. It returns an error if a text is not a signature.
func Compare(was, is string) ([]Change, error) {
	a, b, err := both(was, is, ParseSignature)
	if err != nil {
		return nil, err
	}
	var c comparison
	c.lists("parameter", a.Params, b.Params)
	c.lists("result", a.Results, b.Results)
	return c.complete("the signature", was, is), nil
}

// CompareTypes returns the differences of two lists of types. what names an element in
// paths: "type argument". It returns an error if a text is no such list.
func CompareTypes(what, was, is string) ([]Change, error) {
	a, b, err := both("func("+was+")", "func("+is+")", ParseSignature)
	if err != nil {
		return nil, err
	}
	var c comparison
	c.lists(what, a.Params, b.Params)
	return c.complete("the list of types", was, is), nil
}

// compareType returns the differences of two types.
func compareType(was, is string) ([]Change, error) {
	a, b, err := both(was, is, ParseType)
	if err != nil {
		return nil, err
	}
	c := comparison{label: "it"}
	c.types("", a, b)
	return c.complete("it", was, is), nil
}

func both[T any](was, is string, parse func(string) (T, error)) (a, b T, err error) {
	if a, err = parse(was); err == nil {
		b, err = parse(is)
	}
	return a, b, err
}

// comparison descends into two types while their names are equal.
type comparison struct {
	label   string   // "parameter 2"
	within  []string // the defined types around the current place, the outermost first
	changes []Change
}

// complete returns no changes if the texts are equal, and otherwise at least one. Equal
// texts have changes if a struct has several fields of one name.
func (c *comparison) complete(path, was, is string) []Change {
	switch {
	case was == is:
		return nil
	case len(c.changes) == 0:
		return []Change{{Path: path, Was: was, Is: is}}
	}
	return c.changes
}

// lists compares parameters or results. If one list is longer and the rest of the names
// is equal, the change is the additional elements.
func (c *comparison) lists(what string, was, is []*Type) {
	called := func(a, b *Type) bool { return c.brief(a) == c.brief(b) }
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
func (c *comparison) types(inside string, a, b *Type) {
	was, is := c.brief(a), c.brief(b)
	switch {
	case was != is:
		c.add(Change{Path: c.at(inside), Was: was, Is: is, was: a, is: b})
	case a.Kind != b.Kind || a.Number != b.Number:
		// Two types have one name, and one of them is the type around this place.
		c.add(Change{Path: c.at(inside), Was: a.String(), Is: b.String(), was: a, is: b})
	case a.Kind == Prefix && strings.HasPrefix(a.Name, "["):
		c.types(below(inside, "[]"), a.Elem, b.Elem)
	case a.Kind == Prefix:
		c.types(inside, a.Elem, b.Elem)
	case a.Kind == Map:
		c.types(below(inside, "[key]"), a.Key, b.Key)
		c.types(below(inside, "[]"), a.Elem, b.Elem)
	case a.Kind == Struct:
		if inside == "" {
			inside = "struct"
		}
		c.fields(inside, a, b)
	case a.Kind == Defined:
		if inside == "" {
			inside = short(a.Name)
		}
		c.within = append(c.within, a.Name)
		c.types(inside, a.Elem, b.Elem)
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

func (c *comparison) fields(inside string, a, b *Type) {
	found := len(c.changes)
	for _, f := range a.Fields {
		if g := b.field(f.Name); g != nil {
			c.types(inside+"."+short(f.Name), f.Type, g)
		} else {
			c.add(Change{Path: c.at(inside + "." + short(f.Name)), Was: c.brief(f.Type), was: f.Type})
		}
	}
	for _, f := range b.Fields {
		if a.field(f.Name) == nil {
			c.add(Change{Path: c.at(inside + "." + short(f.Name)), Is: c.brief(f.Type), is: f.Type})
		}
	}
	if was, is := a.fieldNames(), b.fieldNames(); len(c.changes) == found && was != is {
		c.add(Change{Path: c.at("the order of the fields of " + inside), Was: was, Is: is, was: a, is: b})
	}
}

// field returns the type of the field of that name, or nil.
func (t *Type) field(name string) *Type {
	for _, f := range t.Fields {
		if f.Name == name {
			return f.Type
		}
	}
	return nil
}

func (t *Type) fieldNames() string {
	var names []string
	for _, f := range t.Fields {
		names = append(names, f.Name)
	}
	return strings.Join(names, ", ")
}

// brief returns a type without the contents of the structs and defined types in it.
func (c *comparison) brief(t *Type) string {
	p := printer{brief: true, within: c.within}
	p.typ(t)
	return p.String()
}

// short returns a name for a message, cut to 100 characters.
func short(name string) string {
	if fmt.Sprintf("%.100s", name) == name {
		return name
	}
	return fmt.Sprintf("%.99s…", name)
}
