// Package cut shortens and rounds for messages that people read: errors, logs and the
// results of String methods. Fields keep whole names. It knows nothing of rt.
package cut

import (
	"strings"
	"time"
)

// most is the length of the longest name that a message has, in characters.
const most = 100

// Name returns the name of a singleton, a type or a method as messages have it: cut
// to 100 characters if it is longer.
func Name(name string) string { return Text(name, most) }

// Text returns text, cut to a number of characters if it is longer; the last one is
// then an ellipsis. A byte that is not UTF-8 counts as a character and is kept, so
// that %q can show it.
func Text(text string, most int) string {
	if len(text) <= most {
		return text
	}
	chars, end := 0, 0
	for i := range text {
		if chars == most-1 {
			end = i
		}
		if chars++; chars > most {
			return text[:end] + "…"
		}
	}
	return text
}

// End returns the end of text, at most so many bytes, as valid UTF-8.
func End(text string, most int) string {
	if len(text) > most {
		text = text[len(text)-most:]
	}
	return Printable(text)
}

// Printable returns text as valid UTF-8, which alone can travel as text.
func Printable(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

// Duration rounds a duration to what people read: milliseconds below a second, tenths
// of a second below a minute, else seconds.
func Duration(d time.Duration) time.Duration {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond)
	case d < time.Minute:
		return d.Round(time.Second / 10)
	}
	return d.Round(time.Second)
}
