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

// Start is the content of the start file: the failed attempts to start a daemon. An attempt
// that succeeds changes nothing here.
type Start struct {
	Failures uint64 // how many attempts have failed
	Failure  []byte // the report of the last one: opaque, at most 64 KiB. Clients that waited for spawn.lock meanwhile fail with it as well

	// Replaced is when a client last replaced a daemon by another one, to the
	// millisecond; zero if none ever did.
	Replaced time.Time
}

// ReadStart returns the Start of the last WriteStart, or the zero Start if there is no file
// or WriteStart cannot have written it. It fails if this process could not read the file.
func (d *Dir) ReadStart() (Start, error) {
	text, err := d.readFile(startName, 2*maxFailure)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errForeign) {
		return Start{}, nil
	}
	if err != nil {
		return Start{}, fmt.Errorf("reading what earlier starts have left: %w", err)
	}
	var s Start
	if s.UnmarshalText(text) != nil {
		return Start{}, nil
	}
	return s, nil
}

// WriteStart replaces the start file, in one step. If it fails, the old file is still
// there. The caller must hold spawn.lock.
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
		return fmt.Errorf("writing what became of a start in %s: %w", d.path, err)
	}
	return nil
}

// MarshalText returns s as text: the lines failures, failure (base64) and replaced
// (milliseconds of Unix time; only where it is not zero). It fails if Failure is too
// long.
func (s Start) MarshalText() ([]byte, error) {
	if len(s.Failure) > maxFailure {
		return nil, fmt.Errorf("encoding what became of a start: a failure of %d bytes; the limit is %d", len(s.Failure), maxFailure)
	}
	w := newLineWriter()
	w.line("failures", strconv.FormatUint(s.Failures, 10))
	w.line("failure", base64.StdEncoding.EncodeToString(s.Failure))
	if !s.Replaced.IsZero() {
		w.line("replaced", strconv.FormatInt(s.Replaced.UnixMilli(), 10))
	}
	return w.end(), nil
}

// UnmarshalText sets s from a result of MarshalText. It fails if a line other than replaced
// is missing, or if a line appears twice or is malformed.
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
		return fmt.Errorf("decoding what became of a start: %w", err)
	}
	return nil
}

func startFrom(values map[string]string) (s Start, err error) {
	if s.Failures, err = strconv.ParseUint(values["failures"], 10, 64); err != nil {
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
