// Package cut shortens and rounds for messages that people read: errors, logs and the
// results of String methods. Fields keep whole names. It touches only its arguments and
// imports no other package of rt. All functions may be called concurrently.
package cut

import (
	"strings"
	"time"
)

// most is the greatest length of a name in a message, in characters.
const most = 100

// Name returns the name of a singleton, a type or a method for a message, cut to 100
// characters if it is longer.
func Name(name string) string { return Text(name, most) }

// Text returns text, cut to most characters if it is longer. The last character is then an
// ellipsis. A byte that is not UTF-8 counts as a character and is kept, so that %q can show
// it.
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

// End returns text, cut to its last most bytes if it is longer, as valid UTF-8.
func End(text string, most int) string {
	if len(text) > most {
		text = text[len(text)-most:]
	}
	return Printable(text)
}

// Printable returns text as valid UTF-8: the wire sends no other text.
func Printable(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

// Duration rounds a duration for a message: to milliseconds below a second, to tenths of a
// second below a minute, else to seconds.
func Duration(d time.Duration) time.Duration {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond)
	case d < time.Minute:
		return d.Round(time.Second / 10)
	}
	return d.Round(time.Second)
}
