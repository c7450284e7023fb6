package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"
)

// textFiles returns the regular files below dir, in lexical order.
func textFiles(dir string) (files []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	})
	return files, err
}

// countWords counts the words of a file, and says whether it is text at all.
func countWords(file string) (words map[string]int, text bool, err error) {
	data, err := os.ReadFile(file)
	if err != nil || bytes.IndexByte(data[:min(len(data), 8000)], 0) >= 0 {
		return nil, false, err
	}
	words = make(map[string]int)
	for word := range strings.FieldsFuncSeq(string(data), func(r rune) bool { return !unicode.IsLetter(r) }) {
		words[strings.ToLower(word)]++
	}
	return words, true, nil
}

// countAlone counts everything in this process.
func countAlone(dir string) (Totals, error) {
	files, err := textFiles(dir)
	if err != nil {
		return Totals{}, err
	}
	all := NewIndex()
	for _, file := range files {
		words, text, err := countWords(file)
		if err != nil {
			return Totals{}, err
		}
		if text {
			all.total.Files++
			for word, n := range words {
				all.words[word] += n
				all.total.Words += n
			}
		}
	}
	return all.Totals(), nil
}
