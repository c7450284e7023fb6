package wire

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
)

// SignatureHash returns the 16 hexadecimal digits by which two builds compare
// a method's signature, given as the text that both derive from their types.
// It may be called concurrently.
func SignatureHash(text string) string {
	sum := sha256.Sum256([]byte("loopgen signature\x00" + text))
	return hex.EncodeToString(sum[:8])
}

// ConfigHash returns the 64 hexadecimal digits by which two clients compare
// what object they mean: the service, the name of its constructor and the
// constructor's arguments, a CBOR array. Zero values in args count as absent
// at every depth, so that a client built before an option was added still
// agrees with one that leaves it zero; PROTOCOL.md has the recipe. It returns
// an error when args is not one array of items that Unmarshal would accept, or
// holds a duplicate key, or service or constructor is not UTF-8. It may be
// called concurrently.
func ConfigHash(service, constructor string, args []byte) (string, error) {
	fail := func(err error) (string, error) {
		return "", fmt.Errorf("hashing the configuration of %s: %w", service, err)
	}
	list, err := readToken(args, 0)
	if err != nil {
		return fail(err)
	}
	if list.major != majorArray {
		return fail(errors.New("the arguments are not an array"))
	}
	// Depth counts within each argument, as it does when they are decoded.
	end, err := check(args, 0, -1)
	if err == nil && end != len(args) {
		err = &refusal{reasonTrailing, end}
	}
	if err != nil {
		return fail(err)
	}
	var positions []pair
	rest := args[list.end:]
	for i := range list.arg {
		var value []byte
		if value, rest, err = strip(rest); err != nil {
			return fail(err)
		}
		positions = append(positions, pair{appendHead(nil, majorUint, i), value})
	}
	options, err := appendMap(nil, positions)
	if err != nil {
		return fail(err)
	}
	names, err := Marshal([]string{service, constructor})
	if err != nil {
		return fail(err)
	}
	whole := appendHead(nil, majorArray, 3)
	whole = append(whole, names[1:]...) // without the head of an array of two
	whole = append(whole, options...)
	sum := sha256.Sum256(whole)
	return hex.EncodeToString(sum[:]), nil
}

// strip returns the first item of data, which check has accepted, in its
// deterministic form and without the pairs of maps whose value is zero, and
// what follows the item. Its depth is bounded by what check accepts.
func strip(data []byte) (item, rest []byte, err error) {
	t, err := readToken(data, 0)
	if err != nil {
		return nil, nil, err
	}
	head, rest := data[:t.end], data[t.end:]
	switch t.major {
	case majorUint, majorNegative:
		return appendHead(nil, t.major, t.arg), rest, nil
	case majorBytes, majorText:
		item = appendHead(nil, t.major, t.arg)
		return append(item, rest[:t.arg]...), rest[t.arg:], nil
	case majorTag:
		content, rest, err := strip(rest)
		return append(appendHead(nil, t.major, t.arg), content...), rest, err
	case majorArray:
		item = appendHead(nil, t.major, t.arg)
		for range t.arg {
			var element []byte
			if element, rest, err = strip(rest); err != nil {
				return nil, nil, err
			}
			item = append(item, element...)
		}
		return item, rest, nil
	case majorMap:
		pairs := make([]pair, t.arg)
		for i := range pairs {
			if pairs[i].key, rest, err = strip(rest); err != nil {
				return nil, nil, err
			}
			if pairs[i].value, rest, err = strip(rest); err != nil {
				return nil, nil, err
			}
		}
		item, err = appendMap(nil, pairs)
		return item, rest, err
	}
	item, err = shortest(head)
	return item, rest, err
}

// pair is an entry of a map, stripped and encoded.
type pair struct{ key, value []byte }

// appendMap writes the pairs whose values are not zero as a map.
func appendMap(dst []byte, pairs []pair) ([]byte, error) {
	slices.SortFunc(pairs, func(a, b pair) int { return bytes.Compare(a.key, b.key) })
	for i := 1; i < len(pairs); i++ {
		if bytes.Equal(pairs[i-1].key, pairs[i].key) {
			return nil, errors.New("cbor: duplicate key")
		}
	}
	pairs = slices.DeleteFunc(pairs, func(p pair) bool { return isZero(p.value) })
	dst = appendHead(dst, majorMap, uint64(len(pairs)))
	for _, p := range pairs {
		dst = append(append(dst, p.key...), p.value...)
	}
	return dst, nil
}

// isZero reports whether a stripped item is 0, 0.0, false, null or something
// empty. Negative zero is not: it is not what a Go variable begins as.
func isZero(item []byte) bool {
	switch string(item) {
	case "\x00", "\xf9\x00\x00", "\xf4", "\xf6", "\x40", "\x60", "\x80", "\xa0":
		return true
	}
	return false
}

// shortest returns a float, or a simple value, in its shortest form.
func shortest(item []byte) ([]byte, error) {
	if len(item) == 1 {
		return item, nil
	}
	var f float64
	if err := Unmarshal(item, &f); err != nil {
		return nil, err
	}
	return Marshal(f)
}

// appendHead writes the shortest head of an item.
func appendHead(dst []byte, major byte, arg uint64) []byte {
	major <<= 5
	switch {
	case arg < 24:
		return append(dst, major|byte(arg))
	case arg < 1<<8:
		return append(dst, major|24, byte(arg))
	case arg < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, major|25), uint16(arg))
	case arg < 1<<32:
		return binary.BigEndian.AppendUint32(append(dst, major|26), uint32(arg))
	}
	return binary.BigEndian.AppendUint64(append(dst, major|27), arg)
}
