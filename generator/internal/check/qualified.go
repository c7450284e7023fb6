package check

import (
	"strings"
	"unicode"
)

// EachName calls f for every word of source that is a name or, as on the
// command line, a name with an import path in front: example.com/app.User. It
// returns source with each of these words replaced by the result of f.
func EachName(source string, f func(path, name string) string) string {
	var b strings.Builder
	for source != "" {
		start := strings.IndexFunc(source, func(c rune) bool { return unicode.IsLetter(c) || c == '_' })
		if start < 0 {
			break
		}
		b.WriteString(source[:start])
		source = source[start:]
		end := strings.IndexFunc(source, func(c rune) bool { return !isPathRune(c) })
		if end < 0 {
			end = len(source)
		}
		word := source[:end]
		dot := strings.LastIndexByte(word, '.')
		b.WriteString(f(word[:max(dot, 0)], word[dot+1:]))
		source = source[end:]
	}
	return b.String() + source
}

func isPathRune(c rune) bool {
	return unicode.IsLetter(c) || unicode.IsDigit(c) || strings.ContainsRune("_./~-", c)
}

// isNoName reports whether c is no part of a name.
func isNoName(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) && c != '_' }

// unqualified returns source without import paths.
func unqualified(source string) string {
	return EachName(source, func(_, name string) string { return name })
}
