package checks

import (
	"crypto/x509"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

func TestStringTellsProbesApart(t *testing.T) {
	poolA, poolB := x509.NewCertPool(), x509.NewCertPool()
	base := func() *HTTPProbe {
		return &HTTPProbe{
			URL:     parseURL(t, "https://joe:hunter2@www.example.com/healthz?token=hunter2", netip.AddrPort{}),
			Address: netip.MustParseAddr("192.0.2.1"),
			Headers: http.Header{"X-Token": {"hunter2"}},
		}
	}
	if a, b := base().String(), base().String(); a != b {
		t.Errorf("equal probes differ: %s and %s", a, b)
	}
	seen := map[string]string{}
	for name, change := range map[string]func(*HTTPProbe){
		"base":           func(*HTTPProbe) {},
		"another path":   func(p *HTTPProbe) { p.URL.Path = "/" },
		"another scheme": func(p *HTTPProbe) { p.URL.Scheme = "http" },
		"another password": func(p *HTTPProbe) {
			p.URL = parseURL(t, strings.Replace(p.URL.String(), "joe:hunter2", "joe:hunter3", 1), netip.AddrPort{})
		},
		"another query":      func(p *HTTPProbe) { p.URL.RawQuery = "token=hunter3" },
		"another address":    func(p *HTTPProbe) { p.Address = netip.MustParseAddr("192.0.2.2") },
		"another method":     func(p *HTTPProbe) { p.Method = "HEAD" },
		"another header":     func(p *HTTPProbe) { p.Headers = http.Header{"X-Other": {"hunter2"}} },
		"another value":      func(p *HTTPProbe) { p.Headers = http.Header{"X-Token": {"hunter3"}} },
		"a value more":       func(p *HTTPProbe) { p.Headers = http.Header{"X-Token": {"hunter2", ""}} },
		"another status":     func(p *HTTPProbe) { p.Statuses = []StatusRange{{204, 204}} },
		"a body":             func(p *HTTPProbe) { p.Body.Contains = "ok" },
		"roots":              func(p *HTTPProbe) { p.Roots = poolA },
		"other roots":        func(p *HTTPProbe) { p.Roots = poolB },
		"named roots":        func(p *HTTPProbe) { p.Roots, p.RootsID = poolA, "ca.pem 1" },
		"otherwise named":    func(p *HTTPProbe) { p.Roots, p.RootsID = poolA, "ca.pem 2" },
		"no secrets":         func(p *HTTPProbe) { p.Headers, p.URL.User, p.URL.RawQuery = nil, nil, "" },
		"no secrets, a body": func(p *HTTPProbe) { p.Headers, p.URL.User, p.URL.RawQuery, p.Body.Contains = nil, nil, "", "ok" },
	} {
		p := base()
		change(p)
		text := p.String()
		if twin := seen[text]; twin != "" {
			t.Errorf("%s and %s are both %s", name, twin, text)
		}
		seen[text] = name
		if strings.Contains(text, "hunter") || strings.Contains(text, "joe") {
			t.Errorf("%s: a secret is shown: %s", name, text)
		}
	}
	plain := &HTTPProbe{URL: parseURL(t, "http://a.invalid:8080/x", netip.AddrPort{}), Address: netip.MustParseAddr("::1"), Body: BodyRules{Contains: "ok"}}
	if got, want := plain.String(), `GET http://a.invalid:8080/x at [::1]:8080, status 200-299, body "ok"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestLogsHaveNoDigestOfSecrets(t *testing.T) {
	p := &HTTPProbe{URL: parseURL(t, "http://joe:hunter2@a.invalid/?token=x", netip.AddrPort{}), Address: netip.MustParseAddr("::1")}
	if got, want := Describe(p), "GET http://a.invalid/ at [::1]:80, status 200-299"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if !strings.Contains(p.String(), ", secrets ") {
		t.Error("what tells probes apart lacks the digest")
	}
	if got := Describe(&fake{name: "another"}); got != "another" {
		t.Errorf("got %s", got)
	}
}

// Whatever a server sends back, what the request carried in secret is shown nowhere.
func TestSecretsAreNotShown(t *testing.T) {
	for name, talk := range map[string]string{
		"well":      answer("200 OK", "", ""),
		"refused":   answer("401 Unauthorized", "Www-Authenticate: Basic realm=hunter2\r\n", ""),
		"redirects": answer("302 Found", "Location: https://joe:hunter2@a.invalid/?token=hunter2\r\n", ""),
		"nothing":   "",
	} {
		t.Run(name, func(t *testing.T) {
			addr := serve(t, "127.0.0.1", says(talk))
			r := probe(t, "http://joe:hunter2@a.invalid:PORT/?token=hunter2", addr, patience, func(p *HTTPProbe) {
				p.Headers = http.Header{"X-Token": {"hunter2"}}
			})
			if text := r.Reason + strings.Join(r.Seen, "\n"); strings.Contains(text, "hunter2") {
				t.Errorf("a secret is shown: %s", text)
			}
		})
	}
}
