package inspect

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/loopgen/loopgen/rt/schema"
)

// Declaration is a method for people.
type Declaration struct {
	// Source is the method as Go declares it, without context: types have no import paths.
	Source string
	// Types are the defined types in it, with their contents, and the types that the
	// interfaces in it may hold as far as types, which are Status.Types, names them.
	Types []string
	// Changed are the parameters that the method changes in its caller.
	Changed []string
}

// Declare returns the declaration of a method with that signature. names are the names of
// its parameters, or nil. It may be called concurrently.
func Declare(name, signature string, names []string, types map[string]string) (Declaration, error) {
	s, err := schema.ParseSignature(signature)
	if err != nil {
		return Declaration{}, err
	}
	d := declarer{seen: make(map[string]bool)}
	var params, results []string
	for i, t := range s.Params {
		mode, inner := copiedBack(t)
		text, param := d.typ(inner, nil), fmt.Sprintf("argument %d", i+1)
		if len(names) == len(s.Params) {
			param = names[i]
			text = param + " " + text
		}
		if mode != "" {
			d.Changed = append(d.Changed, param)
		}
		params = append(params, text)
	}
	for _, t := range s.Results {
		results = append(results, d.typ(t, nil))
	}
	d.Source = "func " + name + "(" + strings.Join(params, ", ") + ")"
	switch len(results) {
	case 0:
	case 1:
		d.Source += " " + results[0]
	default:
		d.Source += " (" + strings.Join(results, ", ") + ")"
	}
	if d.dynamic {
		d.held(types)
	}
	return d.Declaration, nil
}

// declarer collects the types of a declaration.
type declarer struct {
	Declaration
	seen    map[string]bool
	dynamic bool // there is an interface
}

// brief returns t without import paths and contents.
func (d *declarer) brief(t *schema.Type) string {
	d.seen = make(map[string]bool)
	return d.typ(t, nil)
}

// typ returns t without the contents of defined types, which it adds to d.Types. within are
// the defined types around t, the outermost first.
func (d *declarer) typ(t *schema.Type, within []string) string {
	switch t.Kind {
	case schema.Outer:
		if i := len(within) - t.Number; t.Number > 0 && i >= 0 {
			return within[i]
		}
	case schema.Prefix:
		elem := d.typ(t.Elem, within)
		if elem == "uint8" && strings.HasPrefix(t.Name, "[") {
			elem = "byte"
		}
		return t.Name + elem
	case schema.Map:
		return "map[" + d.typ(t.Key, within) + "]" + d.typ(t.Elem, within)
	case schema.Struct:
		return "struct" + d.fields(t, within)
	case schema.Word:
		d.dynamic = d.dynamic || t.Name == "any" || t.Name == "interface"
		plain, _, _ := strings.Cut(t.Name, "#")
		return path.Base(plain)
	case schema.Defined:
		key := t.String()
		if d.seen[key] {
			return t.Name
		}
		d.seen[key] = true
		at := len(d.Types)
		d.Types = append(d.Types, "")
		within = append(slices.Clone(within), t.Name)
		text := ""
		if t.Elem.Kind == schema.Struct {
			text = "struct" + d.fields(t.Elem, within)
		} else {
			text = d.typ(t.Elem, within)
		}
		d.Types[at] = "type " + t.Name + " " + text
		return t.Name
	}
	return t.String()
}

// fields returns the fields of a struct, in braces.
func (d *declarer) fields(t *schema.Type, within []string) string {
	var list []string
	for _, f := range t.Fields {
		list = append(list, f.Name+" "+d.typ(f.Type, within))
	}
	return "{" + strings.Join(list, ", ") + "}"
}

// held adds the registered types.
func (d *declarer) held(types map[string]string) {
	var names []string
	for name := range types {
		if strings.Contains(name, "#") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		plain, _, _ := strings.Cut(name, "#")
		inner := declarer{seen: d.seen}
		if t, err := schema.ParseType(types[name]); err == nil {
			inner.typ(t, nil)
		}
		if len(inner.Types) == 0 { // its contents are not known, or listed already
			inner.Types = []string{"type " + path.Base(plain)}
		}
		inner.Types[0] += fmt.Sprintf(` // in an interface: {"$type": %q, "$value": …}`, path.Base(plain))
		d.Types = append(d.Types, inner.Types...)
	}
}
