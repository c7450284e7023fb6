package stub

import "github.com/loopgen/loopgen/rt/internal/wire"

// matchComplex matches the real and the imaginary part after the head h.
func (p *plan) matchComplex(b []byte, h head) (end int, f *fault) {
	end = h.end
	for range 2 {
		part, ok := readHead(b, end)
		if !ok || !p.matchesFloat(part, p.typ.Bits()/16) {
			return 0, faultf("a part is no float of %d bytes of %s", p.typ.Bits()/16, p.typ)
		}
		end = part.end
	}
	return end, nil
}

// matchHeld matches the name of a type and a value of that type, after the head h.
func (p *plan) matchHeld(b []byte, h head, depth int, quota *TypeQuota) (end int, f *fault) {
	name, end, f := readTypeName(b, h.end)
	if f != nil {
		return 0, f
	}
	if name == errorName && !p.inKey {
		// openReader checks whether the rebuilt error fits p's type.
		return skip(b, end, depth)
	}
	k, f := knownBy(name, quota)
	if f != nil {
		return 0, f
	}
	q, f := k.planIn(p)
	if f == nil {
		end, f = q.match(b, end, depth, quota)
	}
	if f != nil {
		return 0, f.below(heldStep(k.typ))
	}
	return end, nil
}

// readTypeName reads the name of a type.
func readTypeName(b []byte, at int) (name string, end int, f *fault) {
	h, ok := readHead(b, at)
	if !ok || h.major != majorText || h.arg > maxTypeName {
		return "", 0, faultf("what should name a type is no text of at most %d bytes", maxTypeName)
	}
	end, f = skipString(b, h)
	if f != nil {
		return "", 0, f
	}
	return string(b[h.end:end]), end, nil
}

// skip returns the end of the item at b[at:], of any kind.
func skip(b []byte, at, depth int) (end int, f *fault) {
	h, ok := readHead(b, at)
	if !ok {
		return 0, faultf("the item is cut short or malformed")
	}
	items := 0
	switch h.major {
	case majorBytes, majorText:
		return skipString(b, h)
	case majorTag:
		items = 1
	case majorArray, majorMap:
		if h.arg > wire.MaxElements {
			return 0, faultf("%d elements, more than %d", h.arg, wire.MaxElements)
		}
		items = int(h.arg)
		if h.major == majorMap {
			items *= 2
		}
	}
	if depth++; items > 0 && depth > wire.MaxNesting {
		return 0, faultf("nested deeper than %d levels", wire.MaxNesting)
	}
	end = h.end
	for range items {
		if end, f = skip(b, end, depth); f != nil {
			return 0, f
		}
	}
	return end, nil
}
