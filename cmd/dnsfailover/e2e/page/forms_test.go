package page

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"image/png"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestEveryFormTheClientAsksFor asks as browsers, feeds, scripts and <img> do, from memory (GET, HEAD) and past it (another method).
func TestEveryFormTheClientAsksFor(t *testing.T) {
	t.Parallel()
	until := time.Now().Add(90 * time.Minute).UTC().Truncate(time.Second)
	h := begin(t, listen+`hosts: [{names: [www.example.com], planned: {reason: "New <disks>", until: "`+until.Format(time.RFC3339)+`"}}]`, nil)
	for _, c := range []struct{ path, accept, media string }{
		{"/", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"},
		{"/", "*/*", "text/plain"},
		{"/", "", "text/plain"},
		{"/x.html", "", "text/html"},
		{"/x.json?a=b", "", "application/problem+json"},
		{"/x.json", "*/*", "application/problem+json"},
		{"/x.json", "text/html", "text/html"},
		{"/feed.rss", "", "application/xml"},
		{"/a.jpg", "", "image/png"},
		{"/a.svg", "", "image/svg+xml"},
		{"/", "application/json", "application/problem+json"},
		{"/", "text/html;q=0.4, application/json;q=0.5", "application/problem+json"},
		{"/", "text/html;q=0, text/*;q=0.1", "text/plain"},
		{"/", "application/json, text/plain, */*", "application/problem+json"},
		{"/", "application/vnd.api+json", "application/problem+json"},
		{"/", "application/*", "application/problem+json"},
		{"/", "application/xml", "application/xml"},
		{"/", "image/png", "image/png"},
		{"/", "image/svg+xml", "image/svg+xml"},
		{"/", "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", "image/svg+xml"},
		{"/", "audio/ogg", "text/plain"},
	} {
		for _, method := range [][]string{{}, {"-I"}, {"-X", "DELETE"}, {"--data", strings.Repeat("x", 100_000)}, {"-T", "forms_test.go"}} {
			r := curl(t, append(method, "-H", "Host: www.example.com", "-H", "Accept: "+c.accept, "http://"+h.http+c.path)...)
			what := strings.Join(append(method[:min(1, len(method))], c.path, c.accept), " ")
			if media, _, _ := strings.Cut(r.header.Get("Content-Type"), ";"); r.status != "503" || media != c.media {
				t.Errorf("%s: %s %s, not 503 %s", what, r.status, media, c.media)
			}
			for name, want := range map[string]string{"Cache-Control": "no-store", "Dnsfailover-Page": "notice"} {
				if got := r.header.Get(name); got != want {
					t.Errorf("%s: %s is %q, not %q", what, name, got, want)
				}
			}
			if vary := r.header.Get("Vary"); !strings.Contains(vary, "Accept") || !strings.Contains(vary, "Accept-Language") {
				t.Errorf("%s: Vary is %q", what, vary)
			}
			left := time.Until(until).Seconds()
			if after, err := strconv.Atoi(r.header.Get("Retry-After")); err != nil || float64(after) < left-1 || float64(after) > left+60 {
				t.Errorf("%s: Retry-After is %q, with %.0f seconds left", what, r.header.Get("Retry-After"), left)
			}
			length, err := strconv.Atoi(r.header.Get("Content-Length"))
			head := len(method) > 0 && method[0] == "-I"
			if err != nil || length == 0 || head && r.body != "" || !head && length != len(r.body) {
				t.Errorf("%s: Content-Length is %q, the body has %d octets", what, r.header.Get("Content-Length"), len(r.body))
			}
			if !head {
				wellFormed(t, what, c.media, r.body)
			}
		}
	}
	if r := curl(t, "-H", "Host: www.example.com", "-H", "Accept-Language: xx, de-CH;q=0.8, en;q=0.1", "http://"+h.http+"/"); !strings.Contains(r.body, "Wartung") || r.header.Get("Content-Language") != "de" {
		t.Errorf("who asks for German reads\n%s", r.body)
	}
}

// wellFormed reads a notice as its client would, and looks for the reason.
func wellFormed(t *testing.T, what, media, body string) {
	t.Helper()
	reason := "New <disks>"
	switch media {
	case "image/png":
		if drawn, err := png.Decode(strings.NewReader(body)); err != nil || drawn.Bounds().Dx() < 100 {
			t.Errorf("%s: %v", what, err)
		}
		return
	case "application/problem+json":
		var problem struct {
			Status  int
			Planned bool
			Reason  string
		}
		if err := json.Unmarshal([]byte(body), &problem); err != nil || problem.Status != 503 || !problem.Planned || problem.Reason != reason {
			t.Errorf("%s: %v: %s", what, err, body)
		}
		return
	case "text/html":
		reason = "New &lt;disks&gt;"
	case "application/xml", "image/svg+xml":
		reason = "New &lt;disks&gt;"
		for d := xml.NewDecoder(bytes.NewReader([]byte(body))); ; {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Errorf("%s: %v\n%s", what, err, body)
				break
			}
		}
	}
	if !strings.Contains(body, reason) {
		t.Errorf("%s: the reason isn't in\n%s", what, body)
	}
}
