package check

import "strings"

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
