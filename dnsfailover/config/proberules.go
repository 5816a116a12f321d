package config

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// key is one key of a check and where it comes from.
type key struct {
	name string
	pos
	from origin
}

// kinds are the keys that say what is probed, in a fixed order.
func (c *rawCheck) kinds() []key {
	return []key{
		{"http", c.http.pos, c.http.from},
		{"tcp", c.tcp.pos, c.tcp.from},
		{"tls", c.tls.pos, c.tls.from},
		{"icmp", c.icmp.pos, c.icmp.from},
		{"dns", c.dns.pos, c.dns.from},
		{"grpc", c.grpc.pos, c.grpc.from},
		{"exec", c.exec.pos, c.exec.from},
		{"file", c.file.pos, c.file.from},
		{"push", c.push.pos, c.push.from},
	}
}

// kind says what is probed; empty if nothing says so.
func (c *rawCheck) kind() string {
	for _, k := range c.kinds() {
		if k.from != absent {
			return k.name
		}
	}
	return ""
}

// meaning says for which kinds of checks a key has a meaning; the others it has for all.
var meaning = map[string][]string{
	"status": {"http"}, "maintenance": {"http"}, "body": {"http"}, "method": {"http"}, "http_version": {"http"}, "redirects": {"http"},
	"body_not": {"http"}, "body_matches": {"http"}, "json": {"http"}, "max_body": {"http"}, "basic": {"http"},
	"headers": {"http", "grpc"}, "bearer": {"http", "grpc"},
	"ca": {"http", "grpc", "tls"}, "client": {"http", "grpc", "tls"}, "min_tls": {"http", "grpc", "tls"}, "days_left": {"http", "grpc", "tls"},
	"alpn": {"tls"},
	"send": {"http", "tcp", "tls"}, "expect": {"tcp", "tls", "file"},
	"max_age":          {"file", "push"},
	"at":               {"http", "tcp", "tls", "icmp", "dns", "grpc", "exec"},
	"allow_link_local": {"http", "tcp", "tls", "icmp", "dns", "grpc"},
	"source":           {"http", "tcp", "tls", "dns", "grpc"},
}

// certified are the keys that are about certificates.
var certified = []string{"ca", "client", "min_tls", "days_left"}

// means says whether a key has a meaning for c. Of a check of which nobody says what it probes all may be meant.
func (c *rawCheck) means(name string) bool {
	kind := c.kind()
	if !slices.Contains(meaning[name], kind) {
		return kind == ""
	}
	encrypted := true
	switch kind {
	case "http":
		encrypted = !c.http.ok() || c.http.v.Scheme == "https" || c.redirects.v == "same-host"
	case "grpc":
		encrypted = !c.grpc.ok() || c.grpc.v.Scheme == "https"
	}
	return encrypted || !slices.Contains(certified, name)
}

// options are the keys that have a meaning for some kinds only.
func (c *rawCheck) options() []key {
	return []key{
		{"status", c.status.pos, c.status.from},
		{"body", c.body.pos, c.body.from},
		{"method", c.method.pos, c.method.from},
		{"headers", c.headers.pos, c.headers.from},
		{"ca", c.ca.pos, c.ca.from},
		{"at", c.at.pos, c.at.from},
		{"http_version", c.version.pos, c.version.from},
		{"redirects", c.redirects.pos, c.redirects.from},
		{"body_not", c.bodyNot.pos, c.bodyNot.from},
		{"body_matches", c.bodyMatches.pos, c.bodyMatches.from},
		{"json", c.json.pos, c.json.from},
		{"max_body", c.maxBody.pos, c.maxBody.from},
		{"basic", c.basic.pos, c.basic.from},
		{"bearer", c.bearer.pos, c.bearer.from},
		{"send", c.send.pos, c.send.from},
		{"expect", c.expect.pos, c.expect.from},
		{"client", c.client.pos, c.client.from},
		{"min_tls", c.minTLS.pos, c.minTLS.from},
		{"days_left", c.days.pos, c.days.from},
		{"alpn", c.alpn.pos, c.alpn.from},
		{"max_age", c.maxAge.pos, c.maxAge.from},
		{"allow_link_local", c.allowGuarded.pos, c.allowGuarded.from},
		{"maintenance", c.maintenance.pos, c.maintenance.from},
		{"source", c.source.pos, c.source.from},
	}
}

// checkProbe judges the keys that say what a check does.
func (c *rawCheck) checkProbe(r *report) {
	kind := c.kind()
	for _, k := range c.kinds() {
		if k.from == written && k.name != kind {
			r.problem(k.pos, "a check has %s or %s, not both: remove one", kind, k.name)
		}
	}
	for _, k := range c.options() {
		switch {
		case k.from != written || c.means(k.name):
		case slices.Contains(meaning[k.name], kind):
			r.problem(k.pos, "%s means nothing to an http:// URL, which has no certificate: remove it, or use https://", k.name)
		default:
			r.problem(k.pos, "%s means nothing to a check of the kind %s: remove it", k.name, kind)
		}
	}
	switch kind {
	case "tcp":
		c.checkTCP(r)
	case "dns":
		c.dns.check(r)
	case "grpc":
		c.checkGRPC(r)
	case "push":
		needs(r, c.push.pos, c.push.whole, c.push.file.from, "push", "file")
	case "http", "":
		c.checkPage(r)
		c.checkHTTP(r)
	}
	if kind == "file" || kind == "push" {
		needs(r, c.pos, c.whole, c.maxAge.from, "a check of this kind", "max_age")
	}
	c.checkLimits(r)
}

// checkLimits judges the values that are numbers, or have to be complete.
func (c *rawCheck) checkLimits(r *report) {
	between(r, c.maxBody, "max_body", 1, 16<<20, "1B", "16MiB")
	between(r, c.maxAge, "max_age", time.Second, 31*24*time.Hour, "1s", "744h")
	between(r, c.days.warn, "warn", 1, 3650, "1", "3650")
	between(r, c.days.fail, "fail", 1, 3650, "1", "3650")
	if d := c.days; d.warn.ok() && d.fail.ok() && d.warn.v <= d.fail.v {
		r.problem(d.warn.pos, "warn %s must be more days than fail %s: the warning comes first", d.warn.text, d.fail.text)
	}
	if c.basic.from != absent {
		needs(r, c.basic.pos, c.basic.whole, c.basic.user.from, "basic", "user")
		needs(r, c.basic.pos, c.basic.whole, c.basic.file.from, "basic", "file")
		if c.basic.user.ok() && slices.Contains([]byte(c.basic.user.v), ':') {
			r.problem(c.basic.user.pos, "user: a user's name can't have a colon in it, behind which the password begins")
		}
	}
	if c.client.from != absent {
		needs(r, c.client.pos, c.client.whole, c.client.certificate.from, "client", "certificate")
		needs(r, c.client.pos, c.client.whole, c.client.key.from, "client", "key")
	}
	for _, protocol := range c.alpn.items {
		if protocol.ok() && len(protocol.v) > 255 {
			r.problem(protocol.pos, "alpn: a protocol's name has at most 255 characters")
		}
	}
	unique(r, c.alpn.items, "protocol", func(p leaf[string]) leaf[string] { return p })
}

func (q *rawQuestion) check(r *report) {
	needs(r, q.pos, q.whole, q.name.from, "a check's dns", "name")
	between(r, q.port, "port", 1, 65535, "1", "65535")
	if q.answer.ok() && q.rcode.ok() && q.rcode.v != "NOERROR" {
		r.problem(q.answer.pos, "answer means nothing with rcode %s, with which no records come: remove one", q.rcode.v)
	}
}

func (c *rawCheck) checkTCP(r *report) {
	if c.at.from == written && c.tcp.ok() && c.tcp.v.Addr().IsValid() {
		r.problem(c.at.pos, "tcp says what to dial already: remove at, or leave the port alone in tcp")
	}
}

func (c *rawCheck) checkGRPC(r *report) {
	if u := c.grpc; u.ok() && u.v.RawQuery != "" {
		r.problem(u.pos, "grpc: %q has a part behind ?, which gRPC has no place for: remove it", shown(u.text))
	}
	c.checkHeaders(r)
}

func (c *rawCheck) checkHTTP(r *report) {
	if c.method.ok() && c.method.v == http.MethodHead {
		for _, rule := range []leaf[string]{
			{c.body.pos, c.body.v, "body " + strconv.Quote(c.body.text), c.body.from, c.body.bad},
			{c.bodyNot.pos, c.bodyNot.v, "body_not " + strconv.Quote(c.bodyNot.text), c.bodyNot.from, c.bodyNot.bad},
			{pos: c.bodyMatches.pos, text: "body_matches", from: c.bodyMatches.from, bad: c.bodyMatches.bad},
			{pos: c.json.pos, text: "json", from: c.json.from, bad: c.json.bad},
		} {
			if rule.ok() {
				blame(r, []leaf[string]{rule, c.method}, "%s can't be looked for with method %s, which answers without a body")
			}
		}
	}
	if c.send.ok() && c.method.ok() && (c.method.v == http.MethodGet || c.method.v == http.MethodHead) {
		send := c.send
		send.text = "send"
		blame(r, []leaf[string]{send, c.method}, "%s goes with method POST, not with %s, which has nothing to send")
	}
	most := 64 << 10
	if c.maxBody.ok() {
		most = c.maxBody.v
	}
	for name, text := range map[string]leaf[string]{"body": c.body, "body_not": c.bodyNot} {
		if text.ok() && len(text.v) > most {
			r.problem(text.pos, "%s is longer than the %d bytes of an answer that are searched for it: see max_body", name, most)
		}
	}
	c.checkHeaders(r)
}

func (c *rawCheck) checkHeaders(r *report) {
	seen := map[string]bool{}
	for _, h := range c.headers.items {
		name := http.CanonicalHeaderKey(h.name.v)
		switch name {
		case "Host":
			r.problem(h.name.pos, "headers: Host comes from the URL: put the name there, and the address to dial in at")
		case "Content-Length", "Transfer-Encoding", "Trailer", "Connection":
			r.problem(h.name.pos, "headers: %s is the probe's own matter: remove it", name)
		}
		if seen[name] {
			r.problem(h.name.pos, "headers: %s is given twice: remove one", name)
		}
		seen[name] = true
	}
	proofs := 0
	for _, given := range []bool{seen["Authorization"], c.basic.from != absent, c.bearer.from != absent} {
		if given {
			proofs++
		}
	}
	if proofs > 1 {
		r.problem(c.pos, "a request has one Authorization only: keep one of basic, bearer and that header")
	}
}

// checkDialled reports addresses that a probe is pointed at and that only those on the same link, or in the same cloud, can mean.
// The addresses are those of its target, if it has one.
func (c *rawCheck) checkDialled(r *report, addresses []leaf[netip.Addr]) {
	if !slices.Contains(meaning["allow_link_local"], c.kind()) || c.allowGuarded.bad || c.allowGuarded.v == "true" {
		return
	}
	judge := func(at pos, addr netip.Addr, text string) {
		if guarded(addr) {
			r.problem(at, "%s is a link-local or metadata address, and what answers there trusts whoever is near: set allow_link_local: true if a probe shall go there", fmt.Sprintf("%q", text))
		}
	}
	switch {
	case c.tcp.ok() && c.tcp.v.Addr().IsValid():
		judge(c.tcp.pos, c.tcp.v.Addr(), c.tcp.text)
	case c.at.from != absent:
		for _, a := range c.at.items {
			if a.ok() {
				judge(a.pos, a.v, a.text)
			}
		}
	default:
		for _, a := range addresses {
			if a.ok() {
				judge(a.pos, a.v, a.text)
			}
		}
	}
}
