package config

import (
	"net/netip"
)

// maxIdentity bounds identity and version, in bytes: it fits into every answer.
const maxIdentity = 128

func (c *rawConfig) checkListen(r *report) {
	seen := map[netip.AddrPort]string{}
	taken := func(l leaf[netip.AddrPort]) string {
		if !l.ok() || l.v.Port() == 0 { // port 0 takes a new port each time
			return ""
		}
		return seen[l.v]
	}
	for _, l := range c.dns.items {
		if taken(l) != "" {
			r.problem(l.pos, "dns: %q is listed twice: remove one", l.text)
		}
		if l.ok() {
			seen[l.v] = "DNS over TCP"
		}
	}
	if c.tls != nil {
		needs(r, c.tls.pos, c.tls.whole, c.tls.addresses.from, "tls", "addresses")
		needs(r, c.tls.pos, c.tls.whole, c.tls.certificate.from, "tls", "certificate")
		needs(r, c.tls.pos, c.tls.whole, c.tls.key.from, "tls", "key")
		for _, l := range c.tls.addresses.items {
			switch taken(l) {
			case "":
			case "DNS over TLS":
				r.problem(l.pos, "tls: %q is listed twice: remove one", l.text)
			default:
				r.problem(l.pos, "tls: DNS over TCP listens at %q already: the port of DNS over TLS is 853", l.text)
			}
			if l.ok() && seen[l.v] == "" {
				seen[l.v] = "DNS over TLS"
			}
		}
	}
	if other := taken(c.admin); other != "" {
		r.problem(c.admin.pos, "admin: %s listens at %q already: give it another port", other, c.admin.text)
	}
}

func (d *rawDNS) check(r *report) {
	between(r, d.maxUDP, "max_udp", 512, 4096, "512", "4096")
	for _, text := range []struct {
		key string
		leaf[string]
	}{{"identity", d.identity}, {"version", d.version}} {
		if text.ok() && len(text.v) > maxIdentity {
			r.problem(text.pos, "%s is longer than %d bytes: it has to fit into every answer", text.key, maxIdentity)
		}
	}
	needs(r, d.cookies.pos, d.cookies.whole, d.cookies.file.from, "cookies", "secrets")
	limit := d.rateLimit
	if limit.rate.ok() && limit.rate.v == 0 {
		r.problem(limit.rate.pos, `rate 0 would let nothing through: write rate_limit: "off" for no limit`)
	} else {
		between(r, limit.rate, "rate", 1, 1_000_000, "1", "1000000")
	}
	between(r, limit.slip, "slip", 0, 10, "0", "10")
	between(r, limit.ipv4, "ipv4_prefix", 1, 32, "1", "32")
	between(r, limit.ipv6, "ipv6_prefix", 1, 128, "1", "128")
	unique(r, limit.exempt.items, "network", itself)
	unique(r, d.trustECS.items, "network", itself)
}

func itself(l leaf[netip.Prefix]) leaf[netip.Prefix] { return l }
