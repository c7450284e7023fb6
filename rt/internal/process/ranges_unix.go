//go:build unix

package process

import (
	"strconv"
	"strings"
)

// maxLeaks bounds the list of leaks in a marker, in bytes: an environment string
// that is too long makes exec fail.
const maxLeaks = 64 << 10

// formatRanges writes ascending numbers as ranges.
func formatRanges(numbers []int) string {
	var b strings.Builder
	for i := 0; i < len(numbers) && b.Len() < maxLeaks; {
		j := i
		for j+1 < len(numbers) && numbers[j+1] == numbers[j]+1 {
			j++
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Itoa(numbers[i]))
		if j > i {
			b.WriteString("-" + strconv.Itoa(numbers[j]))
		}
		i = j + 1
	}
	if b.Len() == 0 {
		return "-"
	}
	return b.String()
}

// eachInRanges calls f with every number in the ranges that formatRanges has written. It
// skips malformed ranges.
func eachInRanges(s string, f func(int)) {
	for r := range strings.SplitSeq(s, ",") {
		first, last, isRange := strings.Cut(r, "-")
		if !isRange {
			last = first
		}
		from, err1 := strconv.ParseUint(first, 10, 20)
		to, err2 := strconv.ParseUint(last, 10, 20)
		if err1 != nil || err2 != nil {
			continue
		}
		for n := from; n <= to; n++ {
			f(int(n))
		}
	}
}
