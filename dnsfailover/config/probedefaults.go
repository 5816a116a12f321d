package config

// inheritProbe takes from d what c leaves out and what has a meaning for it.
func (c *rawCheck) inheritProbe(d *rawCheck) {
	if c.kind() == "" {
		take(&c.http, d.http)
		take(&c.page, d.page)
		take(&c.tcp, d.tcp)
		take(&c.tls, d.tls)
		take(&c.icmp, d.icmp)
		takeSection(&c.dns, d.dns, &c.dns.section)
		take(&c.grpc, d.grpc)
		takeList(&c.exec, d.exec)
		take(&c.file, d.file)
		takeSection(&c.push, d.push, &c.push.section)
	}
	for name, takeOver := range map[string]func(){
		"status":           func() { takeList(&c.status, d.status) },
		"body":             func() { take(&c.body, d.body) },
		"method":           func() { take(&c.method, d.method) },
		"headers":          func() { takeList(&c.headers, d.headers) },
		"ca":               func() { take(&c.ca, d.ca) },
		"http_version":     func() { take(&c.version, d.version) },
		"redirects":        func() { take(&c.redirects, d.redirects) },
		"body_not":         func() { take(&c.bodyNot, d.bodyNot) },
		"body_matches":     func() { takeList(&c.bodyMatches, d.bodyMatches) },
		"json":             func() { takeList(&c.json, d.json) },
		"max_body":         func() { take(&c.maxBody, d.maxBody) },
		"basic":            func() { takeSection(&c.basic, d.basic, &c.basic.section) },
		"bearer":           func() { take(&c.bearer, d.bearer) },
		"send":             func() { take(&c.send, d.send) },
		"expect":           func() { take(&c.expect, d.expect) },
		"client":           func() { takeSection(&c.client, d.client, &c.client.section) },
		"min_tls":          func() { take(&c.minTLS, d.minTLS) },
		"days_left":        func() { takeSection(&c.days, d.days, &c.days.section) },
		"alpn":             func() { takeList(&c.alpn, d.alpn) },
		"max_age":          func() { take(&c.maxAge, d.maxAge) },
		"allow_link_local": func() { take(&c.allowGuarded, d.allowGuarded) },
		"maintenance":      func() { take(&c.maintenance, d.maintenance) },
		"source":           func() { takeList(&c.source, d.source) },
	} {
		// Of ways to prove who asks, one's own stands alone.
		if proved := name == "basic" && c.bearer.from == written || name == "bearer" && c.basic.from == written; c.means(name) && !proved {
			takeOver()
		}
	}
	if c.means("at") && (c.tcp.from == absent || !c.tcp.v.Addr().IsValid()) {
		takeList(&c.at, d.at)
	}
}

// takeSection takes a mapping as a whole; head is that of to.
func takeSection[T any](to *T, from T, head *section) {
	if head.from != absent {
		return
	}
	*to = from
	if head.from != absent {
		head.from = inherited
	}
}

func (c *rawCheck) setProbeDefaults() {
	if c.send.from != absent && c.kind() == "http" {
		fill(&c.method, "POST", "POST")
	}
	fill(&c.method, "GET", "GET")
	fill(&c.dns.qtype, "A", "A")
	fill(&c.dns.rcode, "NOERROR", "NOERROR")
	fill(&c.dns.over, "udp", "udp")
	fill(&c.dns.port, 53, "53")
}
