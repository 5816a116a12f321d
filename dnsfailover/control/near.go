package control

import (
	"fmt"
	"strings"
)

// suggest says which of names was likely meant by given, or, after the verb, which there are.
func suggest(given string, names []string, verb string) string {
	best, most := "", 1+len(given)/4
	for _, name := range names {
		d := distance(strings.ToLower(given), strings.ToLower(name))
		if d < most || d == most && best == "" {
			best, most = name, d
		}
	}
	if best != "" {
		return fmt.Sprintf(": did you mean %q?", best)
	}
	return "; " + verb + " " + list(names)
}

// distance counts the octets to insert, remove or replace, or to swap with their neighbour, to get from a to b. It
// gives up on long texts.
func distance(a, b string) int {
	const long = 64 // octets, as in a label
	if len(a) > long || len(b) > long {
		return long
	}
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		d[i][0] = i
	}
	for j := range d[0] {
		d[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(a)][len(b)]
}
