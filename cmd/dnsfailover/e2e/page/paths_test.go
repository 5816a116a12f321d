package page

import (
	"fmt"
	"net/http"
	"testing"
)

// TestNoSpellingOpensWhatShowsTheNotice asks an open site for a path that shows the notice, in all the ways in which an upstream could understand it; what has
// nothing to do with it goes through, however it is spelt.
func TestNoSpellingOpensWhatShowsTheNotice(t *testing.T) {
	t.Parallel()
	site := origin(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.RequestURI) })
	h := begin(t, listen+`hosts:
  - names: [www.example.com]
    normally: primary
    primary: `+addressed(site)+`
    paths: [{path: /api/, proxy: `+addressed(site)+`}, {path: /api/admin/, show: notice}, {path: /api/admin/open/, proxy: `+addressed(site)+`}, {path: /exact, show: notice}]`, nil)
	ask := func(path string) reply { return curl(t, "-H", "Host: www.example.com", "http://"+h.http+path) }
	for _, path := range []string{
		"/api/admin/", "/api/admin/x", "/api/admin;x/y", "/api/admin;/y", "/api;v=1/admin;w=2/y", "/api/x/..;/admin/y", "/x/../api/admin/y", "/api/./admin/y", "//api//admin/y",
		"/api\\admin\\y", "/api/admin%3bx/y", "/api/%61dmin/y", "/api/admin%2fy", "/api/%2e%2e/api/admin/y", "/x/..;a/api/admin/.", "/api/admin/open/..", "/exact", "/exact;x", "//exact",
		"/api/admin/y;jsessionid=1", "/api/admin/x/../../y",
	} {
		if r := ask(path); r.status != "503" || r.header.Get("Dnsfailover-Page") != "notice" {
			t.Errorf("%s: %s %q, not the notice", path, r.status, r.body)
		}
	}
	for _, path := range []string{
		"/", "/x;y", "/api/x;v=1/y", "/api/administration", "/api/admin", "/api/admin;x", "/api/admin/open/x", "/api/admin/open/x;y", "/x//y", "/a/../b", "/.;/x", "/exact/", "/exact/x", "/api/x?/api/admin/",
	} {
		if r := ask(path); r.status != "200" || r.body != path {
			t.Errorf("%s: %s %q, not the site", path, r.status, r.body)
		}
	}
}
