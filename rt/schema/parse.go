package schema

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxDepth limits the nesting of types, so that a text that is not a signature costs no
// more stack than a signature.
const maxDepth = 1000

// parser reads a signature or a type from the front of rest.
type parser struct {
	whole, rest string
	depth       int
}

// ParseType parses the text of a type, as signatures spell it. The error names the first
// byte that is no part of one. It may be called concurrently.
func ParseType(text string) (*Type, error) {
	p := parser{whole: text, rest: text}
	t, err := p.typ()
	return t, p.end(err)
}

// ParseSignature parses the text of a signature. The error names the first byte that is no
// part of one. It may be called concurrently.
func ParseSignature(text string) (*Signature, error) {
	p := parser{whole: text, rest: text}
	s, err := p.signature()
	return s, p.end(err)
}

// end returns err, or an error if some text is left.
func (p *parser) end(err error) error {
	if err == nil && p.rest != "" {
		err = p.unexpected()
	}
	return err
}

func (p *parser) unexpected() error {
	at := len(p.whole) - len(p.rest)
	return fmt.Errorf("reading signature %.200q: unexpected %.20q at byte %d", p.whole, p.rest, at)
}

func (p *parser) skip(prefix string) (found bool) {
	p.rest, found = strings.CutPrefix(p.rest, prefix)
	return found
}

func (p *parser) signature() (*Signature, error) {
	if !p.skip("func(") {
		return nil, p.unexpected()
	}
	params, err := p.list("out ", "inout ", "compared ")
	s := &Signature{Params: params}
	switch {
	case err != nil:
	case p.skip(" ("):
		s.Results, err = p.list()
	case p.skip(" "):
		s.Results = make([]*Type, 1)
		s.Results[0], err = p.typ()
	}
	return s, err
}

// list reads types and a closing parenthesis. The types may have one of the prefixes.
func (p *parser) list(prefixes ...string) (list []*Type, err error) {
	for !p.skip(")") {
		if len(list) > 0 && !p.skip(", ") {
			return nil, p.unexpected()
		}
		i := slices.IndexFunc(prefixes, p.skip)
		t, err := p.typ()
		if err != nil {
			return nil, err
		}
		if i >= 0 {
			t = &Type{Kind: Prefix, Name: prefixes[i], Elem: t}
		}
		list = append(list, t)
	}
	return list, nil
}

// since returns the text that was read since the rest was start.
func (p *parser) since(start string) string { return start[:len(start)-len(p.rest)] }

func (p *parser) typ() (t *Type, err error) {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxDepth {
		return nil, fmt.Errorf("reading signature %.200q: more than %d types in each other", p.whole, maxDepth)
	}
	start := p.rest
	switch {
	case p.skip("*"), p.skip("[]"):
		t = &Type{Kind: Prefix, Name: p.since(start)}
		t.Elem, err = p.typ()
	case p.skip("["):
		if p.digits() == "" || !p.skip("]") {
			return nil, p.unexpected()
		}
		t = &Type{Kind: Prefix, Name: p.since(start)}
		t.Elem, err = p.typ()
	case p.skip("map["):
		t = &Type{Kind: Map}
		if t.Key, err = p.typ(); err != nil {
			return nil, err
		}
		if !p.skip("]") {
			return nil, p.unexpected()
		}
		t.Elem, err = p.typ()
	case p.skip("struct{"):
		return p.fields()
	case p.skip("#"):
		t = &Type{Kind: Outer}
		if t.Number, err = strconv.Atoi(p.digits()); err != nil {
			return nil, p.unexpected()
		}
	default:
		return p.word()
	}
	return t, err
}

func (p *parser) digits() string {
	start := p.rest
	p.rest = strings.TrimLeft(p.rest, "0123456789")
	return p.since(start)
}

// fields reads the fields of a struct and the closing brace.
func (p *parser) fields() (*Type, error) {
	t := &Type{Kind: Struct}
	for !p.skip("}") {
		if len(t.Fields) > 0 && !p.skip(", ") {
			return nil, p.unexpected()
		}
		f := Field{Name: p.fieldName()}
		if f.Name == "" || !p.skip(" ") {
			return nil, p.unexpected()
		}
		var err error
		if f.Type, err = p.typ(); err != nil {
			return nil, err
		}
		t.Fields = append(t.Fields, f)
	}
	return t, nil
}

// fieldName reads the name of a field, or nothing if no name follows.
func (p *parser) fieldName() string {
	name, err := strconv.QuotedPrefix(p.rest)
	if err != nil {
		name, _, _ = strings.Cut(p.rest, " ")
		if strings.ContainsAny(name, `*[]#{},"`) {
			return ""
		}
	}
	p.rest = p.rest[len(name):]
	return name
}

// word reads a type that begins with a name, or a type that is spelled as in Go because
// it cannot be sent.
func (p *parser) word() (*Type, error) {
	start := p.rest
	if err := p.balanced(",)]}{( "); err != nil {
		return nil, err
	}
	name := p.since(start)
	switch {
	case name != "" && p.skip("{"):
		under, err := p.under()
		return &Type{Kind: Defined, Name: name, Elem: under}, err
	case slices.Contains(unnamed, name):
		err := p.balanced(",)]}")
		return NewWord(p.since(start)), err
	case slices.Contains(predeclared, name), slices.Contains(integers, name),
		strings.HasPrefix(name, "$"), strings.Contains(name, "."):
		return NewWord(name), nil
	}
	p.rest = start
	return nil, p.unexpected()
}

// under reads the fields or the type of a defined type, and the closing brace. A type
// begins like no field, or ends where the name of a field would end.
func (p *parser) under() (*Type, error) {
	isType := slices.ContainsFunc([]string{"*", "[", "map[", "struct{", "#"}, func(prefix string) bool {
		return strings.HasPrefix(p.rest, prefix)
	})
	if i := strings.IndexAny(p.rest, `" ,{}`); i > 0 && p.rest[i] == '}' {
		isType = true
	}
	if !isType {
		return p.fields()
	}
	t, err := p.typ()
	if err == nil && !p.skip("}") {
		err = p.unexpected()
	}
	return t, err
}

// balanced reads up to any of the given bytes outside brackets: type arguments are in
// brackets. The brackets that it enters do not begin with one of end.
func (p *parser) balanced(end string) error {
	depth := 0
	for i := 0; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case depth == 0 && strings.IndexByte(end, c) >= 0:
			p.rest = p.rest[i:]
			return nil
		case c == '[' || c == '(' || c == '{':
			depth++
		case c == ']' || c == ')' || c == '}':
			depth--
		case c == '"' || c == '`': // a tag in an unnamed struct
			quoted, err := strconv.QuotedPrefix(p.rest[i:])
			if err != nil {
				p.rest = p.rest[i:]
				return p.unexpected()
			}
			i += len(quoted) - 1
		}
	}
	if depth > 0 {
		return p.unexpected()
	}
	p.rest = ""
	return nil
}
