package jsonvalue

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// node is a JSON value. kind is the first byte of its JSON, 0 for a number.
type node struct {
	kind  byte
	text  string // of a string or a number
	names []string
	elems []*node // of an object or an array
}

// maxDepth limits the nesting of JSON. A printed error has more than its CBOR.
const maxDepth = 3000

// parse reads one JSON value. It refuses a name that an object has twice.
func parse(text []byte) (*node, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("the JSON is not UTF-8")
	}
	if !json.Valid(text) {
		var v any
		return nil, fmt.Errorf("%.60q is no JSON: %w", text, json.Unmarshal(text, &v))
	}
	if escape := loneSurrogate(text); escape != "" {
		return nil, fmt.Errorf("%s is no character: it is half of a surrogate pair", escape)
	}
	p := json.NewDecoder(bytes.NewReader(text))
	p.UseNumber()
	n, err := parseNode(p, 0)
	if err != nil {
		return nil, err
	}
	if _, err := p.Token(); err != io.EOF {
		return nil, errors.New("there is more than one JSON value")
	}
	return n, nil
}

// loneSurrogate returns the first \u escape of valid JSON that is half of a pair, or "".
// Package json would read it as U+FFFD.
func loneSurrogate(text []byte) string {
	unit := func(at int) rune { // of the escape there
		if at+6 > len(text) || text[at] != '\\' || text[at+1] != 'u' {
			return 0
		}
		v, _ := strconv.ParseUint(string(text[at+2:at+6]), 16, 16)
		return rune(v)
	}
	for i := bytes.IndexByte(text, '\\'); i >= 0 && i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		switch r := unit(i); {
		case !utf16.IsSurrogate(r):
			i++ // the escaped character may be a backslash
		case utf16.DecodeRune(r, unit(i+6)) == unicode.ReplacementChar:
			return string(text[i : i+6])
		default:
			i += 11
		}
	}
	return ""
}

func parseNode(p *json.Decoder, depth int) (*node, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("more than %d arrays and objects are in each other", maxDepth)
	}
	token, err := p.Token()
	if err != nil {
		return nil, err
	}
	switch v := token.(type) {
	case json.Number:
		return &node{text: v.String()}, nil
	case string:
		return &node{kind: '"', text: v}, nil
	case bool:
		if v {
			return &node{kind: 't'}, nil
		}
		return &node{kind: 'f'}, nil
	case nil:
		return &node{kind: 'n'}, nil
	}
	n := &node{kind: byte(token.(json.Delim))}
	seen := make(map[string]bool)
	for p.More() {
		if n.kind == '{' {
			name, err := p.Token()
			if err != nil {
				return nil, err
			}
			if seen[name.(string)] {
				return nil, fmt.Errorf("the name %q is there twice", name)
			}
			seen[name.(string)] = true
			n.names = append(n.names, name.(string))
		}
		elem, err := parseNode(p, depth+1)
		if err != nil {
			return nil, err
		}
		n.elems = append(n.elems, elem)
	}
	_, err = p.Token() // the end
	return n, err
}

// what says what n is, for errors.
func (n *node) what() string {
	switch n.kind {
	case 0:
		return "the number " + n.text
	case '"':
		return fmt.Sprintf("the string %.60q", n.text)
	case 't':
		return "true"
	case 'f':
		return "false"
	case 'n':
		return "null"
	case '[':
		return "an array"
	}
	return "an object"
}

// only returns the value of an object that has that name only, or nil.
func (n *node) only(name string) *node {
	if n.kind == '{' && len(n.names) == 1 && n.names[0] == name {
		return n.elems[0]
	}
	return nil
}

// isFloat reports whether the number n has a fraction or an exponent.
func (n *node) isFloat() bool { return strings.ContainsAny(n.text, ".eE") }

// appendString appends a JSON string.
func appendString(b []byte, s string) []byte {
	var out bytes.Buffer
	w := json.NewEncoder(&out)
	w.SetEscapeHTML(false)
	_ = w.Encode(s) // a string has no error
	return append(b, bytes.TrimSuffix(out.Bytes(), []byte("\n"))...)
}
