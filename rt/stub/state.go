package stub

import "fmt"

// A fmt.State does not travel: the daemon formats into a state of its own with
// the same flags, and the text is written into the caller's.

// state is a fmt.State in the daemon.
type state struct {
	format formatFlags
	text   []byte
}

// formatFlags is what a fmt.State tells.
type formatFlags struct {
	Flags     string `json:"flags"` // those of "+-# 0" that are set
	Width     *int   `json:"width"`
	Precision *int   `json:"precision"`
}

func (s *state) Write(b []byte) (int, error) {
	s.text = append(s.text, b...)
	return len(b), nil
}

func (s *state) Width() (int, bool)     { return ifSet(s.format.Width) }
func (s *state) Precision() (int, bool) { return ifSet(s.format.Precision) }

func (s *state) Flag(c int) bool {
	for _, flag := range s.format.Flags {
		if int(flag) == c {
			return true
		}
	}
	return false
}

func ifSet(n *int) (int, bool) {
	if n == nil {
		return 0, false
	}
	return *n, true
}

// EncodeState appends what f tells.
func EncodeState(e *Encoder, f fmt.State) {
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

// DecodeState sets *f to a state that tells what the caller's does and keeps
// what is written into it.
func DecodeState(d *Decoder, f *fmt.State) {
	s := new(state)
	Decode(d, &s.format)
	*f = s
}

// EncodeWritten appends what was written into f, which DecodeState has set.
func EncodeWritten(e *Encoder, f fmt.State) { Encode(e, f.(*state).text) }

// FillState takes the next value to write it into f.
func FillState(d *Decoder, f fmt.State) {
	var text []byte
	Decode(d, &text)
	d.onEnd(func() { f.Write(text) })
}

// WriteState writes text into f; who formats hears of no error.
func WriteState(f fmt.State, text string) { f.Write([]byte(text)) }
