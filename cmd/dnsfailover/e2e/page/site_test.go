package page

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestStaffLookBehindTheNotice follows the secret link with a cookie jar, as a browser does, and asks from a network of staff.
func TestStaffLookBehindTheNotice(t *testing.T) {
	t.Parallel()
	site := origin(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "site %s %s", r.Host, r.Header.Get("Cookie"))
	})
	h := begin(t, listen+`staff: {networks: [127.66.0.0/16], secret: secret, for: 1h}
hosts: [{names: [www.example.com], primary: {addresses: ["`+site+`"]}}, {names: [other.example.com], primary: {addresses: ["`+site+`"]}}]`,
		map[string]string{"secret": "correct-horse-battery-staple-0123456789\n"})
	out, err := h.command("page", "link", "www.example.com", "--config", "page.yaml").Output()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := h.command("page", "link", "nosuch.example", "--config", "page.yaml").CombinedOutput(); err == nil || !strings.Contains(string(out), "no host with a primary has the name") {
		t.Errorf("for a name of no host there is the link %s", out)
	}
	link := strings.Replace(strings.TrimSpace(string(out)), "www.example.com", h.http, 1)
	jar, name := filepath.Join(h.dir, "jar"), "Host: www.example.com"

	if r := curl(t, "-H", name, "http://"+h.http+"/"); r.status != "503" {
		t.Errorf("a visitor gets %s", r.status)
	}
	if r := curl(t, "-c", jar, "-H", name, link+"x"); r.status != "503" {
		t.Errorf("a wrong link gets %s", r.status)
	}
	if r := curl(t, "-c", jar, "-H", name, link); r.status[0] != '3' || !strings.Contains(r.header.Get("Set-Cookie"), "HttpOnly") {
		t.Errorf("the link gets %s %v", r.status, r.header)
	}
	if r := curl(t, "-b", jar, "-b", jar, "-H", name, "http://"+h.http+"/"); r.status != "200" || r.body != "site www.example.com " {
		t.Errorf("staff get %s %q: the site, which never sees the cookie, is wanted", r.status, r.body)
	}
	cookie, _ := os.ReadFile(jar)
	fields := strings.Fields(string(cookie))
	stolen := "Cookie: " + fields[len(fields)-2] + "=" + fields[len(fields)-1]
	if r := curl(t, "-H", "Host: other.example.com", "-H", stolen, "http://"+h.http+"/"); r.status != "503" {
		t.Errorf("the cookie of one host opens another: %s", r.status)
	}
	if r := curl(t, "-H", name, "-H", stolen[:len(stolen)-4]+"AAAA", "http://"+h.http+"/"); r.status != "503" {
		t.Errorf("a forged cookie opens the site: %s", r.status)
	}
	if r := curl(t, "--interface", "127.66.0.9", "-H", name, "http://"+h.http+"/"); r.status != "200" {
		t.Errorf("the network of staff gets %s", r.status)
	}
	if r := curl(t, "-H", name, "-H", "X-Forwarded-For: 127.66.0.9", "-H", "Forwarded: for=127.66.0.9", "http://"+h.http+"/"); r.status != "503" {
		t.Errorf("who says to be of the network of staff gets %s", r.status)
	}
}

// TestPathRules serves a directory, passes a path on to another upstream, and shows the notice elsewhere; no spelling of a path leads out.
func TestPathRules(t *testing.T) {
	t.Parallel()
	replica := origin(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "replica %s %s %d", r.Method, r.URL, len(body))
	})
	h := begin(t, listen+`hosts:
  - names: [www.example.com]
    paths: [{path: /downloads/, dir: public}, {path: /api/, proxy: {addresses: ["`+replica+`"]}}, {path: /api/admin/, show: notice}]`,
		map[string]string{
			"public/a.txt": "a file", "public/.env": "KEY", "public/.git/config": "KEY", "public/sub/b.txt": "b", "public/run.cgi": "#!/bin/sh\necho KEY\n",
			"public/page/index.html": "<title>index</title>", "secret": "KEY",
		})
	if err := os.Symlink("../secret", filepath.Join(h.dir, "public", "out.txt")); err != nil {
		t.Fatal(err)
	}
	ask := func(path string, args ...string) reply {
		t.Helper()
		return curl(t, append(args, "-H", "Host: www.example.com", "http://"+h.http+path)...)
	}
	for path, want := range map[string]string{
		"/downloads/a.txt":     "a file",
		"/downloads/run.cgi":   "#!/bin/sh\necho KEY\n", // as it is, never run
		"/downloads/page/":     "<title>index</title>",
		"/api/x?y=1":           "replica GET /api/x?y=1 0",
		"/downloads/%61%2Etxt": "a file",
	} {
		if r := ask(path); r.status != "200" || r.body != want {
			t.Errorf("%s: %s %q, not %q", path, r.status, r.body, want)
		}
	}
	if r := ask("/api/x", "--data", strings.Repeat("x", 120_000)); r.body != "replica POST /api/x 120000" {
		t.Errorf("a body of 120,000 octets: %q", r.body)
	}
	if r := ask("/downloads/a.txt", "-r", "2-5"); r.status != "206" || r.body != "file" {
		t.Errorf("a range: %s %q", r.status, r.body)
	}
	for _, path := range []string{
		"/", "/downloads", "/downloads/", "/downloads/sub/", "/downloads/.env", "/downloads/.git/config", "/downloads/%2eenv", "/downloads/out.txt",
		"/downloads/../secret", "/downloads/..%2fsecret", "/downloads/%2e%2e/secret", "/downloads/%2e%2e%2fsecret", "/downloads/sub/../../../secret",
		"/downloads/..%5csecret", "/downloads/..%c0%afsecret", "/downloads/%252e%252e/secret", "/downloads//etc/passwd", "/downloads/%00", "/downloads/a.txt%00.html",
		"/downloads/a.txt/", "/downloads/a.txt/x", "/api/admin/x", "/api/../api/admin/x", "/api/%2e%2e/secret", "/api/x/../admin/", "/api/./admin/x", "/api//admin/x",
		"/api/%61dmin/x", "/apis", "/downloads/nothing", "//downloads/a.txt", "/../../../../etc/passwd",
	} {
		if r := ask(path); r.status != "503" || r.header.Get("Dnsfailover-Page") != "notice" || strings.Contains(r.body, "KEY") || strings.Contains(r.body, "root:") {
			t.Errorf("%s: %s %q, not the notice", path, r.status, r.body)
		}
	}
}
