package config

import (
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/net/http/httpguts"
	"gopkg.in/yaml.v3"

	"dnsfailover/checks"
)

// parseURL reads the URL of a check, which is the value of the key what.
func parseURL(r *report, n *yaml.Node, what string) leaf[*url.URL] {
	s := word(r, n, what, `a URL, as in "https://www.example.com/healthz"`)
	l := typed[*url.URL](s)
	if l.bad {
		return l
	}
	u, err := url.Parse(s.v)
	l.v, l.bad = u, true
	switch {
	case err != nil || strings.ContainsFunc(s.v, func(c rune) bool { return c > 0x7f || unicode.IsSpace(c) }):
		r.problem(l.pos, "%s: %q is not a URL: write it in ASCII, as in https://www.example.com/healthz", what, shown(s.v))
	case u.User != nil:
		r.problem(l.pos, "%s: the URL must not hold a user or password: send an Authorization header, or use basic", what)
	case u.Scheme != "http" && u.Scheme != "https" || u.Opaque != "":
		r.problem(l.pos, "%s: %q must begin with http:// or https://", what, shown(s.v))
	case strings.Contains(s.v, "#"):
		r.problem(l.pos, "%s: %q has a part behind #, which no server is ever sent: remove it", what, shown(s.v))
	case !isHost(u.Hostname()):
		r.problem(l.pos, "%s: %q has no valid host: it is the name that the server and its certificate are asked for", what, shown(s.v))
	case !isPort(u.Port()) && u.Port() != "" || strings.HasSuffix(u.Host, ":"):
		r.problem(l.pos, "%s: %q must have a port from 1 to 65535, or none", what, shown(s.v))
	default:
		l.bad = false
	}
	return l
}

var secretParts = regexp.MustCompile(`//[^/]*@|\?.*`)

// shown is a URL as a problem may quote it: who reads the log or status need not know its user, password or query.
func shown(rawURL string) string {
	return secretParts.ReplaceAllStringFunc(rawURL, func(part string) string {
		if part[0] == '?' {
			return "?…"
		}
		return "//…@"
	})
}

// isHost accepts names and IP addresses.
func isHost(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Zone() == ""
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > maxLabel {
			return false
		}
	}
	return len(name) <= maxName && !strings.ContainsFunc(name, func(c rune) bool { return c == '/' || !isNameChar(c) })
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}

// parseEndpoint reads `tcp`: ":443", a port of each address, or "ADDRESS:PORT", which is dialled instead.
// In the first form the value has no address.
func parseEndpoint(r *report, n *yaml.Node) leaf[netip.AddrPort] {
	s := word(r, n, "tcp", `":443"`)
	l := typed[netip.AddrPort](s)
	if l.bad {
		return l
	}
	l.bad = true
	switch full, err := netip.ParseAddrPort(s.v); {
	case isPort(s.v):
		r.problem(l.pos, "tcp: %q has no colon: write %q for that port of each address", s.v, ":"+s.v)
	case strings.HasPrefix(s.v, ":") && isPort(s.v[1:]):
		port, _ := strconv.ParseUint(s.v[1:], 10, 16)
		l.v, l.bad = netip.AddrPortFrom(netip.Addr{}, uint16(port)), false
	case err != nil || full.Port() == 0 || full.Addr().Zone() != "" && !full.Addr().IsLinkLocalUnicast():
		r.problem(l.pos, `tcp: %q is neither a port, as in ":443", nor an address with a port, as in "192.0.2.1:443"`, s.v)
	case full.Addr().IsUnspecified() || full.Addr().IsMulticast():
		r.problem(l.pos, "tcp: %q is no address of a single host that others can reach", s.v)
	default:
		l.v, l.bad = netip.AddrPortFrom(full.Addr().Unmap(), full.Port()), false
	}
	return l
}

// parseStatus reads one item of `status`: 301 or 200-299.
func parseStatus(r *report, n *yaml.Node) leaf[checks.StatusRange] {
	s := word(r, n, "a status", "301 or 200-299")
	l := typed[checks.StatusRange](s)
	if l.bad {
		return l
	}
	first, last, isRange := strings.Cut(s.v, "-")
	if !isRange {
		last = first
	}
	from, err1 := strconv.Atoi(first)
	to, err2 := strconv.Atoi(last)
	l.v, l.bad = checks.StatusRange{From: from, To: to}, true
	switch {
	case err1 != nil || err2 != nil:
		r.problem(l.pos, "status: %q is neither a status, as in 301, nor a range, as in 200-299", s.v)
	case from < 200 || to > 599: // 1xx are never final (RFC 9110 section 15.2)
		r.problem(l.pos, "status: %q must be from 200 to 599", s.v)
	case from > to:
		r.problem(l.pos, "status: the range %q ends before it begins", s.v)
	default:
		l.bad = false
	}
	return l
}

// parseHeaders reads `headers`, a mapping of names to values.
func parseHeaders(r *report, n *yaml.Node) list[header] {
	l := list[header]{pos: pos{n.Line, n.Column}, from: written}
	if !isKind(r, n, yaml.MappingNode, "headers", "a mapping, that is keys with values", `{Authorization: "Bearer …"}`) {
		l.bad = true
		return l
	}
	for i := 0; i < len(n.Content); i += 2 {
		h := header{word(r, n.Content[i], "a header's name", "a name"), scalar(r, n.Content[i+1], "a header's value", "a value")}
		switch {
		case !h.name.ok() || !h.value.ok():
			l.bad = true
		case !httpguts.ValidHeaderFieldName(h.name.v):
			r.problem(h.name.pos, "headers: %q is not a header's name: it has letters, digits and dashes", h.name.v)
		case !httpguts.ValidHeaderFieldValue(h.value.v):
			r.problem(h.value.pos, "headers: the value of %q has a line break or another control character in it", h.name.v)
		default:
			l.items = append(l.items, h)
		}
	}
	return l
}
