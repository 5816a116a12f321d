package checks

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
)

// digest returns a text that differs if the URL's user, its query or a header differs. It tells two probes apart in
// memory and in the state file, which only its owner can read: whoever has it can tell most wrong guesses at a weak
// secret from the right one. So it is not logged.
func (p *HTTPProbe) digest() string {
	h := sha256.New()
	// Quoting keeps one field from running into the next.
	if p.URL.User != nil {
		fmt.Fprintf(h, "user %q\n", p.URL.User.String())
	}
	fmt.Fprintf(h, "query %q\n", p.URL.RawQuery)
	for _, name := range slices.Sorted(maps.Keys(p.Headers)) {
		fmt.Fprintf(h, "%q %q\n", name, p.Headers[name])
	}
	return hex.EncodeToString(h.Sum(nil)[:4])
}

// shown describes a probe for a log.
func shown(p Probe) string {
	if h, ok := p.(*HTTPProbe); ok {
		return h.describe(false)
	}
	return p.String()
}
