package peers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// plain returns the message without extended errors.
func plain(m *dns.Msg) *dns.Msg {
	m = m.Copy()
	if o := m.IsEdns0(); o != nil {
		o.Option = slices.DeleteFunc(o.Option, func(e dns.EDNS0) bool { return e.Option() == dns.EDNS0EDE })
	}
	return m
}

func withTTL(rr dns.RR, ttl uint32) string {
	c := dns.Copy(rr)
	c.Header().Ttl = ttl
	return folded(c)
}

// within says whether all records of a are in b.
func (c *comparison) within(a, b []dns.RR) bool {
	all := map[string]bool{}
	for _, rr := range b {
		all[folded(rr)] = true
	}
	return !slices.ContainsFunc(a, func(rr dns.RR) bool { return !all[folded(rr)] })
}

// optional says whether the additional records of both are addresses that the zones have, and neither misses glue.
func (c *comparison) optional() bool {
	for _, m := range []*dns.Msg{c.ours, c.theirs} {
		if !c.world.has(m.Extra) || len(c.missing(m)) > 0 {
			return false
		}
	}
	return true
}

// has says whether the zones have all these records, or a wildcard that makes them, OPT aside.
func (w *world) has(list []dns.RR) bool {
	for _, rr := range list {
		if rr.Header().Rrtype == dns.TypeOPT {
			continue
		}
		if typ := rr.Header().Rrtype; typ != dns.TypeA && typ != dns.TypeAAAA && typ != dns.TypeSVCB && typ != dns.TypeHTTPS {
			return false
		}
		if !w.all()[folded(rr)] {
			c := dns.Copy(rr)
			found := false
			for at := parent(rr.Header().Name); at != "." && !found; at = parent(at) {
				c.Header().Name = "*." + at
				found = w.all()[folded(c)]
			}
			if !found {
				return false
			}
		}
	}
	return true
}

// all returns every record of the zones as text.
func (w *world) all() map[string]bool {
	if w.set == nil {
		w.set = map[string]bool{}
		for _, z := range w.zones {
			for _, rr := range z.records {
				w.set[folded(rr)] = true
			}
		}
	}
	return w.set
}

// missing returns the addresses of in-domain nameservers that a referral does not have.
func (c *comparison) missing(m *dns.Msg) []string {
	var list []string
	for _, rr := range m.Ns {
		ns, ok := rr.(*dns.NS)
		if !ok || !dns.IsSubDomain(ns.Hdr.Name, ns.Ns) {
			continue
		}
		z := c.world.home(parent(ns.Hdr.Name))
		if z == nil {
			continue
		}
		for _, glue := range z.records {
			if typ := glue.Header().Rrtype; typ != dns.TypeA && typ != dns.TypeAAAA || !strings.EqualFold(glue.Header().Name, ns.Ns) {
				continue
			}
			if !c.within([]dns.RR{glue}, m.Extra) {
				list = append(list, fmt.Sprint(glue))
			}
		}
	}
	return list
}

// uncompressed says which record has a compressed name in its data, though its type is newer than RFC 1035 (190).
func uncompressed(m *dns.Msg) error {
	if m == nil {
		return nil
	}
	for _, rr := range slices.Concat(m.Answer, m.Ns, m.Extra) {
		switch rr.Header().Rrtype {
		case dns.TypeNS, dns.TypeCNAME, dns.TypeSOA, dns.TypeMB, dns.TypeMG, dns.TypeMR, dns.TypePTR, dns.TypeMINFO, dns.TypeMX, dns.TypeOPT:
			continue
		}
		wire, before := make([]byte, 1<<16), rr.Header().Rdlength
		size, err := dns.PackRR(rr, wire, 0, nil, false)
		if err != nil {
			return err
		}
		owner, err := dns.PackDomainName(rr.Header().Name, wire, 0, nil, false)
		if err != nil {
			return err
		}
		if whole := size - owner - 10; whole != int(before) {
			return fmt.Errorf("the data of %v has %d octets, not %d", rr, before, whole)
		}
	}
	return nil
}
