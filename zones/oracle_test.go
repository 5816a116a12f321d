package zones_test

import (
	"net"
	"net/netip"
	"slices"

	"dnsfailover/zones"

	"github.com/miekg/dns"
)

// oracle answers like the compiled zones must, slowly and by the letter of RFC 1034 section 4.3.2:
// plain lists of records, searched from the top for each question.
type oracle struct {
	zones    []*plainZone
	settings zones.Settings
	secrets  [][16]byte // of the cookies in settings
	client   netip.Addr
	staff    map[*zones.Slot][]netip.Prefix
	network  netip.Prefix // of the client that is asked for, if one is told by who may
}

// plainZone is a zone as it was written. No list holds a record twice (RFC 2181 section 5).
type plainZone struct {
	apex    name
	records map[string][]dns.RR // by owner
	owners  []name              // of records and dynamic names
	dynamic map[string]*zones.Slot
}

// newPlainZone builds a zone from its records and its dynamic names.
func newPlainZone(apex string, records []dns.RR, dynamics []zones.Dynamic) *plainZone {
	z := &plainZone{apex: parseName(apex), records: map[string][]dns.RR{}, dynamic: map[string]*zones.Slot{}}
	for _, d := range dynamics {
		owner := parseName(d.Name)
		z.dynamic[owner.key()] = d.Slot
		z.owners = append(z.owners, owner)
	}
	for _, rr := range records {
		rr = plain(rr)
		owner := parseName(rr.Header().Name)
		k := owner.key()
		if typ := rr.Header().Rrtype; z.dynamic[k] != nil && (typ == dns.TypeA || typ == dns.TypeAAAA) {
			continue // the zone file only repeats what the service serves
		}
		if !slices.ContainsFunc(z.records[k], func(o dns.RR) bool { return dns.IsDuplicate(o, rr) }) {
			z.records[k] = append(z.records[k], rr)
			z.owners = append(z.owners, owner)
		}
	}
	return z
}

// plain returns the record as it comes from the wire, where each octet has but one spelling.
func plain(rr dns.RR) dns.RR {
	wire := make([]byte, dns.Len(rr)+1)
	end, err := dns.PackRR(rr, wire, 0, nil, false)
	if err != nil {
		panic(err)
	}
	rr, _, err = dns.UnpackRR(wire[:end], 0)
	if err != nil {
		panic(err)
	}
	return rr
}

func (z *plainZone) rrset(n name, typ uint16) []dns.RR {
	var set []dns.RR
	for _, rr := range z.records[n.key()] {
		if rr.Header().Rrtype == typ {
			set = append(set, rr)
		}
	}
	return set
}

// exists says whether n owns something or is above something that does (RFC 4592 section 2.2.2, RFC 8020).
func (z *plainZone) exists(n name) bool {
	return len(n) == len(z.apex) || slices.ContainsFunc(z.owners, func(o name) bool { return o.in(n) })
}

// result is what must be said; how much of it fits is another matter.
type result struct {
	rcode     int
	aa        bool
	answer    []dns.RR
	chain     int // that many records of answer must come first, in this order
	authority []dns.RR
	glue      []dns.RR // without it the referral is of no use (RFC 9471 section 2.1)
	extra     []dns.RR // all or nothing
	cut       bool     // the chain was too long or went in a circle
	options   []dns.EDNS0
	scope     int            // for the client's network
	ede       *dns.EDNS0_EDE // may be missing if there is no room for it
}

const maxHops = 16

func (o *oracle) resolve(qname string, qtype uint16, now int64) result {
	r := result{rcode: dns.RcodeSuccess}
	n := parseName(qname)
	seen := map[string]bool{}
	for hops := 0; n != nil; hops++ {
		z := o.zoneOf(n, qtype)
		if z == nil {
			if hops == 0 {
				r.rcode, r.ede = dns.RcodeRefused, extended(dns.ExtendedErrorCodeNotAuthoritative, "")
			}
			return r
		}
		if hops > maxHops || seen[n.key()] {
			r.cut = true
			return r
		}
		seen[n.key()] = true
		n = z.step(o, &r, n, qtype, now, hops == 0)
	}
	return r
}

// zoneOf returns the nearest zone that encloses n, or nil. What a DS record says belongs to the zone above the cut
// (RFC 4035 section 3.1.4.1), so for it the apex of a zone counts only if nothing above is ours.
func (o *oracle) zoneOf(n name, qtype uint16) *plainZone {
	var best, apex *plainZone
	for _, z := range o.zones {
		switch {
		case !n.in(z.apex):
		case qtype == dns.TypeDS && len(n) == len(z.apex):
			apex = z
		case best == nil || len(z.apex) > len(best.apex):
			best = z
		}
	}
	if best == nil {
		return apex
	}
	return best
}

// step looks n up in the zone, and returns the name at which to go on, if any.
func (z *plainZone) step(o *oracle, r *result, n name, qtype uint16, now int64, first bool) name {
	for i := len(n) - len(z.apex); i >= 0; i-- { // from the apex down to n
		at := n[i:]
		cut := len(at) > len(z.apex) && len(z.rrset(at, dns.TypeNS)) > 0
		if cut && !(i == 0 && qtype == dns.TypeDS) {
			z.refer(r, at)
			return nil
		}
		if set := z.rrset(at, dns.TypeDNAME); i > 0 && len(set) > 0 {
			r.aa = r.aa || first
			return z.redirect(r, n, len(at), set[0].(*dns.DNAME), qtype)
		}
	}
	r.aa = r.aa || first
	node := n
	if !z.exists(n) {
		encloser := n[1:]
		for !z.exists(encloser) {
			encloser = encloser[1:]
		}
		node = append(name{"*"}, encloser...) // RFC 4592 section 3.3.1
		if !z.exists(node) {
			r.rcode = dns.RcodeNameError
			r.authority = z.negative(nil, now)
			return nil
		}
	}
	return z.data(o, r, n, node, qtype, now)
}

// data answers from node, which is n or the wildcard that stands for it.
func (z *plainZone) data(o *oracle, r *result, n, node name, qtype uint16, now int64) name {
	slot := z.dynamic[node.key()]
	if set := z.rrset(node, dns.TypeCNAME); len(set) > 0 {
		r.answer = append(r.answer, owned(set, n)...)
		r.chain++
		if qtype == dns.TypeCNAME || qtype == dns.TypeANY {
			return nil
		}
		return parseName(set[0].(*dns.CNAME).Target)
	}
	if qtype == dns.TypeANY && (slot != nil || len(z.records[node.key()]) > 0) {
		// RFC 8482 section 4.2
		hdr := dns.RR_Header{Name: n.String(), Rrtype: dns.TypeHINFO, Class: dns.ClassINET, Ttl: 3600}
		r.answer = append(r.answer, &dns.HINFO{Hdr: hdr, Cpu: "RFC8482"})
		return nil
	}
	set := z.rrset(node, qtype)
	var seg *zones.Segment
	if slot != nil && (qtype == dns.TypeA || qtype == dns.TypeAAAA) {
		seg = o.segment(r, slot, now)
		set = addresses(seg, qtype, now)
		if seg.Note != "" {
			r.ede = extended(dns.ExtendedErrorCodeOther, seg.Note)
		}
	}
	if len(set) == 0 {
		r.authority = z.negative(seg, now)
		return nil
	}
	set = owned(set, n)
	r.answer = append(r.answer, set...)
	for _, rr := range set {
		r.extra = z.addExtra(r.extra, rr, n)
	}
	r.extra = slices.DeleteFunc(r.extra, func(rr dns.RR) bool { // no record twice
		return slices.ContainsFunc(set, func(o dns.RR) bool { return dns.IsDuplicate(o, rr) })
	})
	return nil
}

// negative returns the SOA record with the TTL of RFC 2308 section 5; a service's answer may change sooner.
func (z *plainZone) negative(seg *zones.Segment, now int64) []dns.RR {
	soa := dns.Copy(z.rrset(z.apex, dns.TypeSOA)[0]).(*dns.SOA)
	soa.Hdr.Ttl = min(soa.Hdr.Ttl, soa.Minttl)
	if seg != nil {
		soa.Hdr.Ttl = min(soa.Hdr.Ttl, seg.TTL(now))
	}
	return []dns.RR{soa}
}

// redirect follows a DNAME record (RFC 6672 section 3.2) whose owner has that many labels.
func (z *plainZone) redirect(r *result, n name, labels int, d *dns.DNAME, qtype uint16) name {
	if !slices.ContainsFunc(r.answer, func(rr dns.RR) bool { return dns.IsDuplicate(rr, d) }) {
		r.answer = append(r.answer, d)
		r.chain++
	}
	target := append(slices.Clone(n[:len(n)-labels]), parseName(d.Target)...)
	if len(target.wire()) > 255 {
		r.rcode = dns.RcodeYXDomain
		return nil
	}
	hdr := dns.RR_Header{Name: n.String(), Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: d.Hdr.Ttl}
	r.answer = append(r.answer, &dns.CNAME{Hdr: hdr, Target: target.String()})
	r.chain++
	if qtype == dns.TypeCNAME || qtype == dns.TypeANY {
		return nil
	}
	return target
}

// refer points to the servers behind the cut (RFC 1034 section 4.3.2 step 3b).
func (z *plainZone) refer(r *result, cut name) {
	r.authority = z.rrset(cut, dns.TypeNS)
	for _, rr := range r.authority {
		if host := parseName(rr.(*dns.NS).Ns); host.in(cut) {
			r.glue = union(r.glue, z.stored(host)) // RFC 9471 section 2.1
		} else if host.in(z.apex) && !z.redirected(host) {
			r.extra = union(r.extra, z.stored(host)) // RFC 9471 section 2.2
		}
	}
}

// addExtra adds the addresses that whoever asked for rr wants next, if they are authoritative here.
func (z *plainZone) addExtra(extra []dns.RR, rr dns.RR, owner name) []dns.RR {
	var target string
	switch rr := rr.(type) {
	case *dns.NS:
		target = present(rr.Ns)
	case *dns.MX:
		target = present(rr.Mx)
	case *dns.SRV:
		target = present(rr.Target)
	case *dns.SVCB:
		target = aliasOf(rr, owner)
	case *dns.HTTPS:
		target = aliasOf(&rr.SVCB, owner)
	}
	if target == "" {
		return extra
	}
	host := parseName(target)
	if !host.in(z.apex) || z.redirected(host) || z.delegated(host) || len(host) > 0 && host[0] == "*" {
		return extra
	}
	extra = union(extra, z.stored(host))
	if typ := rr.Header().Rrtype; aliasMode(rr) { // RFC 9460 section 4.1
		for _, there := range z.rrset(host, typ) {
			if before := len(extra); len(union(extra, []dns.RR{there})) > before {
				extra = z.addExtra(union(extra, []dns.RR{there}), there, host)
			}
		}
	}
	return extra
}

// aliasMode says whether rr is a SVCB or HTTPS record of priority 0.
func aliasMode(rr dns.RR) bool {
	switch rr := rr.(type) {
	case *dns.SVCB:
		return rr.Priority == 0
	case *dns.HTTPS:
		return rr.Priority == 0
	}
	return false
}

// present returns nothing for a dot, which says that there is no such host (RFC 2782, RFC 7505).
func present(target string) string {
	if target == "." {
		return ""
	}
	return target
}

// aliasOf returns where a SVCB record points: a dot means its owner, but in alias mode nothing (RFC 9460 section 2.5).
func aliasOf(rr *dns.SVCB, owner name) string {
	if rr.Target == "." && rr.Priority == 0 {
		return ""
	}
	if rr.Target == "." {
		return owner.String()
	}
	return rr.Target
}

func (z *plainZone) stored(host name) []dns.RR {
	return append(z.rrset(host, dns.TypeA), z.rrset(host, dns.TypeAAAA)...)
}

// redirected says whether host lies below a DNAME record.
func (z *plainZone) redirected(host name) bool {
	return len(host) > 0 && z.above(host[1:], dns.TypeDNAME, len(z.apex))
}

// delegated says whether host lies at or below a cut.
func (z *plainZone) delegated(host name) bool {
	return z.above(host, dns.TypeNS, len(z.apex)+1)
}

func (z *plainZone) above(n name, typ uint16, labels int) bool {
	for i := 0; i <= len(n)-labels; i++ {
		if len(z.rrset(n[i:], typ)) > 0 {
			return true
		}
	}
	return false
}

func union(a, b []dns.RR) []dns.RR {
	for _, rr := range b {
		if !slices.ContainsFunc(a, func(o dns.RR) bool { return dns.IsDuplicate(o, rr) }) {
			a = append(a, rr)
		}
	}
	return a
}

func owned(set []dns.RR, n name) []dns.RR {
	var out []dns.RR
	for _, rr := range set {
		rr = dns.Copy(rr)
		rr.Header().Name = n.String()
		out = append(out, rr)
	}
	return out
}

// addresses reads the ready records of a segment.
func addresses(seg *zones.Segment, qtype uint16, now int64) []dns.RR {
	hdr := dns.RR_Header{Name: ".", Rrtype: qtype, Class: dns.ClassINET, Ttl: seg.TTL(now)}
	var out []dns.RR
	if qtype == dns.TypeA {
		for b := range slices.Chunk(seg.A, 16) {
			out = append(out, &dns.A{Hdr: hdr, A: net.IP(b[12:])})
		}
		return out
	}
	for b := range slices.Chunk(seg.AAAA, 28) {
		out = append(out, &dns.AAAA{Hdr: hdr, AAAA: net.IP(b[12:])})
	}
	return out
}
