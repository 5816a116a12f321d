package config

import (
	"crypto/tls"
	"net/url"
	"regexp"
	"time"

	"gopkg.in/yaml.v3"

	"dnsfailover/checks"
)

// rawProbe are the keys that say what a check does, but for those of HTTP that everybody needs.
type rawProbe struct {
	tls  leaf[endpoint]
	icmp leaf[string]
	dns  rawQuestion
	grpc leaf[*url.URL]
	exec list[leaf[string]]
	file leaf[string]
	push rawPush

	version, redirects leaf[string]
	bodyNot            leaf[string]
	bodyMatches        list[leaf[*regexp.Regexp]]
	json               list[leaf[checks.JSONRule]]
	maxBody            leaf[int]
	basic              rawBasic
	bearer             leaf[string]
	bearerToken        string // what bearer holds
	send, expect       leaf[string]

	client       rawPair
	minTLS       leaf[string]
	days         rawDays
	alpn         list[leaf[string]]
	maxAge       leaf[time.Duration]
	allowGuarded leaf[string]
	maintenance  leaf[string]
	source       list[leaf[source]]
}

// endpoint is a server's name and the port that is dialled.
type endpoint struct {
	name string
	port uint16
}

// section is a mapping within a check, as far as rules want to know of it.
type section struct {
	pos
	from  origin
	whole bool
}

// rawQuestion is `dns`: what a nameserver is asked and must answer.
type rawQuestion struct {
	section
	name, qtype, rcode, answer, over leaf[string]
	port                             leaf[int]
}

// rawPush is `push`: who may report.
type rawPush struct {
	section
	file  leaf[string]
	token string // what file holds
}

// rawBasic is `basic`: a user and a password.
type rawBasic struct {
	section
	user, file leaf[string]
	password   string // what file holds
}

// rawPair is `client`: a certificate and its key.
type rawPair struct {
	section
	certificate, key leaf[string]
	pair             *tls.Certificate
	id               string // digest of both files
}

// rawDays is `days_left`: when a certificate's end is near.
type rawDays struct {
	section
	warn, fail leaf[int]
}

// probeKeys returns the readers of the keys of rawProbe.
func (c *rawCheck) probeKeys(r *report) map[string]func(*yaml.Node) {
	words := func(n *yaml.Node, what, example string) list[leaf[string]] {
		return sequence(r, n, what, example, func(n *yaml.Node) leaf[string] { return word(r, n, "an item of "+what, "a word") })
	}
	return map[string]func(*yaml.Node){
		"tls":  func(n *yaml.Node) { c.tls = parseServer(r, n) },
		"icmp": func(n *yaml.Node) { c.icmp = oneOf(r, n, "icmp", "echo") },
		"dns":  func(n *yaml.Node) { c.dns.decode(r, n) },
		"grpc": func(n *yaml.Node) { c.grpc = parseURL(r, n, "grpc") },
		"exec": func(n *yaml.Node) {
			c.exec = words(n, "exec", `[/usr/lib/nagios/plugins/check_ssh, "{address}"]`)
		},
		"file": func(n *yaml.Node) { c.file = word(r, n, "file", "the path of a file whose age is watched") },
		"push": func(n *yaml.Node) { c.push.decode(r, n) },

		"http_version": func(n *yaml.Node) { c.version = oneOf(r, n, "http_version", "1.1", "2") },
		"redirects":    func(n *yaml.Node) { c.redirects = oneOf(r, n, "redirects", "none", "same-host") },
		"body_not":     func(n *yaml.Node) { c.bodyNot = scalar(r, n, "body_not", "a piece of text that a bad answer contains") },
		"body_matches": func(n *yaml.Node) { c.bodyMatches = parsePatterns(r, n) },
		"json":         func(n *yaml.Node) { c.json = parseJSONRules(r, n) },
		"max_body":     func(n *yaml.Node) { c.maxBody = parseSize(r, n, "max_body") },
		"basic":        func(n *yaml.Node) { c.basic.decode(r, n) },
		"bearer":       func(n *yaml.Node) { c.bearer = word(r, n, "bearer", "the path of a file that holds the token") },
		"send":         func(n *yaml.Node) { c.send = scalar(r, n, "send", "what is sent") },
		"expect":       func(n *yaml.Node) { c.expect = scalar(r, n, "expect", "a piece of text that a good answer contains") },

		"client":           func(n *yaml.Node) { c.client.decode(r, n) },
		"maintenance":      func(n *yaml.Node) { c.maintenance = oneOf(r, n, "maintenance", "believe", "ignore") },
		"source":           func(n *yaml.Node) { c.source = sources(r, n) },
		"min_tls":          func(n *yaml.Node) { c.minTLS = oneOf(r, n, "min_tls", "1.0", "1.1", "1.2", "1.3") },
		"days_left":        func(n *yaml.Node) { c.days.decode(r, n) },
		"alpn":             func(n *yaml.Node) { c.alpn = words(n, "alpn", "[h2]") },
		"max_age":          func(n *yaml.Node) { c.maxAge = duration(r, n, "max_age", "1m") },
		"allow_link_local": func(n *yaml.Node) { c.allowGuarded = oneOf(r, n, "allow_link_local", "true", "false") },
	}
}

func (q *rawQuestion) decode(r *report, n *yaml.Node) {
	q.section = section{pos: pos{n.Line, n.Column}, from: written}
	q.whole = mapping(r, n, "a check's dns", "{name: www.example.com, type: A}", map[string]func(*yaml.Node){
		"name": func(n *yaml.Node) { q.name = domainName(r, n, "the name to ask for", true) },
		"type": func(n *yaml.Node) { q.qtype = recordType(r, n) },
		"rcode": func(n *yaml.Node) {
			q.rcode = oneOf(r, n, "rcode", "NOERROR", "NXDOMAIN", "REFUSED", "SERVFAIL", "NOTIMP")
		},
		"answer": func(n *yaml.Node) { q.answer = word(r, n, "answer", "a piece of a record that the answer contains") },
		"over":   func(n *yaml.Node) { q.over = oneOf(r, n, "over", "udp", "tcp") },
		"port":   func(n *yaml.Node) { q.port = integer(r, n, "port") },
	})
}

func (p *rawPush) decode(r *report, n *yaml.Node) {
	p.section = section{pos: pos{n.Line, n.Column}, from: written}
	p.whole = mapping(r, n, "push", "{file: backup.token}", map[string]func(*yaml.Node){
		"file": func(n *yaml.Node) { p.file = word(r, n, "file", "the path of a file that holds the token") },
	})
}

func (b *rawBasic) decode(r *report, n *yaml.Node) {
	b.section = section{pos: pos{n.Line, n.Column}, from: written}
	b.whole = mapping(r, n, "basic", "{user: probe, file: probe.password}", map[string]func(*yaml.Node){
		"user": func(n *yaml.Node) { b.user = word(r, n, "user", "a user's name") },
		"file": func(n *yaml.Node) { b.file = word(r, n, "file", "the path of a file that holds the password") },
	})
}

func (p *rawPair) decode(r *report, n *yaml.Node) {
	p.section = section{pos: pos{n.Line, n.Column}, from: written}
	p.whole = mapping(r, n, "client", "{certificate: probe.pem, key: probe.key}", map[string]func(*yaml.Node){
		"certificate": func(n *yaml.Node) { p.certificate = word(r, n, "certificate", "the path of a PEM file") },
		"key":         func(n *yaml.Node) { p.key = word(r, n, "key", "the path of a PEM file") },
	})
}

func (d *rawDays) decode(r *report, n *yaml.Node) {
	d.section = section{pos: pos{n.Line, n.Column}, from: written}
	d.whole = mapping(r, n, "days_left", "{warn: 14, fail: 3}", map[string]func(*yaml.Node){
		"warn": func(n *yaml.Node) { d.warn = integer(r, n, "warn") },
		"fail": func(n *yaml.Node) { d.fail = integer(r, n, "fail") },
	})
}
