package stats

import (
	"errors"
	"fmt"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// Totals are the numbers of all daemons of a singleton.
type Totals struct {
	Methods            map[string]Numbers // by name
	Starts             map[string]uint64  `cbor:",omitempty"` // by result, "ok" or "failed"
	RefusedConnections map[string]uint64  `cbor:",omitempty"` // by reason, as "not allowed"
}

// File is the content of the file of totals, which a daemon leaves to its successors.
type File struct {
	Format  int    // fileFormat
	Service string // the import path and name of the type
	Totals
}

const fileFormat = 1

var errInvalid = errors.New("reading the totals: they have another format, or contradict each other")

// Encode returns the content of the file of totals. It may be called concurrently.
func Encode(service string, totals Totals) ([]byte, error) {
	return wire.Marshal(File{fileFormat, service, totals})
}

// Parse decodes the file of totals. It returns an error if data is not what Encode returns,
// or has numbers that contradict each other. It may be called concurrently.
func Parse(data []byte) (File, error) {
	var f File
	if err := wire.Unmarshal(data, &f); err != nil {
		return File{}, fmt.Errorf("reading the totals: %w", err)
	}
	valid := f.Format == fileFormat
	for _, n := range f.Methods {
		valid = valid && max(len(n.RunTimes), len(n.WaitTimes)) <= Buckets && max(n.unsuccessful(), sum(n.RunTimes)) <= n.Calls && min(n.Ran, n.Waited) >= 0
	}
	if !valid {
		return File{}, errInvalid
	}
	return f, nil
}
