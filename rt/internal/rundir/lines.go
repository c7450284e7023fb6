package rundir

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The endpoint and the start file are lines of a key and a value. The first line names the
// format. The last line is "end", so that a reader notices a file that was cut anywhere:
//
//	loopgen 1
//	network unix
//	address "/home/a b/s-1"
//	end

const (
	formatName    = "loopgen"
	formatVersion = 1
)

// lineWriter builds such a file.
type lineWriter struct{ buf bytes.Buffer }

func newLineWriter() *lineWriter {
	w := &lineWriter{}
	fmt.Fprintf(&w.buf, "%s %d\n", formatName, formatVersion)
	return w
}

// line writes a key and its values, each quoted if it needs to be.
func (w *lineWriter) line(key string, values ...string) {
	w.buf.WriteString(key)
	for _, v := range values {
		w.buf.WriteByte(' ')
		w.buf.WriteString(quote(v, false))
	}
	w.buf.WriteByte('\n')
}

func (w *lineWriter) end() []byte {
	w.buf.WriteString("end\n")
	return w.buf.Bytes()
}

// readLines calls line with the key and the rest of each line between the first and the
// last. The error is a *VersionError if the first line names another format.
func readLines(text []byte, line func(key, rest string) error) error {
	if !utf8.Valid(text) {
		return errors.New("not text")
	}
	first, body, ok := strings.Cut(string(text), "\n")
	number, named := strings.CutPrefix(first, formatName+" ")
	version, err := strconv.ParseUint(number, 10, 31)
	if !ok || !named || err != nil {
		return fmt.Errorf("the first line is not %q", fmt.Sprintf("%s %d", formatName, formatVersion))
	}
	if version != formatVersion {
		return &VersionError{Version: int(version)}
	}
	if body != "end\n" && !strings.HasSuffix(body, "\nend\n") {
		return errors.New("the last line is missing")
	}
	for l := range strings.Lines(strings.TrimSuffix(body, "end\n")) {
		key, rest, _ := strings.Cut(strings.TrimSuffix(l, "\n"), " ")
		if key == "" || key == "end" {
			return fmt.Errorf("a line with the key %q", key)
		}
		if err := line(key, rest); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

// quote returns v unchanged if it consists of printable ASCII without quotes, and in Go's
// quotes otherwise. With spaces, v may contain spaces as well: the value then goes to the
// end of the line.
func quote(v string, spaces bool) string {
	if v == "" || v[0] == ' ' || v[len(v)-1] == ' ' {
		return strconv.Quote(v)
	}
	for i := range len(v) {
		switch c := v[i]; {
		case c == ' ' && spaces, c == '"' && spaces && i > 0:
		case c <= ' ' || c > '~' || c == '"':
			return strconv.Quote(v)
		}
	}
	return v
}

// cutValue returns the first value of a line and the text after it.
func cutValue(rest string) (value, after string, err error) {
	if strings.HasPrefix(rest, `"`) {
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil {
			return "", "", errors.New("a quote without its end")
		}
		value, err = strconv.Unquote(quoted)
		if err != nil {
			return "", "", err
		}
		after = rest[len(quoted):]
		if after == "" {
			return value, "", nil
		}
		after, ok := strings.CutPrefix(after, " ")
		if !ok {
			return "", "", errors.New("no space after a quote")
		}
		return value, after, nil
	}
	value, after, _ = strings.Cut(rest, " ")
	if quote(value, false) != value {
		return "", "", errors.New("a value that should be in quotes")
	}
	return value, after, nil
}

// wholeValue returns the only value of a line.
func wholeValue(rest string) (string, error) {
	value, after, err := cutValue(rest)
	if err == nil && after != "" {
		err = errors.New("more than one value")
	}
	return value, err
}

// tailValue returns the value that goes to the end of a line, spaces included.
func tailValue(rest string) (string, error) {
	if strings.HasPrefix(rest, `"`) {
		return wholeValue(rest)
	}
	if quote(rest, true) != rest {
		return "", errors.New("a value that should be in quotes")
	}
	return rest, nil
}
