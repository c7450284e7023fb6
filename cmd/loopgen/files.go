package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/loopgen/loopgen/generator"
)

// compare prints how the files on disk differ from what they should be. It
// returns errFailed if any does.
func compare(files []generator.File, stdout io.Writer) error {
	var err error
	for _, f := range files {
		name := fromHere(f.Path)
		old, readErr := os.ReadFile(f.Path)
		if readErr != nil && !errors.Is(readErr, fs.ErrNotExist) {
			return fmt.Errorf("checking %s: %w", name, readErr)
		}
		if !bytes.Equal(old, f.Content) {
			fmt.Fprintf(stdout, "%s is out of date: run go generate\n%s", name, diff.Diff(name, old, name+" (generated now)", f.Content))
			err = errFailed
		}
	}
	return err
}

// replace puts the files in their places. All are complete on disk before the
// first is renamed, so that a full disk or a read-only directory changes
// nothing; a file that is already right keeps its time of modification.
func replace(files []generator.File) error {
	var pending []rename
	defer func() {
		for _, p := range pending {
			_ = os.Remove(p.from) // gone where it was renamed
		}
	}()
	for _, f := range files {
		old, err := os.ReadFile(f.Path)
		if err == nil && bytes.Equal(old, f.Content) {
			continue
		}
		temporary, err := prepare(f)
		if err != nil {
			return fmt.Errorf("writing %s: %w; check that the directory exists and is writable", fromHere(f.Path), err)
		}
		pending = append(pending, rename{temporary, f.Path})
	}
	for _, p := range pending {
		if err := os.Rename(p.from, p.to); err != nil {
			return fmt.Errorf("replacing %s: %w; see what keeps it from being replaced and run loopgen again", fromHere(p.to), err)
		}
	}
	return nil
}

// rename is a file ready to take its place.
type rename struct{ from, to string }

// prepare writes the content beside its destination, with the mode of the file
// that it will replace, and returns the temporary file's path.
func prepare(f generator.File) (path string, err error) {
	mode := fs.FileMode(0o644)
	if info, err := os.Stat(f.Path); err == nil {
		if !info.Mode().IsRegular() {
			return "", errors.New("it is not a regular file")
		}
		mode = info.Mode().Perm()
		// A rename would replace a file that its owner protected.
		w, err := os.OpenFile(f.Path, os.O_WRONLY, 0)
		if err != nil {
			return "", err
		}
		w.Close()
	}
	// The name does not end in .go: no build ever sees it.
	tmp, err := os.CreateTemp(filepath.Dir(f.Path), "."+filepath.Base(f.Path)+".*")
	if err != nil {
		return "", err
	}
	defer func() {
		if closeErr := tmp.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			os.Remove(tmp.Name())
		}
	}()
	if _, err := tmp.Write(f.Content); err != nil {
		return "", err
	}
	return tmp.Name(), tmp.Chmod(mode)
}
