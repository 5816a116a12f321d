package checks

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
)

type detailedKey struct{}

// Detailed returns a context with which a probe collects Seen, for somebody who looks at it. A scheduler doesn't: nobody
// would, and the texts of thousands of checks cost time and memory.
func Detailed(ctx context.Context) context.Context {
	return context.WithValue(ctx, detailedKey{}, true)
}

// hiddenHeaders are not for everybody's eyes.
var hiddenHeaders = []string{"Set-Cookie", "Set-Cookie2", "Authentication-Info", "Proxy-Authentication-Info"}

// seenHead shows a status line and the headers.
func seenHead(resp *http.Response) []string {
	const most = 40
	seen := []string{"status line: " + clean(resp.Proto+" "+resp.Status)}
	for _, name := range slices.Sorted(maps.Keys(resp.Header)) {
		for _, value := range resp.Header[name] {
			switch {
			case len(seen) > most:
				return append(seen, "and more headers")
			case slices.Contains(hiddenHeaders, name):
				value = "…"
			case name == "Location":
				value = withoutSecrets(value)
			}
			seen = append(seen, clean(name)+": "+clean(value))
		}
	}
	return seen
}

// withoutSecrets drops the user and the query of a URL, where a redirect may repeat those of the request.
func withoutSecrets(location string) string {
	u, err := url.Parse(location)
	if err != nil {
		return ""
	}
	u.User, u.RawQuery = nil, ""
	return u.String()
}
