package process

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"
)

// Program describes an executable, independent of its path. The zero value describes none.
type Program struct {
	// Main is the main package of the build information. A program built from a list
	// of files has no package path: then the name of the executable follows.
	Main string
	// Content is the Go build ID: hashes of the linker's inputs and of its output,
	// separated by slashes.
	Content string
	// Modified is the file's time of modification.
	Modified time.Time
}

// Same reports whether two programs have the same content: they were linked from the same
// inputs, or to the same output. A linker for C need not be deterministic, so the outputs of
// the same inputs may differ. Same may be called concurrently.
func (p Program) Same(other Program) bool {
	input, output := ends(p.Content)
	otherInput, otherOutput := ends(other.Content)
	return input == otherInput || output == otherOutput
}

// ends returns the first and the last part of a Go build ID.
func ends(id string) (first, last string) {
	first, _, _ = strings.Cut(id, "/")
	return first, id[strings.LastIndexByte(id, '/')+1:]
}

// OwnProgram returns a description of the program that this process runs. It fails if the
// program's file was removed or replaced, or if the program has no build information or no
// Go build ID. It may be called concurrently.
func OwnProgram() (Program, error) {
	p := Program{Main: mainPackage()}
	if p.Main == "" {
		return Program{}, errors.New("describing the running program: it has no build information")
	}
	path, err := ownImage()
	if err != nil {
		return Program{}, err
	}
	f, err := os.Open(path)
	if err != nil {
		return Program{}, fmt.Errorf("describing the running program: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Program{}, fmt.Errorf("describing the running program: %w", err)
	}
	// Another file may have taken the path meanwhile.
	own, err := Build()
	if err != nil {
		return Program{}, err
	}
	if id, err := fileID(path, info); err != nil || id != own {
		return Program{}, errors.New("describing the running program: its file was replaced")
	}
	head := make([]byte, buildIDWithin)
	n, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return Program{}, fmt.Errorf("describing the running program: %w", err)
	}
	if p.Content = goBuildID(head[:n]); p.Content == "" {
		return Program{}, errors.New("describing the running program: it has no Go build ID")
	}
	p.Modified = info.ModTime()
	return p, nil
}

// mainPackage returns Program.Main of this program.
func mainPackage() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	if info.Path != "command-line-arguments" {
		return info.Path
	}
	return info.Path + " " + filepath.Base(Executable())
}

// buildIDWithin is how far from the beginning of a file the go command looks for the
// build ID.
const buildIDWithin = 32 << 10

// goBuildID returns the build ID in the beginning of an executable, or "" if there is none.
// It is a note in an ELF file, and at the beginning of the code in other files.
func goBuildID(head []byte) string {
	const before, after = "\xff Go build ID: \"", "\"\n \xff"
	if !bytes.HasPrefix(head, []byte("\x7fELF")) {
		_, rest, _ := bytes.Cut(head, []byte(before))
		id, _, ok := bytes.Cut(rest, []byte(after))
		if !ok {
			return ""
		}
		return string(id)
	}
	const kind = 4 // of the note
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		var number [4]byte
		order.PutUint32(number[:], kind)
		at := bytes.Index(head, append(number[:], "Go\x00\x00"...))
		if at < 4 {
			continue
		}
		id, length := head[at+8:], order.Uint32(head[at-4:])
		if uint64(length) <= uint64(len(id)) {
			return string(id[:length])
		}
	}
	return ""
}

// FromGoCommand reports whether this program was built by go run or go test, and runs in a
// temporary directory of the go command. It may be called concurrently.
func FromGoCommand() bool {
	path, err := os.Executable()
	return err == nil && fromGoCommand(strings.TrimSuffix(path, " (deleted)"))
}

// fromGoCommand reports whether the go command chooses such a path. For a build it is
// <temporary>/go-build123/b001/exe/name, for a test <temporary>/go-build123/b001/name.test.
// Since Go 1.24 it may also be in the build cache, <cache>/0a/0a…-d/name with 64
// hexadecimal digits.
func fromGoCommand(path string) bool {
	dir := filepath.Dir(path)
	if hash, ok := strings.CutSuffix(filepath.Base(dir), "-d"); ok {
		return len(hash) == 64 && strings.Trim(hash, "0123456789abcdef") == "" && filepath.Base(filepath.Dir(dir)) == hash[:2]
	}
	if filepath.Base(dir) == "exe" {
		dir = filepath.Dir(dir)
	}
	return numbered(filepath.Base(dir), "b") && numbered(filepath.Base(filepath.Dir(dir)), "go-build")
}

// numbered reports whether name is prefix and a number.
func numbered(name, prefix string) bool {
	number, ok := strings.CutPrefix(name, prefix)
	return ok && number != "" && strings.Trim(number, "0123456789") == ""
}
