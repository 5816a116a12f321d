package admin_test

import (
	"context"
	"net/http"
	"os/user"
	"strings"
	"testing"

	"dnsfailover/dnsfailover/admin"
	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
)

var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"}

// filled makes a route's pattern a path.
func filled(pattern string) string {
	return strings.NewReplacer("{service}", "web", "{target}", "primary", "{$}", "").Replace(pattern)
}

// Fault 10 and peers' bug 13: deny by default.
func TestNoRouteActsForStrangers(t *testing.T) {
	for _, tokens := range [][]config.Token{nil, {{Name: "ci", Secret: secret}}, {{Name: "empty"}}} {
		for _, headers := range [][]string{
			nil,
			{"Authorization: Bearer wrong"},
			{"Authorization: Bearer "},
			{"Authorization: Basic " + secret},
			{"Authorization: " + secret},
		} {
			b := new(backend)
			r := start(t, b, "127.0.0.1:0", tokens...)
			known := map[string]bool{} // a path may take several methods
			for _, route := range admin.Routes() {
				known[route.Method+" "+route.Path] = true
			}
			for _, route := range admin.Routes() {
				for _, method := range methods {
					h := append([]string{"Content-Type: application/json"}, headers...)
					resp, body := r.ask(t, method, filled(route.Path), `{"target":"backup","until_released":true}`, h...)
					readable := known["GET "+route.Path] && (method == "GET" || method == "HEAD")
					switch {
					case readable && resp.StatusCode > 400: // 400: let in, and missing what to tell
						t.Errorf("%s %s: a read on loopback got %s", method, route.Path, resp.Status)
					case readable:
					case known[method+" "+route.Path]:
						wantProblem(t, resp, body, http.StatusUnauthorized)
						if resp.Header.Get("WWW-Authenticate") == "" {
							t.Errorf("%s %s: 401 without WWW-Authenticate", method, route.Path)
						}
					case resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") == "":
						t.Errorf("%s %s: got %s, allow %q", method, route.Path, resp.Status, resp.Header.Get("Allow"))
					}
				}
			}
			if n := b.acts.Load(); n != 0 {
				t.Errorf("strangers acted %d times", n)
			}
			r.stop()
		}
	}
}

func TestElsewhereThanOnLoopbackReadsNeedATokenToo(t *testing.T) {
	b := new(backend)
	r := start(t, b, "0.0.0.0:0", config.Token{Name: "ci", Secret: secret})
	for _, route := range admin.Routes() {
		resp, body := r.ask(t, route.Method, filled(route.Path), "")
		wantProblem(t, resp, body, http.StatusUnauthorized)
	}
	resp, _ := r.ask(t, "GET", "/api/v1/status", "", "Authorization: bearer "+secret)
	if resp.StatusCode != http.StatusOK {
		t.Errorf("with the token: %s", resp.Status)
	}
	if b.acts.Load() != 0 {
		t.Error("a stranger acted")
	}
}

func TestATokenIsTheAuthor(t *testing.T) {
	var author string
	b := &backend{override: func(_ context.Context, _ string, s api.Switch) (api.Service, error) {
		author = s.Author
		return api.Service{}, nil
	}, release: func(_ context.Context, _, a string) (api.Service, error) {
		author = a
		return api.Service{}, nil
	}}
	r := start(t, b, "127.0.0.1:0", config.Token{Name: "ci", Secret: secret}, config.Token{Name: "deploy", Secret: secret + "2"})
	bear := "Authorization: Bearer " + secret + "2"

	resp, body := r.ask(t, "POST", "/api/v1/services/web/switch", `{"target":"backup","for":60,"author":"the king"}`, bear, "Content-Type: application/json")
	if resp.StatusCode != http.StatusOK || author != "deploy" {
		t.Errorf("switch: %s %s, author %q", resp.Status, body, author)
	}
	author = ""
	resp, body = r.ask(t, "DELETE", "/api/v1/services/web/override", "", bear)
	if resp.StatusCode != http.StatusOK || author != "deploy" {
		t.Errorf("release: %s %s, author %q", resp.Status, body, author)
	}

	r.server.SetTokens([]config.Token{{Name: "new", Secret: "other"}})
	resp, body = r.ask(t, "POST", "/api/v1/reload", "", bear)
	wantProblem(t, resp, body, http.StatusUnauthorized)
	resp, _ = r.ask(t, "POST", "/api/v1/reload", "", "Authorization: Bearer other")
	if resp.StatusCode != http.StatusOK {
		t.Errorf("with the new token: %s", resp.Status)
	}
}

func TestOverTheControlSocketThePeerIsTheAuthor(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Skip("the system does not say who we are")
	}
	var authors []string
	b := &backend{override: func(_ context.Context, _ string, s api.Switch) (api.Service, error) {
		authors = append(authors, s.Author)
		return api.Service{}, nil
	}, release: func(_ context.Context, _, a string) (api.Service, error) {
		authors = append(authors, a)
		return api.Service{}, nil
	}}
	c := start(t, b, "127.0.0.1:0").client(t)
	if _, err := c.Switch(t.Context(), "web", api.Switch{Target: "backup", For: 60, Author: "the king"}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Release(t.Context(), "web"); err != nil {
		t.Fatal(err)
	}
	if len(authors) != 2 || authors[0] != me.Username || authors[1] != me.Username {
		t.Errorf("authors %q, want %q twice", authors, me.Username)
	}
}

// Fault 11: DNS rebinding and requests of foreign pages.
func TestBrowsersThatWereLuredHereGetNothing(t *testing.T) {
	r := start(t, new(backend), "127.0.0.1:0", config.Token{Name: "ci", Secret: secret})
	for _, c := range []struct {
		header string
		status int
	}{
		{"Host: evil.example", 421},
		{"Host: evil.example:8053", 421},
		{"Host: localhost.evil.example", 421},
		{"Host: 192.0.2.1", 421},
		{"Host: [2001:db8::1]:80", 421},
		{"Host: localhost", 200},
		{"Host: LOCALHOST:9000", 200},
		{"Host: 127.0.0.1", 200},
		{"Host: [::1]:8053", 200},
		{"Origin: http://evil.example", 403},
		{"Origin: null", 403},
		{"Origin: http://127.0.0.1", 403},
		{"Origin: " + r.url, 200},
	} {
		for _, path := range []string{"/api/v1/status", "/metrics", "/"} {
			resp, body := r.ask(t, "GET", path, "", c.header)
			if resp.StatusCode != c.status {
				t.Errorf("%s with %s: %s, want %d", path, c.header, resp.Status, c.status)
			} else if c.status != 200 {
				wantProblem(t, resp, body, c.status)
			}
		}
	}
}

func TestAWritingPageWithATokenIsStillForeign(t *testing.T) {
	b := new(backend)
	r := start(t, b, "127.0.0.1:0", config.Token{Name: "ci", Secret: secret})
	resp, body := r.ask(t, "POST", "/api/v1/reload", "", "Origin: https://evil.example", "Authorization: Bearer "+secret)
	wantProblem(t, resp, body, http.StatusForbidden)
	if b.acts.Load() != 0 {
		t.Error("it acted")
	}
}

func TestEveryAnswerTellsBrowsersToDoNothing(t *testing.T) {
	r := start(t, new(backend), "127.0.0.1:0")
	for _, path := range []string{"/", "/api/v1/status", "/metrics", "/healthz", "/readyz", "/nothing", "/api/v1/reload"} {
		resp, _ := r.ask(t, "GET", path, "")
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
			"X-Content-Type-Options":  "nosniff",
			"X-Frame-Options":         "DENY",
			"Cache-Control":           "no-store",
		} {
			if got := resp.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		if got := resp.Header.Get("Access-Control-Allow-Origin"); got != "" {
			t.Errorf("%s: other pages may read it: %q", path, got)
		}
	}
}
