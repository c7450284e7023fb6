package check

import (
	"fmt"
	"slices"
	"strings"
)

// Summary counts the exported methods of one type by their treatment.
type Summary struct {
	Type   string
	Shared int // in client and proxy
	// ClientOnly counts methods that a proxy cannot have: a diagnostic says why.
	ClientOnly int
	LeftOut    int // a diagnostic says why
	Skipped    int // left out as asked
	// Missed are the well-known interfaces, such as "io.Reader", that *Type implements
	// and its proxy does not, because methods are left out.
	Missed []string
}

// Methods returns how many exported methods the type has.
func (s Summary) Methods() int { return s.Shared + s.ClientOnly + s.LeftOut + s.Skipped }

// Verdict says how much of the type callers of the client can use. Skipped methods do
// not count. It returns "hardly usable" if less than half of the methods are in the
// client, "usable in part" if less than three quarters are, and else "".
func (s Summary) Verdict() string {
	usable := s.Shared + s.ClientOnly
	wanted := usable + s.LeftOut
	switch {
	case 2*usable < wanted:
		return "hardly usable"
	case 4*usable < 3*wanted:
		return "usable in part"
	}
	return ""
}

// String returns "Store: 5 of 7 methods are shared, 2 left out: usable in part; the
// proxy is no io.Reader or io.Seeker", without parts that are zero or empty.
func (s Summary) String() string {
	noun, verb := "methods", "are"
	if s.Methods() == 1 {
		noun = "method"
	}
	if s.Methods() == 1 || s.Shared == 1 {
		verb = "is"
	}
	text := fmt.Sprintf("%s: %d of %d %s %s shared", s.Type, s.Shared, s.Methods(), noun, verb)
	if s.ClientOnly > 0 {
		text += fmt.Sprintf(", %d in the client only", s.ClientOnly)
	}
	if s.LeftOut > 0 {
		text += fmt.Sprintf(", %d left out", s.LeftOut)
	}
	if s.Skipped > 0 {
		text += fmt.Sprintf(", %d skipped", s.Skipped)
	}
	if verdict := s.Verdict(); verdict != "" {
		text += ": " + verdict
	}
	if len(s.Missed) > 0 {
		text += "; the proxy is no " + strings.Join(s.Missed, " or ")
	}
	return text
}

// summarise fills s.Summary and notes which interfaces the proxy implements.
func (s collector) summarise(r *Reporter, without []string) {
	s.Summary.Type, s.Summary.Shared = s.TypeName(), len(s.Methods)-s.Summary.ClientOnly
	var kept []string
	lost := missed(s.interfaces, without...)
	for _, i := range s.interfaces {
		if slices.ContainsFunc(lost, func(l implemented) bool { return l.name == i.name }) {
			s.Summary.Missed = append(s.Summary.Missed, i.name)
		} else {
			kept = append(kept, i.name)
		}
	}
	if len(kept) > 0 {
		r.Report(Note, s.Pos, s.TypeName(), "the proxy implements "+strings.Join(kept, ", "), "")
	}
}
