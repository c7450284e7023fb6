package rundir

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"time"
)

// maxFailure bounds Start.Failure, in bytes.
const maxFailure = 64 << 10

// Start is the outcome of the last attempt to start a daemon. Those who waited
// for spawn.lock meanwhile take it as theirs.
type Start struct {
	Sequence    uint64 // grows by one with each attempt
	OK          bool
	Incarnation string // of the daemon, if OK
	Failure     []byte // opaque, at most 64 KiB

	// Replaced is when a daemon was last made to leave for another one, to the
	// millisecond; zero if none ever was.
	Replaced time.Time
}

// ReadStart returns the outcome of the last start, or the zero Start if there is
// none or the file is not one that WriteStart wrote. It fails if this process
// could not look.
func (d *Dir) ReadStart() (Start, error) {
	text, err := d.readFile(startName, 2*maxFailure)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errOdd) {
		return Start{}, nil
	}
	if err != nil {
		return Start{}, fmt.Errorf("reading the outcome of the last start: %w", err)
	}
	var s Start
	if s.UnmarshalText(text) != nil {
		return Start{}, nil
	}
	return s, nil
}

// WriteStart replaces the outcome of the last start, in one step. It must only be
// called with spawn.lock held.
func (d *Dir) WriteStart(s Start) error {
	text, err := s.MarshalText()
	if err != nil {
		return err
	}
	root, err := d.openRoot()
	if err == nil {
		err = errors.Join(replaceFile(root, startName, text, 0o600), root.Close())
	}
	if err != nil {
		return fmt.Errorf("writing the outcome of a start in %s: %w", d.path, err)
	}
	return nil
}

// MarshalText returns s as text: the lines sequence, ok (true or false),
// incarnation, failure (base64) and replaced (milliseconds of Unix time; only where
// it is not zero). It fails if Failure is too long.
func (s Start) MarshalText() ([]byte, error) {
	if len(s.Failure) > maxFailure {
		return nil, fmt.Errorf("encoding the outcome of a start: a failure of %d bytes; the limit is %d", len(s.Failure), maxFailure)
	}
	w := newLineWriter()
	w.line("sequence", strconv.FormatUint(s.Sequence, 10))
	w.line("ok", strconv.FormatBool(s.OK))
	w.line("incarnation", s.Incarnation)
	w.line("failure", base64.StdEncoding.EncodeToString(s.Failure))
	if !s.Replaced.IsZero() {
		w.line("replaced", strconv.FormatInt(s.Replaced.UnixMilli(), 10))
	}
	return w.end(), nil
}

// UnmarshalText sets s from what MarshalText returned. It fails if any other line is
// missing, or one is twice there or malformed.
func (s *Start) UnmarshalText(text []byte) error {
	values := map[string]string{}
	err := readLines(text, func(key, rest string) error {
		value, err := wholeValue(rest)
		if _, twice := values[key]; twice && err == nil {
			err = errors.New("twice")
		}
		values[key] = value
		return err
	})
	if err == nil {
		*s, err = startFrom(values)
	}
	if err != nil {
		return fmt.Errorf("decoding the outcome of a start: %w", err)
	}
	return nil
}

func startFrom(values map[string]string) (s Start, err error) {
	incarnation, ok := values["incarnation"]
	if !ok {
		return Start{}, errors.New("no incarnation")
	}
	s.Incarnation = incarnation
	if s.Sequence, err = strconv.ParseUint(values["sequence"], 10, 64); err != nil {
		return Start{}, err
	}
	if s.OK, err = strconv.ParseBool(values["ok"]); err != nil {
		return Start{}, err
	}
	failure, ok := values["failure"]
	if !ok {
		return Start{}, errors.New("no failure")
	}
	if s.Failure, err = base64.StdEncoding.Strict().DecodeString(failure); err != nil {
		return Start{}, err
	}
	if len(s.Failure) > maxFailure {
		return Start{}, fmt.Errorf("a failure of %d bytes", len(s.Failure))
	}
	if len(s.Failure) == 0 {
		s.Failure = nil
	}
	if replaced, ok := values["replaced"]; ok {
		n, err := strconv.ParseUint(replaced, 10, 63)
		if err != nil {
			return Start{}, err
		}
		s.Replaced = time.UnixMilli(int64(n))
	}
	return s, nil
}
