package control

import (
	"fmt"

	"dnsfailover/dnsfailover/meant"
)

// suggest says which of names was likely meant by given, or, after the verb, which there are.
func suggest(given string, names []string, verb string) string {
	if best := meant.Nearest(given, names); best != "" {
		return fmt.Sprintf(": did you mean %q?", best)
	}
	return "; " + verb + " " + list(names)
}
