package process

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// markerVariable says that Start has started the process, and which descriptors are its
// pipes.
const markerVariable = "LOOPGEN_DAEMON"

// marker is the value of the variable: "1 <payload> <report> <leaks>". The first
// number is the version of this layout.
type marker struct {
	payload, report uintptr // descriptors or handles in the child
	// leaks are the other descriptors that the child inherits although it should not,
	// as ranges: "5-7,12", or "-".
	leaks string
}

func (m marker) String() string {
	return fmt.Sprintf("1 %d %d %s", m.payload, m.report, m.leaks)
}

func parseMarker(s string) (m marker, err error) {
	fields := strings.Fields(s)
	if len(fields) != 4 || fields[0] != "1" {
		return m, errors.New("not of this version")
	}
	payload, err := strconv.ParseUint(fields[1], 10, 31)
	if err != nil {
		return m, err
	}
	report, err := strconv.ParseUint(fields[2], 10, 31)
	if err != nil {
		return m, err
	}
	if payload <= 2 || report <= 2 || payload == report {
		return m, errors.New("impossible descriptors")
	}
	return marker{payload: uintptr(payload), report: uintptr(report), leaks: fields[3]}, nil
}
