package zones

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// maxRRset bounds the octets of one RRset, so that it fits into one message (RFC 1035 section 4.2.2).
const maxRRset = 60_000

// validate marks the nodes (delegations, occluded names, …), joins the dynamic names to them and notes
// what is wrong.
func (d *draft) validate(dynamics []Dynamic) {
	d.join(dynamics)
	d.checkApex()
	var sets []rrset
	for n := range d.nodes {
		sets = d.sets(int32(n), sets)
		d.checkNode(int32(n), sets)
	}
	d.occlude()
	for n := range d.nodes {
		d.checkTargets(int32(n))
	}
}

// join adds the dynamic names as nodes.
func (d *draft) join(dynamics []Dynamic) {
	for _, dynamic := range dynamics {
		key, ok := d.key(packName(dynamic.Name))
		if !ok {
			continue
		}
		n := d.node(key)
		d.nodes[n].dynamic = int32(len(d.dynamics))
		d.dynamics = append(d.dynamics, dynamic)
	}
}

// checkApex holds the rules of RFC 1035 section 5.2 for a zone as a whole.
func (d *draft) checkApex() {
	soa, ok := d.find("", dns.TypeSOA)
	if !ok {
		d.problems = append(d.problems, Problem{File: d.file, Owner: d.name, Text: "no SOA record: a zone begins with one"})
	} else if len(soa.records) > 1 {
		d.complain(soa.records[1], false, "", "a second SOA record: a zone has exactly one")
	}
	ns, ok := d.find("", dns.TypeNS)
	if !ok {
		d.problems = append(d.problems, Problem{File: d.file, Owner: d.name, Text: "no NS record: a zone names its nameservers"})
	} else if len(ns.records) == 1 {
		d.complain(ns.records[0], true, "", "only one nameserver: RFC 2182 asks for a second one elsewhere")
	}
}

// checkNode holds the rules for the records that stand at one name.
func (d *draft) checkNode(n int32, sets []rrset) {
	node := &d.nodes[n]
	key := d.keyOf(*node)
	has := func(typ uint16) *rrset {
		if i := slices.IndexFunc(sets, func(s rrset) bool { return s.typ == typ }); i >= 0 {
			return &sets[i]
		}
		return nil
	}
	if soa := has(dns.TypeSOA); soa != nil && key != "" {
		d.complain(soa.records[0], false, key, "SOA below the apex: only %s has one", d.name)
	}
	if cname := has(dns.TypeCNAME); cname != nil {
		node.flags |= nodeCNAME
		if len(cname.records) > 1 {
			d.complain(cname.records[1], false, key, "a second CNAME record: an alias has one target")
		}
		for _, other := range sets {
			if other.typ != dns.TypeCNAME && other.typ != dns.TypeRRSIG && other.typ != dns.TypeNSEC {
				d.complain(other.records[0], false, key, "%s beside a CNAME: an alias has no other data (RFC 2181 section 10.1)", dns.Type(other.typ))
			}
		}
	}
	ns := has(dns.TypeNS)
	if ns != nil && key != "" {
		node.flags |= nodeCut
		if strings.HasPrefix(key, "\x01*") {
			d.complain(ns.records[0], false, key, "NS at a wildcard: nobody knows what that delegates (RFC 4592 section 4.2), write the names out")
		}
	}
	if dname := has(dns.TypeDNAME); dname != nil {
		node.flags |= nodeDNAME
		if len(dname.records) > 1 {
			d.complain(dname.records[1], false, key, "a second DNAME record: a subtree is redirected to one place (RFC 6672 section 2.4)")
		}
		if node.flags&nodeCut != 0 {
			d.complain(dname.records[0], false, key, "DNAME beside NS: a name is either redirected or delegated (RFC 6672 section 2.4)")
		}
	}
	for _, set := range sets {
		d.checkSet(key, set)
	}
	if node.dynamic >= 0 {
		d.checkDynamic(key, d.dynamics[node.dynamic], sets)
	}
}

// checkSet holds the rules for one RRset.
func (d *draft) checkSet(key string, set rrset) {
	size := 0
	for _, i := range set.records {
		size += 12 + int(d.records[i].size)
		if d.records[i].ttl != d.records[set.records[0]].ttl {
			d.complain(i, true, key, "TTL %d differs from %d of the same RRset: the lowest is used (RFC 2181 section 5.2)",
				d.records[i].ttl, d.records[set.records[0]].ttl)
		}
	}
	if size > maxRRset {
		d.complain(set.records[0], false, key, "the %s records need more than %d octets, which is what fits into one message", dns.Type(set.typ), maxRRset)
	}
}

// checkDynamic holds the rules for a name whose addresses belong to a service.
func (d *draft) checkDynamic(key string, dynamic Dynamic, sets []rrset) {
	for _, set := range sets {
		for _, i := range set.records {
			data := d.data(i)
			switch set.typ {
			case dns.TypeA, dns.TypeAAAA:
				if a, _ := netip.AddrFromSlice(data); !slices.Contains(dynamic.Repeats, a) {
					d.complain(i, false, key, "address %s, but the addresses of this name belong to service %q (%s): "+
						"remove the record, or let it repeat an address of the first target", a, dynamic.Service, dynamic.Where)
				}
			case dns.TypeCNAME:
				d.complain(i, false, key, "CNAME at a name of service %q (%s): remove one of the two", dynamic.Service, dynamic.Where)
			case dns.TypeNS:
				if key != "" {
					d.complain(i, false, key, "delegated away, but a name of service %q (%s): remove one of the two", dynamic.Service, dynamic.Where)
				}
			case dns.TypeHTTPS, dns.TypeSVCB:
				if hinted(data) {
					d.complain(i, false, key, "address hints at a name of service %q (%s) would bypass the failover: remove ipv4hint and ipv6hint",
						dynamic.Service, dynamic.Where)
				}
			}
		}
	}
}

// hinted says whether the RDATA of a SVCB or HTTPS record carries ipv4hint or ipv6hint (RFC 9460 section 7.3).
func hinted(data []byte) bool {
	at := 2
	for at < len(data) && data[at] != 0 {
		at += 1 + int(data[at])
	}
	for at++; at+4 <= len(data); {
		if key := data[at+1]; data[at] == 0 && (key == 4 || key == 6) {
			return true
		}
		at += 4 + int(data[at+2])<<8 + int(data[at+3])
	}
	return false
}

// occlude marks what lies below a delegation or a DNAME, which is never answered (except as glue),
// and makes the empty non-terminals.
func (d *draft) occlude() {
	for n := int32(0); n < int32(len(d.nodes)); n++ { // grows
		key := d.keyOf(d.nodes[n])
		if key == "" {
			continue
		}
		for up := parent(key); ; up = parent(up) {
			if above, ok := d.lookup(up); ok && d.nodes[above].flags&(nodeCut|nodeDNAME) != 0 {
				d.nodes[n].flags |= nodeOccluded
				d.warnOccluded(n, above)
				break
			}
			if up == "" {
				break
			}
		}
		if d.nodes[n].flags&nodeOccluded == 0 {
			up := d.node(parent(key))
			if strings.HasPrefix(key, "\x01*") {
				d.nodes[up].flags |= nodeWild
			}
		}
	}
}

// warnOccluded notes records of node n that are hidden by the node above.
func (d *draft) warnOccluded(n, above int32) {
	node := d.nodes[n]
	by := "delegation"
	if d.nodes[above].flags&nodeDNAME != 0 {
		by = "DNAME"
	}
	where := d.owner(d.keyOf(d.nodes[above]))
	if node.dynamic >= 0 {
		dynamic := d.dynamics[node.dynamic]
		d.problems = append(d.problems, Problem{File: d.file, Owner: d.owner(d.keyOf(node)), Text: fmt.Sprintf(
			"a name of service %q (%s) below the %s at %s is never answered from here", dynamic.Service, dynamic.Where, by, where)})
	}
	for i := node.first; i >= 0; i = d.records[i].next {
		if typ := d.records[i].typ; by == "DNAME" || typ != dns.TypeA && typ != dns.TypeAAAA {
			d.complain(i, true, d.keyOf(node), "%s below the %s at %s is never answered", dns.Type(typ), by, where)
		}
	}
}

// checkTargets warns of names in RDATA that lead nowhere.
func (d *draft) checkTargets(n int32) {
	node := d.nodes[n]
	if node.flags&nodeOccluded != 0 {
		return
	}
	for i := node.first; i >= 0; i = d.records[i].next {
		typ := d.records[i].typ
		name := target(typ, d.data(i))
		if name == nil {
			continue
		}
		key, inZone := d.key(name)
		if typ == dns.TypeCNAME {
			if inZone && d.loops(d.keyOf(node), key) {
				d.complain(i, true, d.keyOf(node), "the CNAME leads back to itself by way of %s", unpackName(name))
			}
			continue
		}
		if !inZone {
			continue
		}
		if typ == dns.TypeSVCB || typ == dns.TypeHTTPS {
			d.checkHints(i, node, name, key)
		}
		d.checkTarget(i, node, name, key)
	}
}

// checkHints refuses address hints in SVCB or HTTPS record i for a target whose addresses belong to a service.
func (d *draft) checkHints(i int32, node draftNode, name []byte, key string) {
	if !hinted(d.data(i)) || node.dynamic >= 0 { // checkDynamic says it
		return
	}
	if at := d.source(key); at >= 0 && d.nodes[at].dynamic >= 0 {
		dynamic := d.dynamics[d.nodes[at].dynamic]
		d.complain(i, false, d.keyOf(node), "address hints for %s, a name of service %q (%s), would bypass the failover: remove ipv4hint and ipv6hint",
			unpackName(name), dynamic.Service, dynamic.Where)
	}
}

// source returns the index of the node that answers for a key, itself or a wildcard (RFC 4592 section 3.3.1); -1 if none does.
func (d *draft) source(key string) int32 {
	for at, exact := key, true; ; at, exact = parent(at), false {
		if n, ok := d.lookup(at); ok {
			if exact {
				return n
			}
			wild, ok := d.lookup("\x01*" + at)
			if !ok {
				return -1
			}
			return wild
		}
		if at == "" {
			return -1
		}
	}
}

// checkTarget warns if the in-zone name that NS, MX or SRV record i points at has no addresses of its own.
func (d *draft) checkTarget(i int32, node draftNode, name []byte, key string) {
	typ := d.records[i].typ
	to, exists := d.lookup(key)
	if typ == dns.TypeNS && exists && d.nodes[to].dynamic >= 0 {
		dynamic := d.dynamics[d.nodes[to].dynamic]
		d.complain(i, false, d.keyOf(node), "nameserver %s is a name of service %q (%s): a nameserver's address can't move, give it a name of its own",
			unpackName(name), dynamic.Service, dynamic.Where)
		return
	}
	if exists && d.nodes[to].flags&nodeCNAME != 0 && d.nodes[to].flags&nodeOccluded == 0 {
		d.complain(i, true, d.keyOf(node), "%s points at %s, which is an alias (RFC 2181 section 10.3)", dns.Type(typ), unpackName(name))
		return
	}
	if typ != dns.TypeNS || node.flags&nodeCut != 0 && !under(key, d.keyOf(node)) {
		return // only in-domain glue is a must (RFC 9471 section 2.1)
	}
	_, a := d.find(key, dns.TypeA)
	_, aaaa := d.find(key, dns.TypeAAAA)
	if !a && !aaaa {
		d.complain(i, true, d.keyOf(node), "nameserver %s has no address in the zone: add its A or AAAA record (glue)", unpackName(name))
	}
}

// under says whether key is top or lies below it.
func under(key, top string) bool {
	for len(key) > len(top) {
		key = parent(key)
	}
	return key == top
}

// loops says whether the aliases that begin with from → to lead back to from.
func (d *draft) loops(from, to string) bool {
	for range maxChain {
		if to == from {
			return true
		}
		n, ok := d.lookup(to)
		if !ok || d.nodes[n].flags&nodeCNAME == 0 {
			return false
		}
		set, _ := d.find(to, dns.TypeCNAME)
		if to, ok = d.key(d.data(set.records[0])); !ok {
			return false
		}
	}
	return false
}

// target returns the name in the RDATA at which clients will want addresses, or nil.
func target(typ uint16, data []byte) []byte {
	switch typ {
	case dns.TypeNS, dns.TypeCNAME:
		return data
	case dns.TypeMX:
		return data[2:]
	case dns.TypeSRV:
		return data[6:]
	case dns.TypeSVCB, dns.TypeHTTPS:
		end := 2
		for data[end] != 0 {
			end += 1 + int(data[end])
		}
		return data[2 : end+1]
	}
	return nil
}
