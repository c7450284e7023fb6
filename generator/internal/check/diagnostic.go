package check

import (
	"cmp"
	"fmt"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// Severity is the weight of a diagnostic.
type Severity uint8

const (
	// Note explains a decision; only Options.Verbose asks for it.
	Note Severity = iota
	// Warning is about something left out or likely to go wrong.
	Warning
	// Error means that nothing is generated.
	Error
)

// String returns "note", "warning" or "error".
func (s Severity) String() string {
	if names := []string{"note", "warning", "error"}; int(s) < len(names) {
		return names[s]
	}
	return fmt.Sprintf("Severity(%d)", uint8(s))
}

// Diagnostic is one finding about the user's code.
type Diagnostic struct {
	Pos token.Position // invalid where the finding has no place
	// Place stands for Pos in a note about the method of another package, which the user
	// cannot change: the import path, file and line of its declaration.
	Place    string
	Method   string // the method or other declaration it is about; may be empty
	Reason   string
	Remedy   string // may be empty
	Severity Severity
	// Path is the way into a type to the field or element with the fault, as in
	// "User.Address.zip"; empty if it is the whole type, or no type.
	Path string

	field *types.Var // to blame, if any
}

// String returns "file.go:12:3: warning: Method: reason; remedy", without the empty
// parts.
func (d Diagnostic) String() string {
	s := d.Reason
	if d.Method != "" {
		s = d.Method + ": " + s
	}
	s = d.Severity.String() + ": " + s
	if d.Remedy != "" {
		s += "; " + d.Remedy
	}
	switch {
	case d.Place != "":
		s = d.Place + ": " + s
	case d.Pos.IsValid():
		s = d.Pos.String() + ": " + s
	}
	return s
}

// Reporter collects diagnostics.
type Reporter struct {
	Fset            *token.FileSet
	Strict, Verbose bool
	list            []Diagnostic
	places          map[about]string // of declarations in other packages
}

// about names the subject of diagnostics at one position.
type about struct {
	pos  token.Pos
	name string
}

// declared makes notes about a declaration of another package name its place there.
// Otherwise all of them would have the position of the go:generate line or of an
// embedded field. Warnings and errors keep that position, since the user can only change
// something there.
func (r *Reporter) declared(pos token.Pos, name, place string) {
	if r.places == nil {
		r.places = make(map[about]string)
	}
	r.places[about{pos, name}] = place
}

// Report adds a diagnostic about subject, unless it is a note and r is not verbose. The
// position may be token.NoPos, and subject and remedy may be empty.
func (r *Reporter) Report(severity Severity, pos token.Pos, subject, reason, remedy string) {
	r.explain(&problem{}, severity, pos, subject, reason, remedy)
}

// explain reports a diagnostic whose reason contains p.
func (r *Reporter) explain(p *problem, severity Severity, pos token.Pos, subject, reason, remedy string) {
	if severity == Note && !r.Verbose {
		return
	}
	d := Diagnostic{Method: subject, Reason: reason, Remedy: remedy, Severity: severity, Path: p.path, field: p.field}
	if severity == Note {
		d.Place = r.places[about{pos, subject}]
	}
	if pos.IsValid() && d.Place == "" {
		d.Pos = r.Fset.Position(pos)
	}
	r.Add(d)
}

// Add adds d, unless it is there.
func (r *Reporter) Add(d Diagnostic) {
	if !slices.Contains(r.list, d) {
		r.list = append(r.list, d)
	}
}

// omit reports that method m is left out because of p, and which interfaces the proxy
// lacks therefore. If p concerns the proxy alone, the client keeps m.
func (s collector) omit(r *Reporter, m *Method, p *problem) {
	if !s.Src.owns(m.fn.Pkg()) {
		p.field = nil // no field is changed, so each method has a remedy of its own
	}
	reason := "left out: "
	if p.proxy {
		reason = "left out of the proxy: "
	}
	reason += m.origin() + p.String()
	if names := smallest(missed(s.interfaces, m.Name)); len(names) > 0 {
		reason += ", so the proxy is no " + strings.Join(names, " or ")
	}
	r.explain(p, r.omission(), m.pos, m.Name, reason, s.remedy(m, p))
}

// omission is the severity of a method that is left out.
func (r *Reporter) omission() Severity {
	if r.Strict {
		return Error
	}
	return Warning
}

// Failed reports whether there is an error among the diagnostics.
func (r *Reporter) Failed() bool {
	return slices.ContainsFunc(r.list, func(d Diagnostic) bool { return d.Severity == Error })
}

// Sorted returns the diagnostics by position. Of several methods that fail because of
// the same field, the first has the remedy and the others refer to it.
func (r *Reporter) Sorted() []Diagnostic {
	slices.SortStableFunc(r.list, func(a, b Diagnostic) int {
		return cmp.Or(
			cmp.Compare(a.Pos.Filename, b.Pos.Filename),
			cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Pos.Column, b.Pos.Column))
	})
	first := make(map[*types.Var]string)
	for i := range r.list {
		d := &r.list[i]
		if d.field == nil {
			continue
		}
		if method, said := first[d.field]; said {
			d.Remedy = "see " + method
		} else {
			first[d.field] = d.Method
		}
	}
	return r.list
}
