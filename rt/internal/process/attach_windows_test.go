package process

import (
	"errors"
	"os"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/windows"
)

// A child leaves the job of this process where the job allows it and stays in the job where
// it does not. Any other error is an error of the start.
func TestBreakAway(t *testing.T) {
	const flags = windows.CREATE_NO_WINDOW
	const away = flags | windows.CREATE_BREAKAWAY_FROM_JOB
	for _, test := range []struct {
		name  string
		fails []error
		flags []uint32
		want  error
	}{
		{"allowed", []error{nil}, []uint32{away}, nil},
		{"refused", []error{windows.ERROR_ACCESS_DENIED, nil}, []uint32{away, flags}, nil},
		{"refused, as os says it", []error{&os.PathError{Op: "fork/exec", Err: windows.ERROR_ACCESS_DENIED}, nil}, []uint32{away, flags}, nil},
		{"refused for another reason", []error{windows.ERROR_ACCESS_DENIED, windows.ERROR_ACCESS_DENIED}, []uint32{away, flags}, windows.ERROR_ACCESS_DENIED},
		{"no such program", []error{windows.ERROR_FILE_NOT_FOUND}, []uint32{away}, windows.ERROR_FILE_NOT_FOUND},
	} {
		sys := &syscall.SysProcAttr{CreationFlags: flags}
		var tried []uint32
		_, err := breakAway(sys, func() (*os.Process, error) {
			tried = append(tried, sys.CreationFlags)
			return nil, test.fails[len(tried)-1]
		})
		if !errors.Is(err, test.want) || !slices.Equal(tried, test.flags) {
			t.Errorf("%s: %v with flags %x, want %v with %x", test.name, err, tried, test.want, test.flags)
		}
	}
}
