// Package cut shortens names for messages that people read: errors, logs and
// what String methods return. Fields keep whole names. It knows nothing of rt.
package cut

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
