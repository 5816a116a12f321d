package config

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// doubt warns of what is legal, and not what an operator means.
func (p *rawPage) doubt(r *report) {
	if p.admin.v.IsValid() && !p.admin.v.Addr().IsLoopback() {
		r.warning(p.admin.pos, "admin at %s lets everybody who can reach it read the metrics", p.admin.text)
	}
	for _, h := range p.hosts.items {
		h.doubt(r)
		for _, u := range h.upstreams() {
			for _, a := range u.addresses.items {
				if a.ok() && p.listensAt(a.v) {
					r.warning(a.pos, "%q is where the page host itself listens: what is passed on there comes around in a circle, and is answered with 508", a.text)
				}
			}
		}
	}
}

// listensAt says that a connection to an address comes to ourselves.
func (p *rawPage) listensAt(a netip.AddrPort) bool {
	to := a.Addr().Unmap()
	return slices.ContainsFunc(slices.Concat(p.http.items, p.https.items), func(l leaf[netip.AddrPort]) bool {
		at := l.v.Addr().Unmap()
		return l.ok() && l.v.Port() == a.Port() && (at == to || at.IsUnspecified() && at.Is4() == to.Is4() && isLocal(to))
	})
}

// isLocal says that an address is one of this machine.
func isLocal(a netip.Addr) bool {
	if a.IsLoopback() {
		return true
	}
	own, _ := net.InterfaceAddrs() // without them we know less
	return slices.ContainsFunc(own, func(o net.Addr) bool {
		n, ok := o.(*net.IPNet)
		if !ok {
			return false
		}
		addr, ok := netip.AddrFromSlice(n.IP)
		return ok && addr.Unmap() == a
	})
}

func (h *rawPageHost) doubt(r *report) {
	if h.until.ok() && !h.until.v.After(time.Now()) {
		r.warning(h.until.pos, "until: %s is over, so nothing is planned: give another time, or remove planned", h.until.text)
	}
	d := h.design
	if d == nil {
		return
	}
	if h.language.ok() && !d.Speaks(h.language.v) {
		r.warning(h.language.pos, "language: there are no texts in %q, so %s is shown to who asks for no other: add them to texts, or choose one that is there", h.language.v, d.Languages[0].Tag)
	}
	if d.Template == nil {
		return
	}
	if d.Blank() {
		r.warning(h.template.pos, "%s shows nothing: visitors get a blank page", h.template.v)
	}
	if blocked := d.Blocked(); len(blocked) > 0 {
		r.warning(h.template.pos, "%s has what its own Content-Security-Policy keeps browsers from using: %s. Put styles into <style> and pictures into data: URLs, or set policy",
			h.template.v, strings.Join(blocked, ", "))
	}
}
