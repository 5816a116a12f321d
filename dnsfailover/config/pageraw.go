package config

import (
	"net/netip"
	"net/url"
	"time"

	"gopkg.in/yaml.v3"

	"dnsfailover/dnsfailover/page/notice"
)

// rawPage is what the file of a page host, or listen.page, looks like.
type rawPage struct {
	pos
	whole            bool
	http, https      list[leaf[netip.AddrPort]]
	admin            leaf[netip.AddrPort]
	control, state   leaf[string]
	redirect, hsts   leaf[string]
	certificates     list[*rawTLS]
	source           leaf[*url.URL]
	sourceAt         pos
	sourceWhole      bool
	token            leaf[string]
	tokenText        string // what token holds
	log              *rawPageLog
	conns, perClient leaf[int]
	head, idle, body leaf[time.Duration]
	networks         list[leaf[netip.Prefix]]
	secret           leaf[string]
	secretText       []byte // what secret holds
	staffFor         leaf[time.Duration]
	hosts            list[*rawPageHost]
	inside           bool // listen.page: the reasons are known without a source
}

type rawPageLog struct {
	pos
	whole        bool
	file, format leaf[string]
}

type rawPageHost struct {
	pos
	whole                              bool
	names                              list[leaf[string]]
	service, site, language, contact   leaf[string]
	accent, accentDark, logo, template leaf[string]
	policy, reason, file, normally     leaf[string]
	until                              leaf[time.Time]
	planned                            bool
	texts                              []notice.Words
	retryAfter                         leaf[time.Duration]
	primary                            *rawUpstream
	holdFor                            leaf[time.Duration]
	holdMax, holdEach, holdBytes       leaf[int]
	paths                              list[*rawPagePath]
	design                             *notice.Design // what logo, template and texts make
}

type rawUpstream struct {
	pos
	whole     bool
	addresses list[leaf[netip.AddrPort]]
	scheme    leaf[string]
	ca        leaf[string]
	roots     *roots
}

type rawPagePath struct {
	pos
	whole     bool
	path, dir leaf[string]
	show      leaf[string]
	proxy     *rawUpstream
}

// decodePage turns the document of a page host into its raw shape.
func decodePage(r *report, n *yaml.Node, what string) *rawPage {
	p := &rawPage{pos: pos{n.Line, n.Column}}
	readers := map[string]func(*yaml.Node){
		"redirect": func(n *yaml.Node) { p.redirect = oneOf(r, n, "redirect", "true", "false") },
		"hsts":     func(n *yaml.Node) { p.hsts = word(r, n, "hsts", `"max-age=31536000"`) },
		"certificates": func(n *yaml.Node) {
			p.certificates = sequence(r, n, "certificates", "[{certificate: cert.pem, key: key.pem}]", func(n *yaml.Node) *rawTLS {
				t := &rawTLS{pos: pos{n.Line, n.Column}}
				t.whole = mapping(r, n, "a certificate", "{certificate: cert.pem, key: key.pem}", map[string]func(*yaml.Node){
					"certificate": func(n *yaml.Node) { t.certificate = word(r, n, "certificate", "the path of a PEM file") },
					"key":         func(n *yaml.Node) { t.key = word(r, n, "key", "the path of a PEM file") },
				})
				return t
			})
		},
		"state": func(n *yaml.Node) { p.state = word(r, n, "state", "a directory, as in /var/lib/dnsfailover") },
		"access_log": func(n *yaml.Node) {
			p.log = &rawPageLog{pos: pos{n.Line, n.Column}}
			p.log.whole = mapping(r, n, "access_log", "{file: access.log, format: combined}", map[string]func(*yaml.Node){
				"file":   func(n *yaml.Node) { p.log.file = word(r, n, "file", "the path of a file") },
				"format": func(n *yaml.Node) { p.log.format = oneOf(r, n, "format", "combined", "json") },
			})
		},
		"limits": func(n *yaml.Node) {
			mapping(r, n, "limits", "{connections: 20000}", map[string]func(*yaml.Node){
				"connections": func(n *yaml.Node) { p.conns = integer(r, n, "connections") },
				"per_client":  func(n *yaml.Node) { p.perClient = integer(r, n, "per_client") },
				"head":        func(n *yaml.Node) { p.head = duration(r, n, "head", "10s") },
				"idle":        func(n *yaml.Node) { p.idle = duration(r, n, "idle", "5s") },
				"body":        func(n *yaml.Node) { p.body = duration(r, n, "body", "1m") },
			})
		},
		"staff": func(n *yaml.Node) {
			mapping(r, n, "staff", "{networks: [192.0.2.0/24]}", map[string]func(*yaml.Node){
				"networks": func(n *yaml.Node) {
					p.networks = sequence(r, n, "networks", `[192.0.2.0/24, "2001:db8::/32"]`, func(n *yaml.Node) leaf[netip.Prefix] { return network(r, n, "networks") })
				},
				"secret": func(n *yaml.Node) { p.secret = word(r, n, "secret", "the path of a file that holds a secret") },
				"for":    func(n *yaml.Node) { p.staffFor = duration(r, n, "for", "8h") },
			})
		},
		"hosts": func(n *yaml.Node) {
			p.hosts = sequence(r, n, "hosts", "[{names: [www.example.com]}]", func(n *yaml.Node) *rawPageHost { return decodePageHost(r, n) })
		},
	}
	at := map[string]func(*yaml.Node){
		"http": func(n *yaml.Node) {
			p.http = sequence(r, n, "http", `["0.0.0.0:80", "[::]:80"]`, func(n *yaml.Node) leaf[netip.AddrPort] { return listenAddress(r, n, "http", 80) })
		},
		"https": func(n *yaml.Node) {
			p.https = sequence(r, n, "https", `["0.0.0.0:443", "[::]:443"]`, func(n *yaml.Node) leaf[netip.AddrPort] { return listenAddress(r, n, "https", 443) })
		},
		"admin":   func(n *yaml.Node) { p.admin = pageAdmin(r, n) },
		"control": func(n *yaml.Node) { p.control = word(r, n, "control", "the path of a socket") },
	}
	example := `listen: {http: ["0.0.0.0:80"]}`
	if what == "page" { // inside listen: it has one mapping for both, and the server knows what is planned
		for key, read := range at {
			readers[key] = read
		}
		delete(readers, "state")
		p.inside, example = true, `{http: ["0.0.0.0:80"]}`
	} else {
		readers["listen"] = func(n *yaml.Node) { mapping(r, n, "listen", `{http: ["0.0.0.0:80"]}`, at) }
		readers["source"] = func(n *yaml.Node) { p.decodeSource(r, n) }
	}
	p.whole = mapping(r, n, what, example, readers)
	return p
}

// decodeSource reads a URL, or a mapping with one.
func (p *rawPage) decodeSource(r *report, n *yaml.Node) {
	p.sourceAt = pos{n.Line, n.Column}
	if n.Kind == yaml.ScalarNode {
		p.source, p.sourceWhole = parseURL(r, n, "source"), true
		return
	}
	p.sourceWhole = mapping(r, n, "source", "http://192.0.2.53:8053, or {url: …, token: FILE}", map[string]func(*yaml.Node){
		"url":   func(n *yaml.Node) { p.source = parseURL(r, n, "source") },
		"token": func(n *yaml.Node) { p.token = word(r, n, "token", "the path of a file that holds the token") },
	})
}

func decodePageHost(r *report, n *yaml.Node) *rawPageHost {
	h := &rawPageHost{pos: pos{n.Line, n.Column}}
	h.whole = mapping(r, n, "a host", "{names: [www.example.com]}", map[string]func(*yaml.Node){
		"names": func(n *yaml.Node) {
			h.names = sequence(r, n, "names", "[www.example.com]", func(n *yaml.Node) leaf[string] { return domainName(r, n, "a name", true) })
		},
		"service":     func(n *yaml.Node) { h.service = handle(r, n, "service") },
		"site":        func(n *yaml.Node) { h.site = word(r, n, "site", "what visitors call the site") },
		"language":    func(n *yaml.Node) { h.language = word(r, n, "language", "a language tag, as in en") },
		"texts":       func(n *yaml.Node) { h.decodeTexts(r, n) },
		"contact":     func(n *yaml.Node) { h.contact = word(r, n, "contact", "a URL, as in mailto:help@example.com") },
		"logo":        func(n *yaml.Node) { h.logo = word(r, n, "logo", "the path of an SVG, PNG, JPEG or WebP file") },
		"accent":      func(n *yaml.Node) { h.accent = word(r, n, "accent", `a colour, as in "#0f6a5b"`) },
		"accent_dark": func(n *yaml.Node) { h.accentDark = word(r, n, "accent_dark", `a colour, as in "#6fd6c0"`) },
		"template":    func(n *yaml.Node) { h.template = word(r, n, "template", "the path of an HTML template") },
		"policy":      func(n *yaml.Node) { h.policy = word(r, n, "policy", "a Content-Security-Policy") },
		"planned": func(n *yaml.Node) {
			h.planned = mapping(r, n, "planned", `{reason: new disks, until: "2030-01-31T06:00:00Z"}`, map[string]func(*yaml.Node){
				"reason": func(n *yaml.Node) { h.reason = word(r, n, "reason", "a text that visitors read") },
				"until":  func(n *yaml.Node) { h.until = instant(r, n, "until") },
			})
		},
		"file":        func(n *yaml.Node) { h.file = word(r, n, "file", "the path of a file that need not exist") },
		"retry_after": func(n *yaml.Node) { h.retryAfter = duration(r, n, "retry_after", "2m") },
		"primary":     func(n *yaml.Node) { h.primary = decodeUpstream(r, n, "primary") },
		"normally":    func(n *yaml.Node) { h.normally = oneOf(r, n, "normally", "notice", "primary") },
		"hold": func(n *yaml.Node) {
			mapping(r, n, "hold", "{for: 20s, max: 1000}", map[string]func(*yaml.Node){
				"for":        func(n *yaml.Node) { h.holdFor = duration(r, n, "for", "20s") },
				"max":        func(n *yaml.Node) { h.holdMax = integer(r, n, "max") },
				"per_client": func(n *yaml.Node) { h.holdEach = integer(r, n, "per_client") },
				"bytes":      func(n *yaml.Node) { h.holdBytes = integer(r, n, "bytes") },
			})
		},
		"paths": func(n *yaml.Node) {
			h.paths = sequence(r, n, "paths", "[{path: /downloads/, dir: public}]", func(n *yaml.Node) *rawPagePath { return decodePagePath(r, n) })
		},
	})
	return h
}

func decodeUpstream(r *report, n *yaml.Node, what string) *rawUpstream {
	u := &rawUpstream{pos: pos{n.Line, n.Column}}
	u.whole = mapping(r, n, what, `{addresses: ["203.0.113.10:443"]}`, map[string]func(*yaml.Node){
		"addresses": func(n *yaml.Node) {
			u.addresses = sequence(r, n, "addresses", `["203.0.113.10:443"]`, func(n *yaml.Node) leaf[netip.AddrPort] {
				a := listenAddress(r, n, "addresses", 443)
				if a.ok() && (a.v.Addr().IsUnspecified() || a.v.Port() == 0) {
					r.problem(a.pos, "addresses: %q is nobody's address", a.text)
					a.bad = true
				}
				return a
			})
		},
		"scheme": func(n *yaml.Node) { u.scheme = oneOf(r, n, "scheme", "https", "http") },
		"ca":     func(n *yaml.Node) { u.ca = word(r, n, "ca", "the path of a PEM file") },
	})
	return u
}

func decodePagePath(r *report, n *yaml.Node) *rawPagePath {
	p := &rawPagePath{pos: pos{n.Line, n.Column}}
	p.whole = mapping(r, n, "a path", "{path: /downloads/, dir: public}", map[string]func(*yaml.Node){
		"path":  func(n *yaml.Node) { p.path = word(r, n, "path", "a path, as in /downloads/") },
		"dir":   func(n *yaml.Node) { p.dir = word(r, n, "dir", "a directory, as in public") },
		"proxy": func(n *yaml.Node) { p.proxy = decodeUpstream(r, n, "proxy") },
		"show":  func(n *yaml.Node) { p.show = oneOf(r, n, "show", "notice") },
	})
	return p
}

// decodeTexts reads texts by language.
func (h *rawPageHost) decodeTexts(r *report, n *yaml.Node) {
	if !isKind(r, n, yaml.MappingNode, "texts", "a mapping, that is keys with values", `{en: {title: "Back soon"}}`) {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		tag := word(r, n.Content[i], "a language", "en")
		if tag.ok() && !languageTag.MatchString(tag.v) {
			r.problem(tag.pos, "texts: %q is not a language, as en and pt-BR are", tag.v)
			continue
		}
		var words notice.Words
		words.Tag = tag.v
		readers := map[string]func(*yaml.Node){}
		for key, to := range map[string]*string{
			"title": &words.Planned.Title, "text": &words.Planned.Text,
			"unplanned_title": &words.Unplanned.Title, "unplanned_text": &words.Unplanned.Text,
			"reason": &words.Reason, "back": &words.Back, "soon": &words.Soon, "returns": &words.Returns,
			"returned": &words.Returned, "contact": &words.Contact, "again": &words.Again,
		} {
			readers[key] = func(n *yaml.Node) { *to = word(r, n, key, "a text").v }
		}
		mapping(r, n.Content[i+1], "a language", `{title: "Back soon", text: "We are working on it."}`, readers)
		h.texts = append(h.texts, words)
	}
}

// pageAdmin reads `admin` of a page host: ADDRESS:PORT or off.
func pageAdmin(r *report, n *yaml.Node) leaf[netip.AddrPort] {
	if isOff(n) {
		return leaf[netip.AddrPort]{pos: pos{n.Line, n.Column}, text: n.Value, from: written}
	}
	return listenAddress(r, n, `admin (which can be "off")`, 8054)
}

// instant reads a time.
func instant(r *report, n *yaml.Node, what string) leaf[time.Time] {
	s := word(r, n, what, `a time, as in "2030-01-31T06:00:00Z"`)
	l := leaf[time.Time]{pos: s.pos, text: s.v, from: s.from, bad: s.bad}
	if l.bad {
		return l
	}
	var err error
	if l.v, err = time.Parse(time.RFC3339, s.v); err != nil {
		r.problem(l.pos, "%s: %q is not a time with its zone, as 2030-01-31T06:00:00Z and 2030-01-31T06:00:00+01:00 are", what, s.v)
		l.bad = true
	}
	return l
}
