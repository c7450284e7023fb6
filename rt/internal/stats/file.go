package stats

import (
	"fmt"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// Totals are the numbers of all daemons of a singleton.
type Totals struct {
	Methods            map[string]Numbers // by name
	Starts             map[string]uint64  `cbor:",omitempty"` // by result: StartOK or StartFailed
	RefusedConnections map[string]uint64  `cbor:",omitempty"` // by reason, as "not allowed"
}

// The results of a start.
const (
	StartOK     = "ok"
	StartFailed = "failed"
)

// File is the content of the file of totals, which a daemon leaves to its successors.
type File struct {
	Format  int    // fileFormat
	Service string // the import path and name of the type
	Totals
}

const fileFormat = 1

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
	if f.Format != fileFormat {
		return File{}, fmt.Errorf("reading the totals: format %d instead of %d", f.Format, fileFormat)
	}
	for name, n := range f.Methods {
		if len(n.RunTimes) > Buckets || len(n.WaitTimes) > Buckets || n.unsuccessful() > n.Calls || sum(n.RunTimes) > n.Calls || n.Ran < 0 || n.Waited < 0 {
			return File{}, fmt.Errorf("reading the totals of %q: the numbers contradict each other", name)
		}
	}
	return f, nil
}
