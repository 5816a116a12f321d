package config

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"dnsfailover/dnsfailover/meant"
	"dnsfailover/dnsfailover/page/notice"
)

var (
	languageTag = regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)
	colour      = regexp.MustCompile(`^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$`)
	contactURL  = regexp.MustCompile(`^(https?://|mailto:|tel:)[^\s"<>\\^{|}` + "`" + `]+$`)
)

// setDefaults fills in what the file leaves out.
func (p *rawPage) setDefaults() {
	if p.http.from == absent && p.https.from == absent && !p.inside {
		p.http.from = builtin
		for _, text := range []string{"0.0.0.0:80", "[::]:80"} {
			p.http.items = append(p.http.items, leaf[netip.AddrPort]{v: netip.MustParseAddrPort(text), text: text, from: builtin})
		}
	}
	if !p.inside {
		fill(&p.admin, netip.MustParseAddrPort("127.0.0.1:8054"), "127.0.0.1:8054")
		fill(&p.state, "/var/lib/dnsfailover", "/var/lib/dnsfailover")
	}
	fill(&p.redirect, "false", "false")
	fill(&p.conns, 20000, "20000")
	fill(&p.perClient, 200, "200")
	fill(&p.head, 10*time.Second, "10s")
	fill(&p.idle, 5*time.Second, "5s")
	fill(&p.body, time.Minute, "1m")
	fill(&p.staffFor, 8*time.Hour, "8h")
	if p.log != nil {
		fill(&p.log.format, "combined", "combined")
	}
	for _, h := range p.hosts.items {
		fill(&h.retryAfter, 2*time.Minute, "2m")
		fill(&h.normally, "notice", "notice")
		fill(&h.language, "en", "en")
		if h.holdFor.from != absent {
			fill(&h.holdMax, 1000, "1000")
			// A tenth, so that one client can't keep all others out; a few, so that a page and all that it brings along find a place.
			each := max(10, h.holdMax.v/10)
			fill(&h.holdEach, each, strconv.Itoa(each))
			fill(&h.holdBytes, 16<<20, "16777216")
		}
		for _, u := range h.upstreams() {
			u.setDefaults()
		}
	}
}

func (u *rawUpstream) setDefaults() {
	scheme := "http"
	if slices.ContainsFunc(u.addresses.items, func(a leaf[netip.AddrPort]) bool { return a.v.Port() == 443 || a.v.Port() == 8443 }) {
		scheme = "https"
	}
	fill(&u.scheme, scheme, scheme)
}

// upstreams are the primary and those of the paths.
func (h *rawPageHost) upstreams() []*rawUpstream {
	var out []*rawUpstream
	if h.primary != nil {
		out = append(out, h.primary)
	}
	for _, p := range h.paths.items {
		if p.proxy != nil {
			out = append(out, p.proxy)
		}
	}
	return out
}

// checkRules reports every rule that is broken. It runs after setDefaults.
func (p *rawPage) checkRules(r *report) {
	if p.inside && p.whole && p.http.from == absent && p.https.from == absent {
		r.problem(p.pos, `page doesn't say where to listen: add http: ["0.0.0.0:80"], https: ["0.0.0.0:443"], or both`)
	}
	if p.https.ok() && p.certificates.from == absent {
		r.problem(p.https.pos, "https needs a certificate: add certificates: [{certificate: cert.pem, key: key.pem}]")
	}
	if p.redirect.v == "true" && p.https.from == absent {
		r.problem(p.redirect.pos, "redirect sends clients to https, but nothing listens there: add https, or remove redirect")
	}
	if p.hsts.ok() && p.https.from == absent {
		r.problem(p.hsts.pos, "hsts means nothing without https: remove it, or listen there")
	}
	seen := map[netip.AddrPort]bool{}
	for _, l := range slices.Concat(p.http.items, p.https.items, []leaf[netip.AddrPort]{p.admin}) {
		if !l.ok() || !l.v.IsValid() || l.v.Port() == 0 {
			continue
		}
		if seen[l.v] {
			r.problem(l.pos, "%q is there twice among the addresses to listen at: remove one", l.text)
		}
		seen[l.v] = true
	}
	for _, c := range p.certificates.items {
		needs(r, c.pos, c.whole, c.certificate.from, "a certificate", "certificate")
		needs(r, c.pos, c.whole, c.key.from, "a certificate", "key")
	}
	needs(r, p.sourceAt, p.sourceWhole, p.source.from, "source", "url")
	if p.log != nil {
		needs(r, p.log.pos, p.log.whole, p.log.file.from, "access_log", "file")
	}
	between(r, p.conns, "connections", 10, 1_000_000, "10", "1000000")
	between(r, p.perClient, "per_client", 1, 1_000_000, "1", "1000000")
	between(r, p.head, "head", time.Second, time.Minute, "1s", "1m")
	between(r, p.idle, "idle", time.Second, 5*time.Minute, "1s", "5m")
	between(r, p.body, "body", time.Second, time.Hour, "1s", "1h")
	between(r, p.staffFor, "for", time.Minute, 30*24*time.Hour, "1m", "720h")
	unique(r, p.networks.items, "network", func(l leaf[netip.Prefix]) leaf[netip.Prefix] { return l })
	p.checkHosts(r)
}

func (p *rawPage) checkHosts(r *report) {
	var nameless *rawPageHost
	var all []leaf[string]
	for _, h := range p.hosts.items {
		all = append(all, h.names.items...)
		if h.whole && h.names.from == absent {
			if nameless != nil {
				r.problem(h.pos, "a second host without names: the first, in line %d, is for all who ask for none of the names already", nameless.line)
			} else {
				nameless = h
			}
		}
		h.check(r)
		if h.primary == nil && h.normally.v == "primary" {
			r.problem(h.normally.pos, "normally: primary needs a primary: add primary: {addresses: […]}")
		}
	}
	unique(r, all, "name", func(l leaf[string]) leaf[string] { return l })
	if (p.networks.from != absent || p.secret.from != absent) && p.hosts.ok() &&
		!slices.ContainsFunc(p.hosts.items, func(h *rawPageHost) bool { return h.primary != nil }) {
		at := p.networks.pos
		if p.networks.from == absent {
			at = p.secret.pos
		}
		r.problem(at, "staff can't be let through anywhere: no host has a primary")
	}
}

func (h *rawPageHost) check(r *report) {
	checkAccent(r, h.accent, notice.OnLight, "white: choose a darker one")
	checkAccent(r, h.accentDark, notice.OnDark, "the dark page: choose a lighter one")
	if h.language.ok() && !languageTag.MatchString(h.language.v) {
		r.problem(h.language.pos, "language: %q is not a language, as en and pt-BR are", h.language.v)
	}
	if h.contact.ok() && !contactURL.MatchString(h.contact.v) {
		r.problem(h.contact.pos, "contact: %q can't be linked to: write a URL that begins with https://, mailto: or tel:", h.contact.v)
	}
	if h.policy.ok() && h.template.from == absent {
		r.problem(h.policy.pos, "policy is for a template of your own: the built-in page has a strict one already")
	}
	between(r, h.retryAfter, "retry_after", time.Second, 24*time.Hour, "1s", "24h")
	for _, l := range []leaf[int]{h.holdMax, h.holdEach, h.holdBytes} {
		if l.from == written && h.holdFor.from == absent {
			r.problem(l.pos, "hold doesn't say how long: add for: 20s")
			break
		}
	}
	if h.holdFor.ok() && len(h.upstreams()) == 0 {
		r.problem(h.holdFor.pos, "hold has nothing to wait for: no primary, and no path with a proxy")
	}
	between(r, h.holdFor, "for", 100*time.Millisecond, 5*time.Minute, "100ms", "5m")
	between(r, h.holdMax, "max", 1, 1_000_000, "1", "1000000")
	between(r, h.holdEach, "per_client", 1, 1_000_000, "1", "1000000")
	between(r, h.holdBytes, "bytes", 1<<10, 1<<30, "1024", "1073741824")
	for _, u := range h.upstreams() {
		needs(r, u.pos, u.whole, u.addresses.from, "an upstream", "addresses")
		if u.ca.ok() && u.scheme.v == "http" {
			r.problem(u.ca.pos, "ca means nothing to scheme http, which has no certificate: remove it, or use https")
		}
	}
	for _, p := range h.paths.items {
		p.check(r)
	}
	unique(r, h.paths.items, "path", func(p *rawPagePath) leaf[string] { return p.path })
}

func (p *rawPagePath) check(r *report) {
	needs(r, p.pos, p.whole, p.path.from, "a path", "path")
	given := 0
	for _, is := range []bool{p.dir.from != absent, p.proxy != nil, p.show.from != absent} {
		if is {
			given++
		}
	}
	if p.whole && given != 1 {
		r.problem(p.pos, "a path has exactly one of dir, proxy and show")
	}
	switch {
	case !p.path.ok():
	case !strings.HasPrefix(p.path.v, "/"):
		r.problem(p.path.pos, "path %q must begin with a slash", p.path.v)
	case strings.ContainsAny(p.path.v, "?#%*\\") || strings.Contains(p.path.v, "//") || slices.Contains(strings.Split(p.path.v, "/"), ".."):
		r.problem(p.path.pos, "path %q must be a plain path, as in /downloads/: no ?, #, %%, *, .., \\ or two slashes", p.path.v)
	case p.dir.from != absent && !strings.HasSuffix(p.path.v, "/"):
		r.problem(p.path.pos, "path %q is one file, but dir a directory: end it with a slash", p.path.v)
	}
}

// suggestField guesses at a mistyped name of a template's field.
func suggestField(given string, known []string) string {
	if best := meant.Nearest(given, known); best != "" {
		return ": did you mean ." + best + "?"
	}
	return ": there are ." + strings.Join(known, ", .")
}

// checkAccent warns of a colour in which a visitor couldn't read the countdown.
func checkAccent(r *report, c leaf[string], contrast func(string) float64, on string) {
	switch {
	case !c.ok():
	case !colour.MatchString(c.v):
		r.problem(c.pos, `%q is not a colour: write it as in "#0f6a5b" or "#fff", in quotes`, c.v)
	case contrast(c.v) < notice.Legible:
		tenths := int(10 * contrast(c.v)) // never rounded up to what would do
		r.warning(c.pos, "%q is hard to read on %s. Its contrast is %d.%d, and %d is the least", c.v, on, tenths/10, tenths%10, notice.Legible)
	}
}
