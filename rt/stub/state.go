package stub

import (
	"fmt"
	"strings"
)

// A fmt.State is not sent. The daemon formats into a state of its own with the same
// flags, and the client writes the text into the caller's state.

// state is a fmt.State in the daemon.
type state struct {
	format formatFlags
	text   []byte
}

// formatFlags has the results of the methods of a fmt.State.
type formatFlags struct {
	Flags     string `json:"flags"` // the set flags of "+-# 0"
	Width     *int   `json:"width"`
	Precision *int   `json:"precision"`
}

func (s *state) Write(b []byte) (int, error) {
	s.text = append(s.text, b...)
	return len(b), nil
}

func (s *state) Width() (int, bool)     { return ifSet(s.format.Width) }
func (s *state) Precision() (int, bool) { return ifSet(s.format.Precision) }

func (s *state) Flag(c int) bool { return strings.ContainsRune(s.format.Flags, rune(c)) }

func ifSet(n *int) (int, bool) {
	if n == nil {
		return 0, false
	}
	return *n, true
}

// encodeState appends the flags, width and precision of f.
func encodeState(e *Encoder, f fmt.State) {
	var format formatFlags
	for _, flag := range "+-# 0" {
		if f.Flag(int(flag)) {
			format.Flags += string(flag)
		}
	}
	if n, ok := f.Width(); ok {
		format.Width = &n
	}
	if n, ok := f.Precision(); ok {
		format.Precision = &n
	}
	Encode(e, format)
}

// decodeState sets *f to a state with the flags, width and precision of the caller's.
// It keeps the written text for encodeWritten.
func decodeState(d *Decoder, f *fmt.State) {
	s := new(state)
	Decode(d, &s.format)
	*f = s
}

// encodeWritten appends the text written into f, which must be a state that decodeState
// has set.
func encodeWritten(e *Encoder, f fmt.State) { Encode(e, f.(*state).text) }

// fillState decodes the next value, a text. If the message is valid, End writes it into
// f.
func fillState(d *Decoder, f fmt.State) {
	var text []byte
	Decode(d, &text)
	d.onEnd(func() { f.Write(text) })
}
