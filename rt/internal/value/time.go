package value

import (
	"time"
)

// time appends a time as RFC 3339 with nanoseconds, and the zero time as null.
func (w *Writer) time(p *Plan, t time.Time) *fault {
	_, offset := t.Zone()
	year := t.Year()
	switch {
	case p.inKey && t != t.UTC():
		return &fault{err: errKeyInZone}
	case t.IsZero():
		if offset != 0 {
			return faultf("the zero time would lose its zone offset; use t.UTC()")
		}
		w.b = append(w.b, itemNull)
		return nil
	case offset%60 != 0:
		return faultf("the time's zone offset of %v has seconds, which would be lost; use t.UTC()", time.Duration(offset)*time.Second)
	case offset <= -24*60*60 || offset >= 24*60*60:
		return faultf("the time's zone offset of %v is a day or more; use t.UTC()", time.Duration(offset)*time.Second)
	case year < 0 || year > 9999:
		return faultf("the time's year %d is outside 0 to 9999", year)
	}
	var space [len(time.RFC3339Nano)]byte
	text := t.AppendFormat(space[:0], time.RFC3339Nano)
	w.b = append(appendHead(append(w.b, majorTag<<5|tagTime), majorText, uint64(len(text))), text...)
	return nil
}

// time decodes a time after the head of its tag.
func (r *Reader) time(p *Plan, tag head, t *time.Time) *fault {
	if tag.Major != majorTag || tag.Arg != tagTime {
		return p.mismatch(tag)
	}
	text, f := r.tagged(p, majorText)
	if f != nil {
		return f
	}
	if p.inKey && (len(text) == 0 || text[len(text)-1] != 'Z') {
		return &fault{err: errKeyInZone}
	}
	parsed, err := time.Parse(time.RFC3339, string(text))
	if err != nil {
		return faultf("decoding %s: %w", p.typ, err)
	}
	// Parsing yields the local zone if the offset is that of the local zone. The result
	// must not depend on the decoding process.
	if parsed.Location() == time.Local {
		if _, offset := parsed.Zone(); offset == 0 {
			parsed = parsed.UTC()
		} else {
			parsed = parsed.In(time.FixedZone("", offset))
		}
	}
	*t = parsed
	return nil
}
