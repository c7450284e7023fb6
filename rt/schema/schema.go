package schema

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Schema describes one version of some shared types.
type Schema struct{ Services []Service }

// Service is one shared type.
type Service struct {
	// Name is the import path and the name of the type.
	Name string
	// TypeParams is the number of type parameters of a generic type, otherwise 0.
	// Signatures name them $1, $2, and so on.
	TypeParams int
	// Constructor makes the object. It has the constructor's name, or the text of an
	// expression, and its parameters as a signature. The name is empty for the zero
	// value.
	Constructor Entry
	// Methods are the methods that clients can call, by name and signature.
	Methods []Entry
	// Types are the types that interfaces may hold: import path and name, and
	// structure. Types that a program registers itself are not included.
	Types []Entry
	// Errors are the error types that keep their type in the client: name and
	// structure.
	Errors []Entry
	// Sentinels are the error variables that keep their identity in the client. They
	// have no text.
	Sentinels []Entry
}

// Entry is a line of a schema: a name, and a signature or type in canonical form.
type Entry struct{ Name, Text string }

// list is a list of a service. Its entries have the same key and are checked by valid.
type list struct {
	key     string
	entries *[]Entry
	valid   func(text string) error
}

// lists returns the lists of s in the order of their lines.
func (s *Service) lists() []list {
	isSignature := func(text string) error { _, err := ParseSignature(text); return err }
	isType := func(text string) error { _, err := ParseType(text); return err }
	isEmpty := func(text string) error { return (&parser{whole: text, rest: text}).end(nil) }
	return []list{{"method", &s.Methods, isSignature}, {"type", &s.Types, isType}, {"error", &s.Errors, isType}, {"sentinel", &s.Sentinels, isEmpty}}
}

// version is the first line of a schema.
const version = "loopgen schema 1"

// String returns the schema as text:
//
//	loopgen schema 1
//	service example.com/user.Store
//	constructor NewStore func(Options{Start int})
//	method Add func(int) int
//	type example.com/user.Circle Circle{Radius float64}
//	error FullError FullError{Limit int}
//	sentinel ErrFull
//
// The first line is the version of the format. Each other line has a key, a name, quoted
// as in Go if it has spaces, and for some keys a signature or a type. The lines after a
// line that begins with service belong to that service. For a generic type, type-params
// is the number of its type parameters.
func (s *Schema) String() string {
	var b strings.Builder
	line := func(key, name, text string) {
		if name == "" || strings.ContainsAny(name, " \"") {
			name = strconv.Quote(name)
		}
		if text != "" {
			text = " " + text
		}
		b.WriteString(key + " " + name + text + "\n")
	}
	b.WriteString(version + "\n")
	for _, svc := range s.Services {
		line("service", svc.Name, "")
		if svc.TypeParams > 0 {
			line("type-params", strconv.Itoa(svc.TypeParams), "")
		}
		if svc.Constructor.Name != "" {
			line("constructor", svc.Constructor.Name, svc.Constructor.Text)
		}
		for _, l := range svc.lists() {
			for _, e := range *l.entries {
				line(l.key, e.Name, e.Text)
			}
		}
	}
	return b.String()
}

// Parse parses the text that String returns. The error names the wrong line.
func Parse(text string) (*Schema, error) {
	text, ok := strings.CutSuffix(text, "\n")
	if !ok {
		return nil, errors.New("the text is no schema, or was cut off: its last line has no end; print it again with loopgen -schema")
	}
	first, text, _ := strings.Cut(text, "\n")
	if first != version {
		return nil, fmt.Errorf("line 1: got %q, want %q: print the schema again with this version of loopgen -schema", short(first), version)
	}
	s := new(Schema)
	if text == "" {
		return s, nil
	}
	for i, line := range strings.Split(text, "\n") {
		if err := s.read(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+2, err)
		}
	}
	return s, nil
}

// read parses a line after the first.
func (s *Schema) read(line string) error {
	key, rest, _ := strings.Cut(line, " ")
	e, err := parseEntry(rest)
	if err != nil {
		return err
	}
	if key == "service" {
		if s.service(e.Name) != nil {
			return fmt.Errorf("there are two of the name %q", short(e.Name))
		}
		s.Services = append(s.Services, Service{Name: e.Name})
		return nil
	}
	if len(s.Services) == 0 {
		return fmt.Errorf("%q stands before any service", short(line))
	}
	svc := &s.Services[len(s.Services)-1]
	switch key {
	case "type-params":
		if svc.TypeParams, err = strconv.Atoi(e.Name); err != nil || svc.TypeParams < 0 {
			return fmt.Errorf("%q is no number of type parameters", short(e.Name))
		}
		return nil
	case "constructor":
		svc.Constructor = e
		_, err := ParseSignature(e.Text)
		return err
	}
	for _, l := range svc.lists() {
		if l.key != key {
			continue
		}
		if find(*l.entries, e.Name) != nil {
			return fmt.Errorf("there are two of the name %q", short(e.Name))
		}
		*l.entries = append(*l.entries, e)
		return l.valid(e.Text)
	}
	return fmt.Errorf("unknown key %q", short(key))
}

// find returns the text of the entry of that name, or nil.
func find(list []Entry, name string) *string {
	for i := range list {
		if list[i].Name == name {
			return &list[i].Text
		}
	}
	return nil
}

func parseEntry(text string) (e Entry, err error) {
	if quoted, qerr := strconv.QuotedPrefix(text); qerr == nil {
		if e.Name, err = strconv.Unquote(quoted); err != nil {
			return e, err
		}
		text = text[len(quoted):]
	} else {
		e.Name, _, _ = strings.Cut(text, " ")
		text = text[len(e.Name):]
	}
	if e.Name == "" {
		return e, errors.New("the name is missing")
	}
	e.Text = strings.TrimPrefix(text, " ")
	return e, nil
}
