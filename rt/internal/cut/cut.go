// Package cut shortens names for messages that people read: errors, logs and
// what String methods return. Fields keep whole names. It knows nothing of rt.
package cut

// Most is the length of the longest name that a message has, in characters.
const Most = 100

// Name returns name, cut to Most characters if it is longer; the last one is then
// an ellipsis. A byte that is not UTF-8 counts as a character and is kept, so that
// %q can show it.
func Name(name string) string {
	if len(name) <= Most {
		return name
	}
	chars, end := 0, 0
	for i := range name {
		if chars == Most-1 {
			end = i
		}
		if chars++; chars > Most {
			return name[:end] + "…"
		}
	}
	return name
}
