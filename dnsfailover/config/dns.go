package config

import (
	"fmt"
	"net/netip"

	"gopkg.in/yaml.v3"
)

// rawTLS is `listen.tls` as the file has it.
type rawTLS struct {
	pos
	whole            bool
	addresses        list[leaf[netip.AddrPort]]
	certificate, key leaf[string]
}

// rawDNS is `dns` as the file has it.
type rawDNS struct {
	maxUDP            leaf[int]
	identity, version leaf[string]
	ede               leaf[string]
	cookies           rawCookies
	rateLimit         rawRateLimit
	trustECS          list[leaf[netip.Prefix]]
}

type rawCookies struct {
	pos
	whole   bool // false if the key isn't there
	off     bool
	file    leaf[string]
	secrets [][16]byte // what file holds
}

type rawRateLimit struct {
	off                    bool
	rate, slip, ipv4, ipv6 leaf[int]
	exempt                 list[leaf[netip.Prefix]]
}

func decodeTLS(r *report, n *yaml.Node) *rawTLS {
	t := &rawTLS{pos: pos{n.Line, n.Column}}
	t.whole = mapping(r, n, "tls", `{addresses: ["0.0.0.0:853"], certificate: cert.pem, key: key.pem}`, map[string]func(*yaml.Node){
		"addresses": func(n *yaml.Node) {
			t.addresses = sequence(r, n, "addresses", `["0.0.0.0:853", "[::]:853"]`, func(n *yaml.Node) leaf[netip.AddrPort] { return listenAddress(r, n, "tls", 853) })
		},
		"certificate": func(n *yaml.Node) { t.certificate = word(r, n, "certificate", "the path of a PEM file") },
		"key":         func(n *yaml.Node) { t.key = word(r, n, "key", "the path of a PEM file") },
	})
	return t
}

func (d *rawDNS) decode(r *report, n *yaml.Node) {
	mapping(r, n, "dns", "{max_udp: 1232}", map[string]func(*yaml.Node){
		"max_udp":    func(n *yaml.Node) { d.maxUDP = integer(r, n, "max_udp") },
		"identity":   func(n *yaml.Node) { d.identity = word(r, n, "identity", "what this server is called, as in ns1") },
		"version":    func(n *yaml.Node) { d.version = word(r, n, "version", `what version.bind is to say, as in "1.0"`) },
		"ede":        func(n *yaml.Node) { d.ede = oneOf(r, n, "ede", "true", "false") },
		"cookies":    func(n *yaml.Node) { d.cookies.decode(r, n) },
		"rate_limit": func(n *yaml.Node) { d.rateLimit.decode(r, n) },
		"trust_ecs": func(n *yaml.Node) {
			d.trustECS = sequence(r, n, "trust_ecs", `[192.0.2.53/32, "2001:db8::53/128"]`, func(n *yaml.Node) leaf[netip.Prefix] { return network(r, n, "trust_ecs") })
		},
	})
}

func (c *rawCookies) decode(r *report, n *yaml.Node) {
	c.pos = pos{n.Line, n.Column}
	if c.off = isOff(n); c.off {
		return
	}
	c.whole = mapping(r, n, "cookies", `{secrets: cookies.txt}, or "off"`, map[string]func(*yaml.Node){
		"secrets": func(n *yaml.Node) { c.file = word(r, n, "secrets", "the path of a file that holds the secrets") },
	})
}

func (l *rawRateLimit) decode(r *report, n *yaml.Node) {
	if l.off = isOff(n); l.off {
		return
	}
	mapping(r, n, "rate_limit", `{rate: 200}, or "off"`, map[string]func(*yaml.Node){
		"rate":        func(n *yaml.Node) { l.rate = integer(r, n, "rate") },
		"slip":        func(n *yaml.Node) { l.slip = integer(r, n, "slip") },
		"ipv4_prefix": func(n *yaml.Node) { l.ipv4 = integer(r, n, "ipv4_prefix") },
		"ipv6_prefix": func(n *yaml.Node) { l.ipv6 = integer(r, n, "ipv6_prefix") },
		"exempt":      func(n *yaml.Node) { l.exempt = exempt(r, n) },
	})
}

func isOff(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Value == "off" }

// exempt reads a list of networks, which may be empty: to exempt nobody is not what is done without the key.
func exempt(r *report, n *yaml.Node) list[leaf[netip.Prefix]] {
	if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		return list[leaf[netip.Prefix]]{pos: pos{n.Line, n.Column}, from: written}
	}
	return sequence(r, n, "exempt", `[127.0.0.0/8, "::1/128"]`, func(n *yaml.Node) leaf[netip.Prefix] { return network(r, n, "exempt") })
}

// network reads a network, as in 192.0.2.0/24.
func network(r *report, n *yaml.Node, what string) leaf[netip.Prefix] {
	s := word(r, n, what, `192.0.2.0/24, or "2001:db8::/32" in quotes`)
	l := typed[netip.Prefix](s)
	if l.bad {
		return l
	}
	var err error
	l.v, err = netip.ParsePrefix(s.v)
	host, hostErr := netip.ParseAddr(s.v)
	l.bad = true
	switch {
	case hostErr == nil && host.Zone() == "":
		r.problem(l.pos, "%s: %q is one address: write %q", what, s.v, fmt.Sprintf("%s/%d", host, host.BitLen()))
	case err != nil:
		r.problem(l.pos, `%s: %q is not a network, as 192.0.2.0/24 and "2001:db8::/32" are`, what, s.v)
	case l.v.Addr().Is4In6():
		r.problem(l.pos, "%s: %q is an IPv4 network in IPv6 form: write it as in 192.0.2.0/24", what, s.v)
	case l.v.Masked() != l.v:
		r.problem(l.pos, "%s: %q has bits set behind its prefix: write %q", what, s.v, l.v.Masked())
	default:
		l.bad = false
	}
	return l
}

func (t *rawTLS) build() *TLS {
	built := &TLS{Certificate: t.certificate.v, Key: t.key.v}
	for _, l := range t.addresses.items {
		built.Addresses = append(built.Addresses, l.v)
	}
	return built
}

func (d *rawDNS) build() DNS {
	built := DNS{
		MaxUDP:   d.maxUDP.v,
		Identity: d.identity.v,
		Version:  d.version.v,
		EDE:      d.ede.v == "true",
		Cookies:  Cookies{Off: d.cookies.off, Secrets: d.cookies.secrets},
	}
	for _, l := range d.trustECS.items {
		built.TrustECS = append(built.TrustECS, l.v)
	}
	if limit := d.rateLimit; !limit.off {
		built.RateLimit = RateLimit{Rate: limit.rate.v, Slip: limit.slip.v, IPv4Prefix: limit.ipv4.v, IPv6Prefix: limit.ipv6.v}
		for _, l := range limit.exempt.items {
			built.RateLimit.Exempt = append(built.RateLimit.Exempt, l.v)
		}
	}
	return built
}
