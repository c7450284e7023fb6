//go:build unix

package rundir_test

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/loopgen/loopgen/rt/internal/rundir"
)

func TestStart(t *testing.T) {
	d := open(t)
	if got, err := d.ReadStart(); err != nil || !reflect.DeepEqual(got, rundir.Start{}) {
		t.Errorf("before any start: %+v, %v", got, err)
	}
	for _, want := range []rundir.Start{
		{},
		{Failures: 1},
		{Failures: 1<<64 - 1, Failure: []byte{0, 0xff, '\n'}},
		{Failures: 2, Replaced: time.UnixMilli(1764108000123)},
		{Failure: bytes.Repeat([]byte{0xff}, 64<<10)},
	} {
		if err := d.WriteStart(want); err != nil {
			t.Fatal(err)
		}
		if got, err := d.ReadStart(); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
	}
	if err := d.WriteStart(rundir.Start{Failure: make([]byte, 64<<10+1)}); err == nil {
		t.Error("a failure of 64 KiB and one byte: got no error")
	}
	path := filepath.Join(d.Path(), "start")
	good, err := rundir.Start{Failures: 7, Failure: []byte("why"), Replaced: time.UnixMilli(1)}.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	spoil := map[string]func() error{
		"fifo": func() error { return unix.Mkfifo(path, 0o600) },
		"link": func() error { return os.Symlink("/dev/zero", path) },
		"1 MB": func() error { return os.WriteFile(path, make([]byte, 1<<20), 0o600) },
		"odd": func() error {
			return os.WriteFile(path, bytes.Replace(good, []byte("replaced 1"), []byte("replaced -1"), 1), 0o600)
		},
		"2": func() error { return os.WriteFile(path, []byte("loopgen 2\nend\n"), 0o600) },
	}
	for n := range good {
		spoil[string(good[:n])] = func() error { return os.WriteFile(path, good[:n], 0o600) }
	}
	for name, put := range spoil {
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		if err := put(); err != nil {
			t.Fatal(err)
		}
		if got, err := d.ReadStart(); err != nil || !reflect.DeepEqual(got, rundir.Start{}) {
			t.Errorf("%q: got %+v, %v", name, got, err)
		}
	}
	// The file of a killed writer does not disturb the next one.
	if err := os.WriteFile(path+".new", []byte("left"), 0); err != nil {
		t.Fatal(err)
	}
	if err := d.WriteStart(rundir.Start{Failures: 8}); err != nil {
		t.Error(err)
	}
}

func FuzzStart(f *testing.F) {
	for _, s := range []rundir.Start{{}, {Failures: 7, Failure: []byte("why")}, {Replaced: time.UnixMilli(1)}} {
		text, err := s.MarshalText()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		var first, second rundir.Start
		if first.UnmarshalText(input) != nil {
			return
		}
		text, err := first.MarshalText()
		if err != nil {
			t.Fatalf("%q was read and cannot be written: %v", input, err)
		}
		if err := second.UnmarshalText(text); err != nil || !reflect.DeepEqual(first, second) {
			t.Fatalf("%q became %q: %v", input, text, err)
		}
	})
}
