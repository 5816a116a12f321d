package page

import (
	"net/http"
	"path"
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
	return r.covers(target)
}

// covers says whether the letters of a path are below the rule's.
func (r *rule) covers(target string) bool {
	return target == r.prefix || strings.HasSuffix(r.prefix, "/") && strings.HasPrefix(target, r.prefix)
}

// ruleFor returns the rule for a path; nil if there is none. What an upstream could take for a path that is to show the notice shows it.
func (s *site) ruleFor(target string) *rule {
	for _, reading := range []string{target, simplest(target)} {
		if meant := s.longest(reading, (*rule).covers); meant != nil && meant.proxy == nil && meant.dir.Path == "" {
			return meant
		}
	}
	return s.longest(target, (*rule).matches)
}

// longest returns the first rule that fits; they are sorted by their length.
func (s *site) longest(target string, fits func(*rule, string) bool) *rule {
	for i := range s.rules {
		if fits(&s.rules[i], target) {
			return &s.rules[i]
		}
	}
	return nil
}

// simplest returns what a server may make of a path: without parameters of segments (Tomcat takes /a;x/..;y/b for /b), with backslashes
// taken for slashes, and with dots and empty segments resolved (RFC 3986 sections 3.3 and 5.2.4).
func simplest(target string) string {
	segments := strings.Split(strings.ReplaceAll(target, `\`, "/"), "/")
	for i := range segments {
		segments[i], _, _ = strings.Cut(segments[i], ";")
	}
	simple := path.Clean("/" + strings.Join(segments, "/"))
	if last := segments[len(segments)-1]; simple != "/" && (last == "" || last == "." || last == "..") {
		simple += "/"
	}
	return simple
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
