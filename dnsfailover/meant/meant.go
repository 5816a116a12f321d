// Package meant guesses which of the words that are known a mistyped one was meant to be.
package meant

import "strings"

// long is how many octets a word may have to be compared at all; names of labels, keys and directives are shorter.
const long = 64

// Nearest returns the first of known that differs least from given, letter case, dashes and underscores aside; empty if none
// is near: one change, and another for every four letters.
func Nearest(given string, known []string) string {
	best, most := "", 1+len(given)/4
	for _, candidate := range known {
		d, ok := distance(plain(given), plain(candidate))
		if ok && (d < most || d == most && best == "") {
			best, most = candidate, d
		}
	}
	return best
}

func plain(s string) string {
	return strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(s))
}

// distance counts the letters to insert, remove, replace or swap with their neighbour to get from a to b
// (optimal string alignment); false for words that are too long to be worth it.
func distance(a, b string) (int, bool) {
	if len(a) > long || len(b) > long {
		return 0, false
	}
	row := func() []int { return make([]int, len(b)+1) }
	before, last, next := row(), row(), row()
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		next[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next[j+1] = min(last[j+1]+1, next[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, last, next = last, next, before
	}
	return last[len(b)], true
}
