package schema

import (
	"fmt"
	"slices"
	"strings"
)

// Finding is a difference between two schemas, with its effect on programs that were
// built from one and the other and share a daemon.
type Finding struct {
	// Breaking reports that something works among programs of one version, but not
	// between the two versions. It fails with an error, never with a wrong value.
	Breaking bool
	// Subject names the declaration that differs: "Store.Label", "Store", "NewStore".
	Subject string
	// What describes the difference, and Effect its effect.
	What, Effect string
}

// String returns "breaking: Store.Label: parameter 1 was int, is string; …".
func (f Finding) String() string {
	verdict := "compatible"
	if f.Breaking {
		verdict = "breaking"
	}
	return verdict + ": " + f.Subject + ": " + f.What + "; " + f.Effect
}

// Diff returns the changes from one schema to another, in the order of the schemas.
func Diff(was, is *Schema) []Finding {
	var d differ
	for i := range was.Services {
		a := &was.Services[i]
		if b := is.service(a.Name); b != nil {
			d.service(a, b)
		} else {
			d.add(true, a.short(), "is gone", "programs built from the old version find no such type in a new daemon (ErrIncompatible)")
		}
	}
	for i := range is.Services {
		if b := &is.Services[i]; was.service(b.Name) == nil {
			d.add(false, b.short(), "is new", "it has daemons of its own")
		}
	}
	return d.findings
}

func (s *Schema) service(name string) *Service {
	for i := range s.Services {
		if s.Services[i].Name == name {
			return &s.Services[i]
		}
	}
	return nil
}

// short returns the name of the type without its import path.
func (s *Service) short() string {
	return s.Name[strings.LastIndexByte(s.Name, '.')+1:]
}

type differ struct{ findings []Finding }

func (d *differ) add(breaking bool, subject, what, effect string) {
	d.findings = append(d.findings, Finding{breaking, subject, what, effect})
}

func (d *differ) service(a, b *Service) {
	if a.TypeParams != b.TypeParams {
		d.add(true, a.short(), fmt.Sprintf("had %d type parameters, has %d", a.TypeParams, b.TypeParams),
			"its instances are other types, which share no daemon with the old ones")
		return
	}
	d.constructor(a, b)
	entries(a.Methods, b.Methods, func(name string, was, is *string) {
		name = a.short() + "." + name
		switch {
		case was == nil:
			d.add(false, name, "is new", "a call of it fails in an old daemon (ErrIncompatible and ErrNoMethod)")
		case is == nil:
			d.add(true, name, "is gone", "programs built from the old version cannot call it in a new daemon (ErrIncompatible and ErrNoMethod)")
		case *was != *is:
			for _, c := range changes(Compare(*was, *is)) {
				d.add(true, name, c, "a call of it fails between the two versions (ErrIncompatible), other methods do not")
			}
		}
	})
	const refused = "values of it in interfaces are refused between the two versions, and so are methods that could return it, unless they are readonly or idempotent: the call fails (*rt.CallError)"
	entries(a.Types, b.Types, func(name string, was, is *string) {
		switch {
		case was == nil:
			d.add(false, name, "can be held by interfaces now", "programs and daemons of the old version refuse it, and old programs call no method of a new daemon that could return it, unless it is readonly or idempotent (ErrIncompatible)")
		case is == nil:
			d.add(true, name, "can no longer be held by interfaces", refused)
		case *was != *is:
			for _, c := range changes(compareType(*was, *is)) {
				d.add(true, name, c, refused)
			}
		}
	})
	const remote = "the other version gets it as *rt.RemoteError"
	entries(a.Errors, b.Errors, func(name string, was, is *string) {
		switch {
		case was == nil:
			d.add(false, name, "is a new error type", remote)
		case is == nil:
			d.add(false, name, "is no error type that comes back as itself any more", remote)
		case *was != *is:
			for _, c := range changes(compareType(*was, *is)) {
				d.add(true, name, c, remote)
			}
		}
	})
	for _, name := range b.Sentinels {
		if !slices.Contains(a.Sentinels, name) {
			d.add(false, name, "is a new error variable", remote)
		}
	}
	for _, name := range a.Sentinels {
		if !slices.Contains(b.Sentinels, name) {
			d.add(false, name, "is no error variable any more", remote)
		}
	}
}

// entries calls yield for the names in either list, with nil for a list that lacks the
// name.
func entries(was, is []Entry, yield func(name string, was, is *string)) {
	for i := range was {
		yield(was[i].Name, &was[i].Text, find(is, was[i].Name))
	}
	for i := range is {
		if find(was, is[i].Name) == nil {
			yield(is[i].Name, nil, &is[i].Text)
		}
	}
}

// changes returns the changes as text, or the reason why there are none.
func changes(list []Change, err error) []string {
	if err != nil {
		return []string{"cannot be compared: " + err.Error()}
	}
	var texts []string
	for _, c := range list {
		texts = append(texts, c.String())
	}
	return texts
}

// constructor compares what the configuration's hash contains: the constructor's name and
// its encoded arguments, without arguments at the end and fields of structs that are
// zero.
func (d *differ) constructor(a, b *Service) {
	const apart = "programs of the two versions mean different objects (ErrConfigMismatch)"
	called := func(name string) string {
		if name == "" {
			return "the zero value"
		}
		return name
	}
	if a.Constructor.Name != b.Constructor.Name {
		d.add(true, a.short(), "was made by "+called(a.Constructor.Name)+", is made by "+called(b.Constructor.Name), apart)
		return
	}
	if a.Constructor.Text == b.Constructor.Text {
		return
	}
	list, err := Compare(a.Constructor.Text, b.Constructor.Text)
	if err != nil {
		d.add(true, a.Constructor.Name, "cannot be compared: "+err.Error(), apart)
	}
	for _, c := range list {
		switch {
		case c.was == nil && c.is != nil && c.is.vanishes() && !c.shifts:
			d.add(false, b.Constructor.Name, c.String(), "a program that leaves it zero shares the daemon with old ones, another gets ErrConfigMismatch")
		case c.was != nil && c.is != nil && alike(c.was, c.is):
			d.add(false, b.Constructor.Name, c.String(), "the same values make the same configuration")
		case c.was != nil && c.is == nil && c.was.vanishes() && !c.shifts:
			d.add(true, b.Constructor.Name, c.String(), "old programs that do not leave it zero mean another object (ErrConfigMismatch)")
		default:
			d.add(true, b.Constructor.Name, c.String(), apart)
		}
	}
}

// bare returns the type below the name of n.
func (n *node) bare() *node {
	for n.kind == kindNamed {
		n = n.elem
	}
	return n
}

// alike reports whether a value that both types have makes the same configuration. It
// returns false if that depends on the value, as for types that contain themselves, and
// for a pointer and its element.
func alike(a, b *node) bool {
	a, b = a.bare(), b.bare()
	switch {
	case a.kind != b.kind || a.kind == kindOuter:
		return false
	case a.kind == kindWord && slices.Contains(integers, a.text):
		return slices.Contains(integers, b.text)
	case a.kind == kindWord:
		return a.text == b.text
	case a.kind == kindPrefix && a.name != b.name:
		return false
	case a.kind == kindMap && !alike(a.key, b.key):
		return false
	case a.kind == kindStruct:
		if len(a.fields) != len(b.fields) {
			return false
		}
		for _, f := range a.fields {
			if g := b.field(f.name); g == nil || !alike(f.typ, g) {
				return false
			}
		}
		return true
	}
	if (isByte(a.elem) || isByte(b.elem)) && a.kind == kindPrefix && a.name != "*" {
		return isByte(a.elem) == isByte(b.elem) // a byte string is no array
	}
	return alike(a.elem, b.elem)
}

func isByte(n *node) bool {
	for n.kind == kindNamed {
		n = n.elem
	}
	return n.text == "uint8"
}

// vanishes reports whether a zero value of the type leaves no trace in the configuration.
// A type that makes its own encoding may be unable to encode its zero value.
func (n *node) vanishes() bool {
	switch n.kind {
	case kindWord:
		return n.text == "time.Time" || slices.Contains(integers, n.text) || slices.Contains(predeclared, n.text)
	case kindNamed:
		return n.elem.vanishes()
	case kindPrefix:
		return n.name == "*" || n.name == "[]" || n.name == "[0]" || n.elem.vanishes()
	case kindStruct:
		for _, f := range n.fields {
			if !f.typ.vanishes() {
				return false
			}
		}
	}
	return n.kind != kindOuter
}
