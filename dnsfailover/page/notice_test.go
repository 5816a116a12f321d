package page

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/page/staff"
)

func TestBothWaysOfAnsweringSayTheSame(t *testing.T) {
	h := run(t, `hosts: [{names: [www.example.com], planned: {reason: new disks, until: "2100-01-01T00:00:00Z"}}]`, nil)
	for _, accept := range []string{"text/html", "application/json", "image/png", "*/*"} {
		plain, plainBody := h.get("/", "Accept", accept, "Accept-Language", "de")
		// What net/http answers, since there are two of the fields.
		req, _ := http.NewRequest(http.MethodGet, h.base+"/", nil)
		req.Host = "www.example.com"
		req.Header = http.Header{"Accept": {accept}, "Accept-Language": {"de", "xx"}}
		full, fullBody := h.do(req)
		if plainBody != fullBody || plain.StatusCode != 503 || full.StatusCode != 503 {
			t.Errorf("%s: %d %q, %d %q", accept, plain.StatusCode, plainBody, full.StatusCode, fullBody)
		}
		for name := range plain.Header {
			if name != "Date" && name != "Retry-After" && plain.Header.Get(name) != full.Header.Get(name) {
				t.Errorf("%s: %s is %q and %q", accept, name, plain.Header.Get(name), full.Header.Get(name))
			}
		}
		if len(plain.Header) != len(full.Header) {
			t.Errorf("%s: %v and %v", accept, plain.Header, full.Header)
		}
	}
}

func TestEveryMethodAndPathGetsTheNotice(t *testing.T) {
	h := run(t, `hosts: [{names: [www.example.com]}]`, nil)
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND"} {
		for _, path := range []string{"/", "/a/b?c=d", "/%2e%2e/%00", "/.git/config", healthPath, staff.Path + "x", staff.Leave} {
			req, err := http.NewRequest(method, h.base+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if method == "POST" {
				req.Body = io.NopCloser(strings.NewReader(strings.Repeat("x", 1<<20)))
			}
			req.Host = "www.example.com"
			resp, body := h.do(req)
			if resp.StatusCode != 503 || resp.Header.Get("Dnsfailover-Page") != "notice" || resp.Header.Get("Retry-After") == "" || resp.Header.Get("Cache-Control") != "no-store" || (body == "") != (method == "HEAD") {
				t.Errorf("%s %s: %s %v %.40q", method, path, resp.Status, resp.Header, body)
			}
		}
	}
}

func TestSitesAreFoundByName(t *testing.T) {
	h := run(t, `hosts:
  - {names: [www.example.com], site: first}
  - {names: ["*.example.com"], site: second}
  - {site: third}
`, nil)
	for host, want := range map[string]string{
		"www.example.com": "first", "WWW.Example.COM:8080": "first", "www.example.com.": "first", "x.example.com": "second", "a.b.example.com": "second",
		"example.com": "third", "192.0.2.1": "third", "[2001:db8::1]:80": "third", "": "third",
	} {
		if host == "" {
			continue
		}
		if _, body := h.get("/", "Host", host); !strings.HasPrefix(body, want+":") {
			t.Errorf("%s: %q, want that of %s", host, body, want)
		}
	}
}

func TestHealthIsNeverMistakenForTheSite(t *testing.T) {
	h := run(t, `hosts: [{names: [www.example.com]}]`, nil)
	if resp, _ := h.get(healthPath, "Host", strings.TrimPrefix(h.base, "http://")); resp.StatusCode != 200 || resp.Header.Get("Dnsfailover-Page") != "health" {
		t.Errorf("by address: %s", resp.Status)
	}
	for _, host := range []string{"www.example.com", "other.example"} {
		if resp, _ := h.get(healthPath, "Host", host); resp.StatusCode != 503 {
			t.Errorf("as %s: %s", host, resp.Status)
		}
	}
}

func TestWhatIsPlannedIsShown(t *testing.T) {
	var mu sync.Mutex
	service := api.Service{Name: "web", Records: []string{"www.example.com."}, Serving: "backup", Rule: "verdicts", Targets: []api.Target{{Name: "primary"}, {Name: "backup"}}}
	h := run(t, `hosts: [{names: [www.example.com], file: DIR/switch}]`, func(time.Time) []api.Service {
		mu.Lock()
		defer mu.Unlock()
		return []api.Service{service}
	})
	set := func(change func(*api.Service)) {
		mu.Lock()
		change(&service)
		mu.Unlock()
		h.settle(nil)
	}
	if _, body := h.get("/"); !strings.Contains(body, "Back in a moment") {
		t.Errorf("nothing is planned: %q", body)
	}
	until := time.Now().Add(90 * time.Second)
	set(func(s *api.Service) {
		s.Rule, s.Override = "override", &api.Override{Target: "backup", Reason: "kernel update", Until: &until}
	})
	resp, body := h.get("/")
	if !strings.Contains(body, "kernel update") || resp.Header.Get("Retry-After") != "90" && resp.Header.Get("Retry-After") != "89" {
		t.Errorf("override: %v %q", resp.Header, body)
	}
	set(func(s *api.Service) {
		s.Rule, s.Override, s.Window = "window", nil, &api.Window{End: until, Reason: "weekly patches", Author: "root"}
	})
	if _, body := h.get("/"); !strings.Contains(body, "weekly patches") {
		t.Errorf("window: %q", body)
	}
	if err := os.WriteFile(filepath.Join(h.dir, "switch"), []byte("by \n hand"), 0o600); err != nil {
		t.Fatal(err)
	}
	set(func(*api.Service) {})
	if _, body := h.get("/"); !strings.Contains(body, "by hand") {
		t.Errorf("file: %q", body)
	}
	os.Remove(filepath.Join(h.dir, "switch"))
	set(func(s *api.Service) { s.Rule, s.Serving, s.Window = "verdicts", "primary", nil })
	if resp, _ := h.get("/"); !resp.Close || resp.Header.Get("Retry-After") != "1" {
		t.Errorf("the site is back, but connections are kept: %v", resp.Header)
	}
}

func TestPollsGetAConnectionOfTheirOwn(t *testing.T) {
	h := run(t, ``, nil)
	if resp, _ := h.get("/", "Dnsfailover-Poll", "1"); !resp.Close {
		t.Error("a client that polls would never look the name up again")
	}
	if resp, _ := h.get("/"); resp.Close {
		t.Error("others lose their connection")
	}
}
