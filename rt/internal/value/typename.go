package value

import (
	"reflect"
	"strconv"
	"strings"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/wire"
)

// nameType returns the name of t on the wire.
func nameType(t reflect.Type, depth int) (string, *fault) {
	if depth > maxTypeDepth {
		return "", faultf("it is made of more than %d types in each other; declare a type for a part of it", maxTypeDepth)
	}
	if name := builtin[t]; name != "" {
		return name, nil
	}
	if t.PkgPath() != "" {
		name := PathName(t)
		if registered(name) != t {
			return "", faultf("type %s is not registered, so that an interface that holds it cannot be sent; call rt.RegisterType[%[1]s]() in an init function", t)
		}
		return name + "#" + structureHash(t), nil
	}
	prefix := ""
	switch t.Kind() {
	case reflect.Pointer:
		prefix = "*"
	case reflect.Slice:
		prefix = "[]"
	case reflect.Array:
		if t.Size() > maxTypeSize {
			return "", faultf("an array of %d bytes is larger than an interface may hold; use a slice", t.Size())
		}
		prefix = "[" + strconv.Itoa(t.Len()) + "]"
	case reflect.Map:
		key, f := nameType(t.Key(), depth+1)
		if f != nil {
			return "", f
		}
		prefix = "map[" + key + "]"
	default:
		return "", faultf("type %s has no name, so that an interface that holds it cannot be sent; declare and register one", t)
	}
	elem, f := nameType(t.Elem(), depth+1)
	return prefix + elem, f
}

// structureHash returns a hash that differs between an older and a newer type of the
// same name.
func structureHash(t reflect.Type) string {
	return wire.SignatureHash(Spell(t))[:typeHash]
}

// typeParser finds the type for a name. Before it makes a type, it takes the type from
// quota, and does not return it if parsing fails later.
type typeParser struct {
	rest  string
	quota *TypeQuota
}

func (p *typeParser) parse(depth int) (reflect.Type, *fault) {
	if depth > maxTypeDepth {
		return nil, faultf("the name of a type has more than %d in each other", maxTypeDepth)
	}
	if p.skip("map[") {
		key, f := p.parse(depth + 1)
		if f != nil {
			return nil, f
		}
		if !p.skip("]") || !key.Comparable() {
			return nil, faultf("a map with keys of type %s", key)
		}
		elem, f := p.parse(depth + 1)
		if f != nil {
			return nil, f
		}
		if f := p.quota.take(); f != nil {
			return nil, f
		}
		return reflect.MapOf(key, elem), nil
	}
	switch {
	case p.skip("*"):
		return p.of(depth, reflect.PointerTo)
	case p.skip("[]"):
		return p.of(depth, reflect.SliceOf)
	case p.skip("["):
		return p.array(depth)
	}
	return p.named()
}

func (p *typeParser) skip(prefix string) (found bool) {
	p.rest, found = strings.CutPrefix(p.rest, prefix)
	return found
}

func (p *typeParser) of(depth int, make func(reflect.Type) reflect.Type) (reflect.Type, *fault) {
	elem, f := p.parse(depth + 1)
	if f == nil {
		f = p.quota.take()
	}
	if f != nil {
		return nil, f
	}
	return make(elem), nil
}

func (p *typeParser) array(depth int) (reflect.Type, *fault) {
	digits, rest, _ := strings.Cut(p.rest, "]")
	n, err := strconv.ParseUint(digits, 10, 31)
	if err != nil {
		return nil, faultf("an array of length %q", digits)
	}
	p.rest = rest
	elem, f := p.parse(depth + 1)
	switch {
	case f != nil:
		return nil, f
	case n > wire.MaxElements && elem.Kind() != reflect.Uint8 || n > maxTypeSize || n*uint64(elem.Size()) > maxTypeSize:
		return nil, faultf("an array of %d elements of type %s is larger than an interface may hold", n, elem)
	}
	if f := p.quota.take(); f != nil {
		return nil, f
	}
	return reflect.ArrayOf(int(n), elem), nil
}

// named parses the name of a registered type.
func (p *typeParser) named() (reflect.Type, *fault) {
	word, _, _ := strings.Cut(p.rest, "]")
	if t := builtinTypes[word]; t != nil {
		p.rest = p.rest[len(word):]
		return t, nil
	}
	name, hash, ok := strings.Cut(p.rest, "#")
	if !ok || len(hash) < typeHash {
		return nil, faultf("%q is no name of a type that is known here", cut.Name(word))
	}
	hash, p.rest = hash[:typeHash], hash[typeHash:]
	t := registered(name)
	switch {
	case t == nil:
		return nil, &fault{err: &UnknownTypeError{Name: name}}
	case structureHash(t) != hash:
		return nil, &fault{err: &UnknownTypeError{Name: name, Differs: true}}
	}
	return t, nil
}
