package jsonvalue

import (
	"bytes"
	"encoding"
	"net/netip"
	"unicode/utf8"
)

// bothCodings is a type that travels in its binary encoding, and that people know by its
// text.
type bothCodings interface {
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
	encoding.TextMarshaler
	encoding.TextUnmarshaler
}

// standard makes the types of the standard library that travel in their binary encoding and
// have a text.
var standard = map[string]func() bothCodings{
	"net/netip.Addr":     func() bothCodings { return new(netip.Addr) },
	"net/netip.AddrPort": func() bothCodings { return new(netip.AddrPort) },
	"net/netip.Prefix":   func() bothCodings { return new(netip.Prefix) },
	"net/url.URL":        func() bothCodings { return new(textBytes) },
}

// textBytes is a type whose binary encoding is its text.
type textBytes []byte

func (t textBytes) MarshalBinary() ([]byte, error) { return t, nil }
func (t textBytes) MarshalText() ([]byte, error)   { return t, nil }
func (t *textBytes) UnmarshalBinary(b []byte) error {
	*t = bytes.Clone(b)
	return nil
}
func (t *textBytes) UnmarshalText(b []byte) error { return t.UnmarshalBinary(b) }

// standardBytes returns the binary encoding of the value of a standard type with that text.
func standardBytes(name, text string) ([]byte, error) {
	v := standard[name]()
	if err := v.UnmarshalText([]byte(text)); err != nil {
		return nil, err
	}
	return v.MarshalBinary()
}

// standardText returns the text of a value of a standard type, and false if another value
// has the same text.
func standardText(name string, data []byte) (string, bool) {
	v := standard[name]()
	if v.UnmarshalBinary(data) != nil {
		return "", false
	}
	text, err := v.MarshalText()
	if err != nil || !utf8.Valid(text) {
		return "", false
	}
	again, err := standardBytes(name, string(text))
	return string(text), err == nil && bytes.Equal(again, data)
}
