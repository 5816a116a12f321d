package config

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"dnsfailover/checks"
)

// probe returns what a check does when it dials an address.
func (c *rawCheck) probe(dialled netip.Addr) checks.Probe {
	if c.invert.v == "true" {
		return checks.Inverted{Probe: c.upright(dialled)}
	}
	return c.upright(dialled)
}

// upright is probe without what inverts it.
func (c *rawCheck) upright(dialled netip.Addr) checks.Probe {
	talk := checks.Talk{Send: c.send.v, Expect: c.expect.v}
	switch c.kind() {
	case "tcp":
		to := c.tcp.v
		if !to.Addr().IsValid() {
			to = netip.AddrPortFrom(dialled, to.Port())
		}
		return &checks.TCPProbe{Address: to, Talk: talk}
	case "tls":
		p := &checks.TLSProbe{Address: netip.AddrPortFrom(dialled, c.tls.v.port), Name: c.tls.v.name, Talk: talk, TLS: c.buildTLS()}
		for _, protocol := range c.alpn.items {
			p.Protocols = append(p.Protocols, protocol.v)
		}
		return p
	case "icmp":
		return &checks.ICMPProbe{Address: dialled}
	case "dns":
		qtype, _ := checks.QuestionType(c.dns.qtype.v)
		return &checks.DNSProbe{
			Server: netip.AddrPortFrom(dialled, uint16(c.dns.port.v)), TCP: c.dns.over.v == "tcp",
			Name: c.dns.name.v, Type: qtype, Rcode: checks.Rcode(c.dns.rcode.v), Answer: c.dns.answer.v,
		}
	case "grpc":
		headers, secrets := c.buildHeaders()
		return &checks.GRPCProbe{
			URL: &url.URL{Scheme: c.grpc.v.Scheme, Host: c.grpc.v.Host}, Address: dialled, Service: strings.TrimPrefix(c.grpc.v.Path, "/"),
			Headers: headers, Secrets: secrets, TLS: c.buildTLS(),
		}
	case "exec":
		p := &checks.ExecProbe{Address: dialled}
		for _, arg := range c.exec.items {
			p.Argv = append(p.Argv, arg.v)
		}
		return p
	case "file":
		return &checks.FileProbe{Path: c.file.v, MaxAge: c.maxAge.v, Expect: c.expect.v}
	case "push":
		return &checks.PushProbe{MaxAge: c.maxAge.v, Token: sha256.Sum256([]byte(c.push.token))}
	}
	return c.buildHTTP(dialled)
}

func (c *rawCheck) buildHTTP(dialled netip.Addr) *checks.HTTPProbe {
	headers, secrets := c.buildHeaders()
	p := &checks.HTTPProbe{
		URL: c.http.v, Address: dialled, HTTP2: c.version.v == "2", Method: c.method.v, Payload: c.send.v,
		Headers: headers, Secrets: secrets, SameHost: c.redirects.v == "same-host", DoubtMaintenance: c.maintenance.v == "ignore", TLS: c.buildTLS(),
		Body: checks.BodyRules{Max: c.maxBody.v, Contains: c.body.v, Lacks: c.bodyNot.v},
	}
	for _, status := range c.status.items {
		p.Statuses = append(p.Statuses, status.v)
	}
	if c.page.from != absent {
		p.Notice, p.Statuses, p.SameHost = true, []checks.StatusRange{{From: 503, To: 503}}, false
	}
	for _, pattern := range c.bodyMatches.items {
		p.Body.Matches = append(p.Body.Matches, pattern.v)
	}
	for _, rule := range c.json.items {
		p.Body.JSON = append(p.Body.JSON, rule.v)
	}
	return p
}

// buildHeaders returns the headers of a request, and what of them is secret beyond their values.
func (c *rawCheck) buildHeaders() (headers http.Header, secrets []string) {
	set := func(name, value string) {
		if headers == nil {
			headers = http.Header{}
		}
		headers.Set(name, value)
	}
	for _, h := range c.headers.items {
		set(h.name.v, h.value.v)
	}
	switch {
	case c.bearer.from != absent:
		set("Authorization", "Bearer "+c.bearerToken)
		secrets = []string{c.bearerToken}
	case c.basic.from != absent:
		set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(c.basic.user.v+":"+c.basic.password)))
		secrets = []string{c.basic.password}
	}
	return headers, secrets
}

func (c *rawCheck) buildTLS() checks.TLS {
	t := checks.TLS{
		WarnDays: c.days.warn.v, FailDays: c.days.fail.v, Client: c.client.pair, ClientID: c.client.id,
		MinVersion: map[string]uint16{"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}[c.minTLS.v],
	}
	if c.roots != nil {
		t.Roots, t.RootsID = c.roots.pool, c.roots.id
	}
	return t
}
