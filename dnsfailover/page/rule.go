package page

import (
	"net/http"
	"slices"
	"strings"

	"dnsfailover/dnsfailover/page/files"
	"dnsfailover/dnsfailover/page/notice"
	"dnsfailover/dnsfailover/page/pass"
)

// rule is what is done below a path. With neither proxy nor directory, the notice is shown.
type rule struct {
	prefix string
	proxy  *pass.Proxy
	dir    files.Directory
}

// matches says whether the rule is for a path. One that goes up, or that others could understand in another way, is nobody's: behind a proxy it
// could be about what lies outside.
func (r *rule) matches(target string) bool {
	if strings.ContainsAny(target, "\\\x00") || strings.Contains(target, "//") ||
		slices.ContainsFunc(strings.Split(target, "/"), func(s string) bool { return s == "." || s == ".." }) {
		return false
	}
	return target == r.prefix || strings.HasSuffix(r.prefix, "/") && strings.HasPrefix(target, r.prefix)
}

// file serves a file of the directory; false if there is none that may be served.
func (r *rule) file(out *recorder, req *http.Request) bool {
	if r.dir.Path == "" {
		return false
	}
	header := out.Header()
	before := header.Clone()
	header.Set(notice.Marker, "file")
	header.Set("Cache-Control", "no-cache")
	if r.dir.Serve(&flowing{recorder: out}, req, strings.TrimPrefix(req.URL.Path, r.prefix)) {
		return true
	}
	clear(header)
	for name, values := range before {
		header[name] = values
	}
	return false
}
