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
	d.entries(a.Methods, b.Methods, Compare, a.short()+".", effects{
		"is new", "a call of it fails in an old daemon (ErrIncompatible and ErrNoMethod)",
		"is gone", "programs built from the old version cannot call it in a new daemon (ErrIncompatible and ErrNoMethod)",
		"a call of it fails between the two versions (ErrIncompatible), other methods do not",
	})
	const refused = "values of it in interfaces are refused between the two versions, and so are methods that could return it, unless they are readonly or idempotent: the call fails (*rt.CallError)"
	d.entries(a.Types, b.Types, compareType, "", effects{
		"can be held by interfaces now", "programs and daemons of the old version refuse it, and old programs call no method of a new daemon that could return it, unless it is readonly or idempotent (ErrIncompatible)",
		"can no longer be held by interfaces", refused,
		refused,
	})
	const remote = "the other version gets it as *rt.RemoteError"
	d.entries(a.Errors, b.Errors, compareType, "", effects{
		"is a new error type", remote, "is no error type that comes back as itself any more", remote, remote,
	})
	d.entries(a.Sentinels, b.Sentinels, nil, "", effects{
		"is a new error variable", remote, "is no error variable any more", remote, "",
	})
}

// effects has the differences of an entry and their effects.
type effects struct{ added, ofAdded, removed, ofRemoved, ofChanged string }

// entries adds a finding for each difference of two lists. Without compare the entries
// have no texts, and it is not breaking to remove one.
func (d *differ) entries(was, is []Entry, compare func(was, is string) ([]Change, error), prefix string, e effects) {
	for _, entry := range was {
		switch now := find(is, entry.Name); {
		case now == nil:
			d.add(compare != nil, prefix+entry.Name, e.removed, e.ofRemoved)
		case *now != entry.Text:
			changes, err := compare(entry.Text, *now)
			if err != nil {
				d.add(true, prefix+entry.Name, "cannot be compared: "+err.Error(), e.ofChanged)
			}
			for _, c := range changes {
				d.add(true, prefix+entry.Name, c.String(), e.ofChanged)
			}
		}
	}
	for _, entry := range is {
		if find(was, entry.Name) == nil {
			d.add(false, prefix+entry.Name, e.added, e.ofAdded)
		}
	}
}

// constructor compares the content of the configuration's hash: the constructor's name and
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

// bare returns the type below the name of t.
func (t *Type) bare() *Type {
	for t.Kind == Defined {
		t = t.Elem
	}
	return t
}

// alike reports whether a value that both types have makes the same configuration. It
// returns false if that depends on the value, as for types that contain themselves, and
// for a pointer and its element.
func alike(a, b *Type) bool {
	a, b = a.bare(), b.bare()
	switch {
	case a.Kind != b.Kind || a.Kind == Outer:
		return false
	case a.Kind == Word:
		return a.Name == b.Name || slices.Contains(integers, a.Name) && slices.Contains(integers, b.Name)
	case a.Kind == Prefix && a.Name != b.Name:
		return false
	case a.Kind == Map && !alike(a.Key, b.Key):
		return false
	case a.Kind == Struct:
		return len(a.Fields) == len(b.Fields) && !slices.ContainsFunc(a.Fields, func(f Field) bool {
			g := b.field(f.Name)
			return g == nil || !alike(f.Type, g)
		})
	}
	isByte := func(t *Type) bool { return a.Kind == Prefix && a.Name != "*" && t.Elem.bare().Name == "uint8" }
	if isByte(a) || isByte(b) {
		return isByte(a) == isByte(b) // a byte string is no array
	}
	return alike(a.Elem, b.Elem)
}

// vanishes reports whether a zero value of the type leaves no trace in the configuration.
// A type that makes its own encoding may be unable to encode its zero value.
func (t *Type) vanishes() bool {
	switch t.Kind {
	case Word:
		return t.Name == "time.Time" || slices.Contains(integers, t.Name) || slices.Contains(predeclared, t.Name)
	case Defined:
		return t.Elem.vanishes()
	case Prefix:
		return t.Name == "*" || t.Name == "[]" || t.Name == "[0]" || t.Elem.vanishes()
	case Struct:
		return !slices.ContainsFunc(t.Fields, func(f Field) bool { return !f.Type.vanishes() })
	}
	return t.Kind == Map
}
