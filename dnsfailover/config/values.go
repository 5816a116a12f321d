package config

import (
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

var bareNumber = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`)

// duration reads a duration as Go writes it.
func duration(r *report, n *yaml.Node, what, example string) leaf[time.Duration] {
	s := word(r, n, what, example)
	l := typed[time.Duration](s)
	if l.bad {
		return l
	}
	var err error
	l.v, err = time.ParseDuration(s.v)
	l.bad = true
	switch {
	case bareNumber.MatchString(s.v):
		r.problem(l.pos, "%s: %q has no unit: write %ss", what, s.v, s.v)
	case err != nil:
		r.problem(l.pos, "%s: %q is not a duration: write it as in %s or 1h30m (units ms, s, m, h)", what, s.v, example)
	case l.v < 0:
		r.problem(l.pos, "%s: %q is negative", what, s.v)
	default:
		l.bad = false
	}
	return l
}

// integer reads a whole number.
func integer(r *report, n *yaml.Node, what string) leaf[int] {
	s := word(r, n, what, "a whole number")
	l := typed[int](s)
	if l.bad {
		return l
	}
	var err error
	if l.v, err = strconv.Atoi(s.v); err != nil || l.v > math.MaxInt32 {
		r.problem(l.pos, "%s: %q is not a whole number, as 3 is", what, s.v)
		l.bad = true
	}
	return l
}

// oneOf reads one of a few words.
func oneOf(r *report, n *yaml.Node, what string, known ...string) leaf[string] {
	l := word(r, n, what, strings.Join(known, " or "))
	if l.ok() && !slices.Contains(known, l.v) {
		r.problem(l.pos, "%s can't be %q%s", what, l.v, suggest(l.v, known))
		l.bad = true
	}
	return l
}

var handlePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

// handle reads a name of our own: it is typed in commands, stands in URLs and labels metrics.
func handle(r *report, n *yaml.Node, what string) leaf[string] {
	l := word(r, n, what, "a short name")
	if l.ok() && !handlePattern.MatchString(l.v) {
		r.problem(l.pos, "%s can't be %q: use up to 63 letters, digits, dots, dashes and underscores, a letter or digit first", what, l.v)
		l.bad = true
	}
	return l
}

// domainName reads a domain name. The value is fully qualified and in lower case.
func domainName(r *report, n *yaml.Node, what string, wildcard bool) leaf[string] {
	l := word(r, n, what, "a domain name")
	if l.bad {
		return l
	}
	name := strings.ToLower(strings.TrimSuffix(l.text, "."))
	rest, isWildcard := strings.CutPrefix(name, "*.")
	isWildcard = isWildcard && wildcard
	if !isWildcard {
		rest = name
	}
	labels := strings.Split(rest, ".")
	longest := slices.MaxFunc(labels, func(a, b string) int { return len(a) - len(b) })
	l.v, l.bad = name+".", true
	switch {
	case strings.ContainsFunc(name, func(c rune) bool { return c > 0x7f }):
		r.problem(l.pos, "%s can't be %q: write the ASCII form of international names, which begins with xn--", what, l.text)
	case strings.Contains(rest, "*") && wildcard:
		r.problem(l.pos, "%s can't be %q: * can only be the whole first label, as in *.example.com", what, l.text)
	case strings.Contains(rest, "*"):
		r.problem(l.pos, "%s can't be %q: only records can be wildcards", what, l.text)
	case strings.ContainsFunc(rest, func(c rune) bool { return !isNameChar(c) }):
		r.problem(l.pos, "%s can't be %q: a domain name has letters, digits, dashes, underscores and dots only", what, l.text)
	case l.text != "." && slices.Contains(labels, ""):
		r.problem(l.pos, "%s can't be %q: there is nothing between two dots, or before the first", what, l.text)
	case len(longest) > maxLabel:
		r.problem(l.pos, "%s can't be %q: %q is longer than the %d characters that may stand between two dots", what, l.text, longest, maxLabel)
	case len(name) > maxName:
		r.problem(l.pos, "%s can't be %q: a domain name has at most %d characters", what, l.text, maxName)
	default:
		l.bad = false
	}
	return l
}

// RFC 1035 section 2.3.4: 255 octets in wire format are 253 characters and the lengths of the first label and
// of the root. dns.IsDomainName lets two more pass.
const maxLabel, maxName = 63, 253

// isNameChar admits what host names and RFC 2317 reverse zones (1.0/25.2.0.192.in-addr.arpa) are made of.
func isNameChar(c rune) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.ContainsRune("-_./", c)
}

// address reads the IP address of a host that is served.
func address(r *report, n *yaml.Node) leaf[netip.Addr] {
	l := dialledAddress(r, n)
	if !l.ok() {
		return l
	}
	l.bad = true
	switch {
	case l.v.Zone() != "":
		r.problem(l.pos, "%q names an interface after %%: no other host could use it", l.text)
	case l.v.IsLinkLocalUnicast():
		r.problem(l.pos, "%q is valid on one network link only: write an address that others can reach", l.text)
	default:
		l.bad = false
	}
	return l
}

// dialledAddress reads the IP address of a host that is only dialled from here.
func dialledAddress(r *report, n *yaml.Node) leaf[netip.Addr] {
	s := word(r, n, "an address", "203.0.113.10, or \"2001:db8::10\" in quotes")
	l := typed[netip.Addr](s)
	if l.bad {
		return l
	}
	var err error
	l.v, err = netip.ParseAddr(s.v)
	_, portErr := netip.ParseAddrPort(s.v)
	_, prefixErr := netip.ParsePrefix(s.v)
	l.bad = true
	switch {
	case portErr == nil:
		r.problem(l.pos, "%q has a port, which DNS can't serve: write the address alone, and the port in the check", s.v)
	case prefixErr == nil:
		r.problem(l.pos, "%q is a network: write the address of one host", s.v)
	case err != nil:
		r.problem(l.pos, "%q is not an IP address: names are not looked up here", s.v)
	case l.v.Zone() != "" && !l.v.IsLinkLocalUnicast():
		r.problem(l.pos, "%q names an interface after %%, which only link-local addresses have", s.v)
	case l.v.Is4In6():
		r.problem(l.pos, "%q is an IPv4 address in IPv6 form: write %s", s.v, l.v.Unmap())
	case l.v.IsUnspecified():
		r.problem(l.pos, "%q is no host's address", s.v)
	case l.v.IsMulticast() || l.v == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		r.problem(l.pos, "%q is a group's address, not a host's", s.v)
	default:
		l.bad = false
	}
	return l
}

// listenAddress reads ADDRESS:PORT, where to listen; port is the usual one.
func listenAddress(r *report, n *yaml.Node, what string, port uint16) leaf[netip.AddrPort] {
	ipv4 := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)
	ipv6 := netip.AddrPortFrom(netip.IPv6Loopback(), port)
	s := word(r, n, what, fmt.Sprintf("%q", ipv4))
	l := typed[netip.AddrPort](s)
	if l.bad {
		return l
	}
	var err error
	l.v, err = netip.ParseAddrPort(s.v)
	bare, bareErr := netip.ParseAddr(s.v)
	l.bad = true
	switch {
	case bareErr == nil:
		r.problem(l.pos, "%s: %q has no port: write %q", what, s.v, netip.AddrPortFrom(bare, port))
	case err != nil:
		r.problem(l.pos, "%s: %q is not ADDRESS:PORT, as %q and %q are", what, s.v, ipv4, ipv6)
	case l.v.Addr().Is4In6():
		r.problem(l.pos, "%s: %q is an IPv4 address in IPv6 form: write %q", what, s.v, netip.AddrPortFrom(l.v.Addr().Unmap(), l.v.Port()))
	case l.v.Addr().IsMulticast():
		r.problem(l.pos, "%s: %q is a group's address: nobody can listen there", what, s.v)
	default:
		l.bad = false
	}
	return l
}

// adminAddress reads `admin`: ADDRESS:PORT or off.
func adminAddress(r *report, n *yaml.Node) leaf[netip.AddrPort] {
	if isOff(n) {
		return leaf[netip.AddrPort]{pos: pos{n.Line, n.Column}, text: n.Value, from: written}
	}
	return listenAddress(r, n, `admin (which can be "off")`, 8053)
}
