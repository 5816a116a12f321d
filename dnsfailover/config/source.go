package config

import (
	"net/netip"
	"regexp"

	"gopkg.in/yaml.v3"

	"dnsfailover/checks"
)

// source is one item of `source`: an address of this host, or an interface.
type source struct {
	addr  netip.Addr
	iface string
}

var interfacePattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._-]{0,14}$`)

// sources reads `source: 192.0.2.1`, or a list with an address of each family, or an interface.
func sources(r *report, n *yaml.Node) list[leaf[source]] {
	one := func(n *yaml.Node) leaf[source] {
		s := word(r, n, "source", "an address of this host, or an interface, as in eth0")
		l := typed[source](s)
		if l.bad {
			return l
		}
		addr, err := netip.ParseAddr(s.v)
		switch {
		case err == nil && addr.Zone() == "" && !addr.IsUnspecified() && !addr.IsMulticast():
			l.v.addr = addr.Unmap()
		case err != nil && interfacePattern.MatchString(s.v):
			l.v.iface = s.v
		default:
			r.problem(l.pos, "source: %q is neither an address of this host nor the name of an interface, as in eth0", s.v)
			l.bad = true
		}
		return l
	}
	if n.Kind == yaml.ScalarNode {
		return list[leaf[source]]{pos: pos{n.Line, n.Column}, from: written, items: []leaf[source]{one(n)}}
	}
	return sequence(r, n, "source", `[192.0.2.1, "2001:db8::1"]`, one)
}

// checkSource sees to it that source has an address of each family that is dialled.
func (c *rawCheck) checkSource(r *report, dialled []netip.Addr) {
	if !c.source.ok() {
		return
	}
	for _, addr := range dialled {
		if addr.IsValid() && len(c.source.items) > 0 && c.sourceOf(addr) == (checks.Source{}) && c.source.items[0].ok() {
			r.problem(c.source.pos, "source has no address of the family of %s: add one, or name an interface", addr.String())
			return
		}
	}
}

// sourceOf returns where addr is dialled from.
func (c *rawCheck) sourceOf(addr netip.Addr) checks.Source {
	var from checks.Source
	for _, s := range c.source.items {
		switch {
		case s.v.iface != "":
			from.Interface = s.v.iface
		case s.v.addr.Is4() == addr.Unmap().Is4():
			from.Address = s.v.addr
		}
	}
	return from
}
