package checks

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
)

// digestKey makes digests worthless to whoever wants to guess a short secret from what status shows. They
// are compared within one process only.
var digestKey = rand.Text()

// digest returns a text that differs if the URL's user, its query or a header differs.
func (p *HTTPProbe) digest() string {
	h := hmac.New(sha256.New, []byte(digestKey))
	// Quoting keeps one field from running into the next.
	if p.URL.User != nil {
		fmt.Fprintf(h, "user %q\n", p.URL.User.String())
	}
	fmt.Fprintf(h, "query %q\n", p.URL.RawQuery)
	for _, name := range slices.Sorted(maps.Keys(p.Headers)) {
		fmt.Fprintf(h, "%q %q\n", name, p.Headers[name])
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
