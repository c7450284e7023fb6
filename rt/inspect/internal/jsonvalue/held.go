package jsonvalue

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/schema"
)

// registered returns the type with that name on the wire, and whether it is known.
func (c *Codec) registered(name string) (t *schema.Type, known bool, err error) {
	text, ok := c.Types[name]
	if !ok {
		return nil, false, nil
	}
	t, err = schema.ParseType(text)
	return t, err == nil, err
}

// held appends the value in an interface: null, or the name of its type and the value.
func (e *encoder) held(p place, n *node) error {
	if n == nil || n.kind == 'n' {
		return e.null()
	}
	name := ""
	switch n.kind {
	case '"':
		name = "string"
	case 't', 'f':
		name = "bool"
	case '[':
		name = "[]any"
	case 0:
		name = "int"
		if n.isFloat() {
			name = "float64"
		}
	default:
		if name = "map[string]any"; slices.ContainsFunc(n.names, func(name string) bool { return strings.HasPrefix(name, "$") }) {
			var err error
			if name, n, err = typed(n); err != nil {
				return err
			}
		}
	}
	t, err := schema.ParseType(name)
	if err != nil {
		return fmt.Errorf("%.60q is no name of a type%s", name, e.suggest())
	}
	if t, err = e.full(t); err != nil {
		return err
	}
	name = t.String()
	e.head(wire.MajorArray, 2)
	_ = e.text(name) // has no error
	if err := e.value(p.part(t, true), n); err != nil {
		if name == "int" && !strings.Contains(err.Error(), ":") {
			return fmt.Errorf(`%w; give {"$type": "uint64", "$value": …} for another type`, err)
		}
		return below("("+name+")", err)
	}
	return nil
}

// typed takes apart an object with the name of a type and a value.
func typed(n *node) (name string, value *node, err error) {
	i, j := slices.Index(n.names, "$type"), slices.Index(n.names, "$value")
	if len(n.names) != 2 || i < 0 || j < 0 || n.elems[i].kind != '"' {
		return "", nil, errors.New(`an object with names that begin with $ is {"$type": "…", "$value": …}`)
	}
	if name = n.elems[i].text; name == "error" && n.elems[j].kind == 'n' {
		return "", nil, errors.New("null is no error in an interface")
	}
	return name, n.elems[j], nil
}

// suggest lists some registered types.
func (c *Codec) suggest() string {
	var names []string
	for name := range c.Types {
		if plain, _, ok := strings.Cut(name, "#"); ok {
			names = append(names, path.Base(plain))
		}
	}
	slices.Sort(names)
	switch {
	case len(names) == 0:
		return ""
	case len(names) > 10:
		names = append(names[:10], "…")
	}
	return "; it knows " + strings.Join(names, ", ")
}

// full returns t with the full names of registered types: the last part of the path and the
// name suffice if only one type has them.
func (c *Codec) full(t *schema.Type) (*schema.Type, error) {
	switch {
	case t.Kind == schema.Map:
		key, err := c.full(t.Key)
		if err != nil {
			return nil, err
		}
		elem, err := c.full(t.Elem)
		return schema.MapOf(key, elem), err
	case t.Kind == schema.Prefix:
		elem, err := c.full(t.Elem)
		return &schema.Type{Kind: schema.Prefix, Name: t.Name, Elem: elem}, err
	case t.Kind == schema.Struct && len(t.Fields) == 0:
		return t, nil
	case t.Kind != schema.Word || t.Name == "interface":
		return nil, fmt.Errorf("%v is no name of a type in an interface", t)
	case strings.Contains(t.Name, "#") || !strings.Contains(t.Name, ".") || t.Name == "time.Time" || t.Name == "time.Duration":
		return t, nil
	}
	var found []string
	for name := range c.Types {
		if plain, _, ok := strings.Cut(name, "#"); ok && (plain == t.Name || strings.HasSuffix(plain, "/"+t.Name)) {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("the daemon knows no type %s for an interface%s", t.Name, c.suggest())
	case 1:
		return schema.NewWord(found[0]), nil
	}
	return nil, fmt.Errorf("%s may be %s", t.Name, strings.Join(found, " or "))
}

// held prints the value in an interface.
func (d *decoder) held(p place) error {
	if d.skipNull() {
		return nil
	}
	h, err := d.head()
	if err != nil || h.Major != wire.MajorArray || h.Arg != 2 {
		return cmp.Or(err, d.mismatch(h, "value in an interface"))
	}
	h, err = d.head()
	if err != nil || h.Major != wire.MajorText {
		return cmp.Or(err, d.mismatch(h, "name of a type"))
	}
	text, err := d.take(h)
	if err != nil {
		return err
	}
	name := string(text)
	t, err := schema.ParseType(name)
	if err == nil {
		if _, err = d.full(t); err == nil && t.String() != name {
			err = fmt.Errorf("the daemon's value has the type %.60q, which is no name", name)
		}
	}
	if err != nil {
		return err
	}
	value := decoder{Codec: d.Codec, b: d.b, at: d.at}
	if err := value.value(p.part(t, true)); err != nil {
		return below("("+name+")", err)
	}
	if d.at = value.at; name == "error" && value.out[0] == 'n' {
		return errors.New("null is no error in an interface")
	}
	if plainly(name, value.out) {
		d.out = append(d.out, value.out...)
		return nil
	}
	d.write(`{"$type":`)
	d.out = appendString(d.out, name)
	d.write(`,"$value":`)
	d.out = append(append(d.out, value.out...), '}')
	return nil
}

// plainly reports whether the JSON of a value in an interface tells the type.
func plainly(name string, text []byte) bool {
	switch name {
	case "string", "bool", "int":
		return true
	case "float64":
		return text[0] != '"'
	case "[]any":
		return text[0] == '['
	case "map[string]any":
		n, err := parse(text)
		return err == nil && n.kind == '{' && !slices.ContainsFunc(n.names, func(name string) bool { return strings.HasPrefix(name, "$") })
	}
	return false
}
