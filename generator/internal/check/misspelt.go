package check

import (
	"regexp"
	"slices"
	"strings"
)

// attempt matches the start of a comment that may be meant as a directive: characters
// before the name loopgen, the name in any case, characters after it, the word and the
// rest.
var attempt = regexp.MustCompile(`(?i)^(\s*)([+@#]?\s*|go:)loopgen([:.=/ \t-]+)([a-z]+)(|\s.*)$`)

// misspelt returns the directive that a comment spells in another way, as in
// "//loopgen readonly", "// +loopgen:readonly" or "/*loopgen:readonly*/". It returns ""
// for directives and for prose. The name loopgen and one of the directives must begin
// the comment. Where they may be words of a sentence, as in "// loopgen skip", they
// and an argument must also be all of it.
func misspelt(comment string) string {
	if rest, ok := strings.CutPrefix(comment, directivePrefix); ok && strings.TrimLeft(rest, ": \t") == rest {
		return ""
	}
	text, isBlock := strings.CutPrefix(comment, "/*")
	text = strings.TrimSuffix(text, "*/")
	lines := strings.Split(strings.TrimPrefix(text, "//"), "\n")
	if isBlock {
		for i, line := range lines {
			lines[i] = strings.TrimPrefix(strings.TrimLeft(line, " \t"), "*")
		}
	}
	for _, line := range lines {
		found := attempt.FindStringSubmatch(strings.TrimRight(line, " \t\r"))
		if found == nil {
			continue
		}
		space, prefix, separator, word, argument := found[1], found[2], found[3], strings.ToLower(found[4]), strings.TrimSpace(found[5])
		i := slices.Index(directiveNames(), word)
		if i < 0 {
			continue
		}
		d := directives[i]
		fits := d.fits == nil && argument == "" || d.fits != nil && d.fits(argument)
		prose := strings.ContainsAny(separator, " \t") && (isBlock || space+prefix != "") || len(lines) > 1
		switch {
		case fits && argument != "":
			return directivePrefix + word + " " + argument
		case fits || !prose && d.fits == nil:
			return directivePrefix + word
		case !prose:
			return directivePrefix + word + " " + d.form
		}
	}
	return ""
}

// didYouMean asks whether the nearest of names was meant, and writes before in front of
// it. It returns otherwise when none is close.
func didYouMean(name string, names []string, before, otherwise string) string {
	if near := nearest(name, names); near != "" {
		return "did you mean " + before + near + "?"
	}
	return otherwise
}

// nearest returns the name that was probably meant by one that does not
// exist, or "" when none is close.
func nearest(name string, names []string) string {
	best, limit := "", len(name)/3+2
	for _, other := range names {
		if strings.EqualFold(name, other) {
			return other
		}
		if d := distance(strings.ToLower(name), strings.ToLower(other)); d < limit {
			best, limit = other, d
		}
	}
	return best
}

// distance counts the insertions, deletions and replacements between a and b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next := min(row[j+1]+1, row[j]+1, diagonal+cost)
			diagonal, row[j+1] = row[j+1], next
		}
	}
	return row[len(b)]
}
