package config

import (
	"maps"
	"net/netip"
	"net/url"
	"time"

	"gopkg.in/yaml.v3"

	"dnsfailover/checks"
)

// rawConfig is what the file looks like.
type rawConfig struct {
	pos
	whole    bool // every key in it was understood
	dns      list[leaf[netip.AddrPort]]
	tls      *rawTLS              // nil: none
	page     *rawPage             // nil: none
	admin    leaf[netip.AddrPort] // zero: off
	control  leaf[string]
	state    leaf[string]
	maxAge   leaf[time.Duration]
	tokens   list[*rawToken]
	answers  rawDNS
	zones    list[*rawZone]
	defaults rawCheck
	checks   list[*rawCheck]
	canaries *rawCanaries // nil: none
	services list[*rawService]
	guard    leaf[string]
	hooks    list[*rawHook]
}

type rawToken struct {
	pos
	whole      bool
	name, file leaf[string]
	secret     string // what file holds
}

type rawZone struct {
	pos
	whole      bool
	name, file leaf[string]
}

type rawService struct {
	pos
	whole          bool
	name           leaf[string]
	records        list[leaf[string]]
	minTTL, maxTTL leaf[time.Duration]
	targets        list[*rawTarget]
	failback       rawFailback
	staff          list[leaf[netip.Prefix]]
	allDown        leaf[string]
	windows        list[*rawWindow]
	guard          leaf[string]
	requires       list[leaf[string]]
}

type rawTarget struct {
	pos
	whole     bool
	name      leaf[string]
	addresses list[leaf[netip.Addr]]
	need      leaf[int]
	check     *rawCheck // nil: none
	requires  list[leaf[string]]
}

type rawCheck struct {
	pos
	whole                      bool
	http                       leaf[*url.URL]
	page                       leaf[*url.URL]       // the same as http, if that is to be a page host's notice
	tcp                        leaf[netip.AddrPort] // no address: the port of each address
	status                     list[leaf[checks.StatusRange]]
	body, method               leaf[string]
	headers                    list[header]
	ca                         leaf[string]
	roots                      *roots // what ca holds
	at                         list[leaf[netip.Addr]]
	interval, timeout, recheck leaf[time.Duration]
	fall, rise                 leaf[int]
	rawProbe
	rawSeveral
}

type header struct{ name, value leaf[string] }

// decode turns the document into its raw shape.
func decode(r *report, n *yaml.Node) *rawConfig {
	c := &rawConfig{pos: pos{n.Line, n.Column}}
	c.whole = mapping(r, n, "the file", "zones: …", map[string]func(*yaml.Node){
		"listen":  func(n *yaml.Node) { c.decodeListen(r, n) },
		"dns":     func(n *yaml.Node) { c.answers.decode(r, n) },
		"state":   func(n *yaml.Node) { c.state = word(r, n, "state", "a directory, as in /var/lib/dnsfailover") },
		"max_age": func(n *yaml.Node) { c.maxAge = duration(r, n, "max_age", "15m") },
		"tokens": func(n *yaml.Node) {
			c.tokens = sequence(r, n, "tokens", "[{name: deploy, file: deploy.token}]", func(n *yaml.Node) *rawToken { return decodeToken(r, n) })
		},
		"zones": func(n *yaml.Node) {
			c.zones = sequence(r, n, "zones", "[{name: example.com, file: example.com.zone}]", func(n *yaml.Node) *rawZone { return decodeZone(r, n) })
		},
		"defaults": func(n *yaml.Node) {
			mapping(r, n, "defaults", "{check: {interval: 10s}}", map[string]func(*yaml.Node){
				"check": func(n *yaml.Node) { c.defaults = *decodeCheck(r, n) },
			})
		},
		"services": func(n *yaml.Node) {
			c.services = sequence(r, n, "services", "[{name: web, …}]", func(n *yaml.Node) *rawService { return decodeService(r, n) })
		},
		"hooks": func(n *yaml.Node) {
			c.hooks = sequence(r, n, "hooks", "[{name: pager, webhook: …, secret: pager.secret}]", func(n *yaml.Node) *rawHook { return decodeHook(r, n) })
		},
		"checks": func(n *yaml.Node) {
			c.checks = sequence(r, n, "checks", `[{name: gateway, tcp: "192.0.2.1:443"}]`, func(n *yaml.Node) *rawCheck { return decodeCheck(r, n) })
		},
		"canaries": func(n *yaml.Node) { c.decodeCanaries(r, n) },
		"guard":    func(n *yaml.Node) { c.guard = decodeGuard(r, n) },
	})
	return c
}

func (c *rawConfig) decodeListen(r *report, n *yaml.Node) {
	mapping(r, n, "listen", `{dns: ["0.0.0.0:53"]}`, map[string]func(*yaml.Node){
		"dns": func(n *yaml.Node) {
			c.dns = sequence(r, n, "dns", `["0.0.0.0:53", "[::]:53"]`, func(n *yaml.Node) leaf[netip.AddrPort] { return listenAddress(r, n, "dns", 53) })
		},
		"admin":   func(n *yaml.Node) { c.admin = adminAddress(r, n) },
		"control": func(n *yaml.Node) { c.control = word(r, n, "control", "the path of a socket") },
		"tls":     func(n *yaml.Node) { c.tls = decodeTLS(r, n) },
		"page":    func(n *yaml.Node) { c.page = decodePage(r, n, "page") },
	})
}

func decodeToken(r *report, n *yaml.Node) *rawToken {
	t := &rawToken{pos: pos{n.Line, n.Column}}
	t.whole = mapping(r, n, "a token", "{name: deploy, file: deploy.token}", map[string]func(*yaml.Node){
		"name": func(n *yaml.Node) { t.name = handle(r, n, "a token's name") },
		"file": func(n *yaml.Node) { t.file = word(r, n, "file", "the path of a file that holds the token") },
	})
	return t
}

func decodeZone(r *report, n *yaml.Node) *rawZone {
	z := &rawZone{pos: pos{n.Line, n.Column}}
	z.whole = mapping(r, n, "a zone", "{name: example.com, file: example.com.zone}", map[string]func(*yaml.Node){
		"name": func(n *yaml.Node) { z.name = domainName(r, n, "a zone's name", false) },
		"file": func(n *yaml.Node) { z.file = word(r, n, "file", "the path of a master file") },
	})
	return z
}

func decodeService(r *report, n *yaml.Node) *rawService {
	s := &rawService{pos: pos{n.Line, n.Column}}
	s.whole = mapping(r, n, "a service", "{name: web, records: [www.example.com], targets: […]}", map[string]func(*yaml.Node){
		"name": func(n *yaml.Node) { s.name = handle(r, n, "a service's name") },
		"records": func(n *yaml.Node) {
			s.records = sequence(r, n, "records", "[www.example.com]", func(n *yaml.Node) leaf[string] { return domainName(r, n, "a record", true) })
		},
		"ttl": func(n *yaml.Node) { s.decodeTTL(r, n) },
		"targets": func(n *yaml.Node) {
			s.targets = sequence(r, n, "targets", "[{name: primary, addresses: [203.0.113.10]}]", func(n *yaml.Node) *rawTarget { return decodeTarget(r, n) })
		},
		"failback": func(n *yaml.Node) { s.failback.decode(r, n) },
		"all_down": func(n *yaml.Node) {
			s.allDown = oneOf(r, n, "all_down", string(AllDownLast), string(AllDownFirst), string(AllDownHold), string(AllDownNone))
		},
		"staff": func(n *yaml.Node) {
			s.staff = sequence(r, n, "staff", `[192.0.2.0/24, "2001:db8::/32"]`, func(n *yaml.Node) leaf[netip.Prefix] { return network(r, n, "staff") })
		},
		"windows":  func(n *yaml.Node) { s.windows = decodeWindows(r, n) },
		"guard":    func(n *yaml.Node) { s.guard = decodeGuard(r, n) },
		"requires": func(n *yaml.Node) { s.requires = requirements(r, n) },
	})
	return s
}

// decodeTTL reads `ttl: 30s`, which is both the least and the most, or `ttl: {min: 5s, max: 60s}`.
func (s *rawService) decodeTTL(r *report, n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		s.minTTL = duration(r, n, "ttl", "30s")
		s.maxTTL = s.minTTL
		return
	}
	mapping(r, n, "ttl", "30s, or {min: 5s, max: 60s}", map[string]func(*yaml.Node){
		"min": func(n *yaml.Node) { s.minTTL = duration(r, n, "min", "5s") },
		"max": func(n *yaml.Node) { s.maxTTL = duration(r, n, "max", "60s") },
	})
}

func decodeTarget(r *report, n *yaml.Node) *rawTarget {
	t := &rawTarget{pos: pos{n.Line, n.Column}}
	t.whole = mapping(r, n, "a target", "{name: primary, addresses: [203.0.113.10]}", map[string]func(*yaml.Node){
		"name": func(n *yaml.Node) { t.name = handle(r, n, "a target's name") },
		"addresses": func(n *yaml.Node) {
			t.addresses = sequence(r, n, "addresses", "[203.0.113.10]", func(n *yaml.Node) leaf[netip.Addr] { return address(r, n) })
		},
		"need":     func(n *yaml.Node) { t.need = integer(r, n, "need") },
		"check":    func(n *yaml.Node) { t.check = decodeCheck(r, n) },
		"requires": func(n *yaml.Node) { t.requires = requirements(r, n) },
	})
	return t
}

func decodeCheck(r *report, n *yaml.Node) *rawCheck {
	c := &rawCheck{pos: pos{n.Line, n.Column}}
	keys := map[string]func(*yaml.Node){
		"http": func(n *yaml.Node) { c.decodeURL(r, n, "http") },
		"page": func(n *yaml.Node) { c.decodeURL(r, n, "page") },
		"tcp":  func(n *yaml.Node) { c.tcp = parseEndpoint(r, n) },
		"status": func(n *yaml.Node) {
			c.status = sequence(r, n, "status", "[200-299]", func(n *yaml.Node) leaf[checks.StatusRange] { return parseStatus(r, n) })
		},
		"body":    func(n *yaml.Node) { c.body = scalar(r, n, "body", "a piece of text that a good answer contains") },
		"method":  func(n *yaml.Node) { c.method = oneOf(r, n, "method", "GET", "HEAD", "POST", "OPTIONS") },
		"headers": func(n *yaml.Node) { c.headers = parseHeaders(r, n) },
		"ca":      func(n *yaml.Node) { c.ca = word(r, n, "ca", "the path of a PEM file") },
		"at": func(n *yaml.Node) {
			c.at = sequence(r, n, "at", "[192.0.2.1]", func(n *yaml.Node) leaf[netip.Addr] { return dialledAddress(r, n) })
		},
		"interval": func(n *yaml.Node) { c.interval = duration(r, n, "interval", "10s") },
		"timeout":  func(n *yaml.Node) { c.timeout = duration(r, n, "timeout", "3s") },
		"recheck":  func(n *yaml.Node) { c.recheck = duration(r, n, "recheck", "2s") },
		"fall":     func(n *yaml.Node) { c.fall = integer(r, n, "fall") },
		"rise":     func(n *yaml.Node) { c.rise = integer(r, n, "rise") },
	}
	maps.Copy(keys, c.probeKeys(r))
	maps.Copy(keys, c.severalKeys(r))
	c.whole = mapping(r, n, "check", `{http: "https://www.example.com/"}, or {tcp: ":443"}`, keys)
	return c
}
