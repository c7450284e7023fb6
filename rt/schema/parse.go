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

func parseSignature(text string) (s signature, err error) {
	p := parser{whole: text, rest: text}
	if s, err = p.signature(); err == nil && p.rest != "" {
		err = p.unexpected()
	}
	return s, err
}

// parseTypes reads a list of types, such as the type arguments of an instance.
func parseTypes(text string) ([]*node, error) {
	p := parser{whole: text, rest: text}
	list, err := p.list("", false)
	if err == nil && p.rest != "" {
		err = p.unexpected()
	}
	return list, err
}

func parseType(text string) (*node, error) {
	p := parser{whole: text, rest: text}
	n, err := p.typ()
	if err == nil && p.rest != "" {
		err = p.unexpected()
	}
	return n, err
}

func (p *parser) unexpected() error {
	at := len(p.whole) - len(p.rest)
	return fmt.Errorf("reading signature %.200q: unexpected %.20q at byte %d", p.whole, p.rest, at)
}

func (p *parser) skip(prefix string) (found bool) {
	p.rest, found = strings.CutPrefix(p.rest, prefix)
	return found
}

func (p *parser) signature() (s signature, err error) {
	if !p.skip("func(") {
		return s, p.unexpected()
	}
	if s.params, err = p.list(")", true); err != nil {
		return s, err
	}
	switch {
	case p.skip(" ("):
		s.results, err = p.list(")", false)
	case p.skip(" "):
		var result *node
		result, err = p.typ()
		s.results = []*node{result}
	}
	return s, err
}

// list reads types up to end. If end is empty, it reads to the end of the text.
// Parameters may be marked as copied back.
func (p *parser) list(end string, params bool) (list []*node, err error) {
	ended := func() bool {
		if end == "" {
			return p.rest == ""
		}
		return p.skip(end)
	}
	for !ended() {
		if len(list) > 0 && !p.skip(", ") {
			return nil, p.unexpected()
		}
		var n *node
		switch start := p.rest; {
		case params && p.skip("out "):
			n, err = p.prefixed(start, "out ")
		case params && p.skip("inout "):
			n, err = p.prefixed(start, "inout ")
		case params && p.skip("compared "):
			n, err = p.prefixed(start, "compared ")
		default:
			n, err = p.typ()
		}
		if err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	return list, nil
}

// prefixed reads the type after a prefix. start begins with the prefix.
func (p *parser) prefixed(start, prefix string) (*node, error) {
	elem, err := p.typ()
	if err != nil {
		return nil, err
	}
	return &node{kind: kindPrefix, name: prefix, elem: elem, text: p.since(start)}, nil
}

// since returns the text that was read since the rest was start.
func (p *parser) since(start string) string { return start[:len(start)-len(p.rest)] }

func (p *parser) typ() (*node, error) {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxDepth {
		return nil, fmt.Errorf("reading signature %.200q: more than %d types in each other", p.whole, maxDepth)
	}
	start := p.rest
	switch {
	case p.skip("*"):
		return p.prefixed(start, "*")
	case p.skip("[]"):
		return p.prefixed(start, "[]")
	case p.skip("["):
		digits := p.digits()
		if digits == "" || !p.skip("]") {
			return nil, p.unexpected()
		}
		return p.prefixed(start, "["+digits+"]")
	case p.skip("map["):
		return p.mapping(start)
	case p.skip("struct{"):
		fields, err := p.fields()
		return &node{kind: kindStruct, fields: fields, text: p.since(start)}, err
	case p.skip("#"):
		number, err := strconv.Atoi(p.digits())
		if err != nil {
			return nil, p.unexpected()
		}
		return &node{kind: kindOuter, number: number, text: p.since(start)}, nil
	}
	return p.word()
}

func (p *parser) digits() string {
	start := p.rest
	p.rest = strings.TrimLeft(p.rest, "0123456789")
	return p.since(start)
}

func (p *parser) mapping(start string) (*node, error) {
	key, err := p.typ()
	if err != nil {
		return nil, err
	}
	if !p.skip("]") {
		return nil, p.unexpected()
	}
	elem, err := p.typ()
	return &node{kind: kindMap, key: key, elem: elem, text: p.since(start)}, err
}

// fields reads the fields of a struct and the closing brace.
func (p *parser) fields() (list []field, err error) {
	for !p.skip("}") {
		if len(list) > 0 && !p.skip(", ") {
			return nil, p.unexpected()
		}
		f := field{name: p.fieldName()}
		if f.name == "" || !p.skip(" ") {
			return nil, p.unexpected()
		}
		if f.typ, err = p.typ(); err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	return list, nil
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

// word reads a type that begins with a name, or a type that is written as in Go because
// it cannot be sent.
func (p *parser) word() (*node, error) {
	start := p.rest
	if err := p.balanced(",)]}{( "); err != nil {
		return nil, err
	}
	name := p.since(start)
	switch {
	case name != "" && p.skip("{"):
		under, err := p.under()
		return &node{kind: kindNamed, name: name, elem: under, text: p.since(start)}, err
	case slices.Contains(unnamed, name):
		err := p.balanced(",)]}")
		return &node{kind: kindWord, text: p.since(start)}, err
	case slices.Contains(predeclared, name), slices.Contains(integers, name),
		strings.HasPrefix(name, "$"), strings.Contains(name, "."):
		return &node{kind: kindWord, text: name}, nil
	}
	p.rest = start
	return nil, p.unexpected()
}

// under reads the fields or the type of a defined type, and the closing brace. A type
// begins like no field, or ends where the name of a field would end.
func (p *parser) under() (*node, error) {
	other := false
	for _, prefix := range []string{"*", "[", "map[", "struct{", "#"} {
		other = other || strings.HasPrefix(p.rest, prefix)
	}
	if i := strings.IndexAny(p.rest, `" ,{}`); i > 0 && p.rest[i] == '}' {
		other = true
	}
	start := p.rest
	if !other {
		fields, err := p.fields()
		return &node{kind: kindStruct, fields: fields, text: "struct{" + p.since(start)}, err
	}
	n, err := p.typ()
	if err == nil && !p.skip("}") {
		err = p.unexpected()
	}
	return n, err
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
