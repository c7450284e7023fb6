package emit

import (
	"slices"
	"strings"
	"unicode"
)

// width is the length of a line of a comment, after the slashes.
const width = 77

// wrap breaks a text into lines.
func wrap(text string) []string {
	var lines []string
	for word := range strings.FieldsSeq(text) {
		if last := len(lines) - 1; last >= 0 && len(lines[last])+1+len(word) <= width {
			lines[last] += " " + word
		} else {
			lines = append(lines, word)
		}
	}
	return lines
}

// link returns a link to the declaration of a name in go doc.
func link(name string) string {
	if strings.ContainsRune(name, '[') {
		return name
	}
	return "[" + name + "]"
}

// withArticle returns the name of a type behind "a" or "an", as one says it: "a User",
// "an Index", "an lru.Cache".
func withArticle(name string) string {
	if saysVowel(name) {
		return "an " + name
	}
	return "a " + name
}

// saysVowel reports whether the sound of name begins with a vowel. It takes consonants
// with which no English word begins, and several capitals, for an initialism.
func saysVowel(name string) bool {
	letters := []rune(name)
	end := slices.IndexFunc(letters, func(c rune) bool { return !unicode.IsLetter(c) })
	if end >= 0 {
		letters = letters[:end]
	}
	word := strings.ToLower(string(letters))
	at := func(i int, set string) bool { return i < len(word) && strings.IndexByte(set, word[i]) >= 0 }
	const vowels = "aeiouy"
	upper := len(letters) > 1 && unicode.IsUpper(letters[0]) && unicode.IsUpper(letters[1])
	consonants := len(word) > 1 && !at(0, vowels) && !at(1, vowels) && !slices.Contains(clusters, word[:2])
	switch {
	case len(word) == 1, upper, consonants:
		return at(0, "aefhilmnorsx")
	case strings.HasPrefix(word, "one"), strings.HasPrefix(word, "eu"), strings.HasPrefix(word, "uu"):
		return false
	case at(0, "u") && !strings.HasPrefix(word, "un"):
		return !at(2, "aeiou") || strings.HasPrefix(word, "up")
	case strings.HasPrefix(word, "uni"):
		return false
	case strings.HasPrefix(word, "hour"), strings.HasPrefix(word, "honest"), strings.HasPrefix(word, "heir"):
		return true
	}
	return at(0, "aeiou")
}

// clusters are the two consonants with which English words begin.
var clusters = strings.Fields("bl br ch cl cr dr dw fl fr gh gl gn gr kl kn kr ph pl pr ps qu rh sc sh sk sl sm sn sp sq st sw th tr tw wh wr")
