package zones

import (
	"encoding/binary"
	"slices"

	"github.com/miekg/dns"

	"dnsfailover/zones/wire"
)

// lookup answers for name, which lies in z and is written at offset nameAt, by the algorithm of RFC 1034 section 4.3.2. If
// that ends at an alias to follow, it returns the offset at which the alias's target is written, else 0.
func (r *Responder) lookup(z *Zone, name *wire.Name, nameAt, hop int) int {
	if z.broken {
		r.Rcode, r.ede = dns.RcodeServerFailure, dns.ExtendedErrorCodeNotReady
		return 0
	}
	n, skip := z.find(name)
	flags := z.flags(n)
	r.aboutNode(n, hop)
	if skip > 0 {
		switch {
		case flags&nodeCut != 0:
			r.refer(z, n, name, nameAt, hop)
			return 0
		case flags&nodeDNAME != 0:
			return r.redirect(z, n, name, nameAt)
		case flags&nodeWild == 0:
			r.deny(z, name, nameAt, dns.RcodeNameError, z.negative.ttl)
			return 0
		}
		n = z.wildcard(name, skip) // RFC 4592 section 3.3.1: the source of synthesis
		flags = z.flags(n)
		r.aboutNode(n, hop)
	}
	qtype := r.query.Type
	if flags&nodeCut != 0 && qtype != dns.TypeDS {
		r.refer(z, n, name, nameAt, hop)
		return 0
	}
	if qtype == dns.TypeANY {
		r.any(z, n, flags, name, nameAt)
		return 0
	}
	if e := z.entry(n, qtype); e != nil {
		r.put(z, n, e, name, nameAt)
		return 0
	}
	if flags&nodeCNAME != 0 {
		at := r.size
		r.put(z, n, z.entry(n, dns.TypeCNAME), name, nameAt)
		if r.truncated {
			return 0
		}
		return at + 12 // owner pointer, type, class, TTL, length
	}
	r.deny(z, name, nameAt, dns.RcodeSuccess, z.negative.ttl)
	return 0
}

// refer answers with the delegation at node n.
func (r *Responder) refer(z *Zone, n node, name *wire.Name, nameAt, hop int) {
	if hop == 0 {
		r.authoritative = false
	}
	r.put(z, n, z.entry(n, dns.TypeNS), name, nameAt)
}

// any answers a query for all types with little (RFC 8482): the alias, or else an HINFO record that says why.
func (r *Responder) any(z *Zone, n node, flags nodeFlags, name *wire.Name, nameAt int) {
	if flags&nodeCNAME != 0 {
		r.put(z, n, z.entry(n, dns.TypeCNAME), name, nameAt)
		return
	}
	if _, count := z.entries(n); count == 0 {
		r.deny(z, name, nameAt, dns.RcodeSuccess, z.negative.ttl)
		return
	}
	const hinfo = "\x00\x0D\x00\x01\x00\x00\x0E\x10\x00\x09\x07RFC8482\x00"
	out := r.grow(2 + len(hinfo))
	if out == nil {
		return
	}
	binary.BigEndian.PutUint16(out, 0xC000|uint16(nameAt))
	copy(out[2:], hinfo)
	r.an++
}

// grow returns the next size octets of the answer, or nil if there is no room; then the answer is truncated.
func (r *Responder) grow(size int) []byte {
	if r.size+size > r.limit {
		r.truncated = true
		return nil
	}
	out := r.out[r.size : r.size+size]
	r.size += size
	return out
}

// put appends entry e of node n as the answer for name.
func (r *Responder) put(z *Zone, n node, e entry, name *wire.Name, nameAt int) {
	if e.is(entryDynamic) {
		r.putDynamic(z, e, name, nameAt)
		return
	}
	size, extra := e.u16(entryFull), e.u16(entryExtra)
	if r.size+size > r.limit { // optional additional data goes first (RFC 2181 section 9)
		size, extra = e.u16(entryCore), e.u16(entryGlue)
	}
	at := r.size
	out := r.grow(size)
	if out == nil {
		return
	}
	copy(out, e.body(size))
	r.an += uint16(e.u16(entryAN))
	r.ns += uint16(e.u16(entryNS))
	r.ar += uint16(extra)

	if e.is(entryPlain) {
		if nameAt != wire.HeaderLen {
			own(out, nameAt)
		}
		return
	}
	laidFor := z.keyLen(n) + len(z.apex)
	if e.is(entryBelow) {
		laidFor += len("\x01*")
	}
	s := shift{laidFor: wire.HeaderLen + laidFor, nameAt: nameAt, name: nameAt - wire.HeaderLen + name.Len() - laidFor}
	s.body = at - (wire.HeaderLen + laidFor + 4)
	if s.name == 0 && s.body == 0 {
		return
	}
	for i := range e.u16(entryRelocs) {
		if p := e.reloc(i); p < size {
			s.move(out[p:])
		}
	}
}

// own makes nameAt the owner of each record in out, which all have a pointer there and none elsewhere.
func own(out []byte, nameAt int) {
	for at := 0; at < len(out); at += 12 + int(binary.BigEndian.Uint16(out[at+10:])) {
		binary.BigEndian.PutUint16(out[at:], 0xC000|uint16(nameAt))
	}
}

// shift says how the pointers of a body move from where it was laid out to where it stands.
type shift struct {
	laidFor int // end of the name that the body was laid out for
	nameAt  int // where the name that is answered for stands
	name    int // distance of pointers into the name
	body    int // distance of pointers into the body
}

// move moves the pointer at the begin of b.
func (s shift) move(b []byte) {
	to := int(binary.BigEndian.Uint16(b)) & 0x3FFF
	switch {
	case to == wire.HeaderLen:
		to = s.nameAt
	case to < s.laidFor:
		to += s.name
	default:
		to += s.body
	}
	binary.BigEndian.PutUint16(b, 0xC000|uint16(to))
}

// putDynamic appends what the service's slot holds now.
func (r *Responder) putDynamic(z *Zone, e entry, name *wire.Name, nameAt int) {
	bound := &z.slots[e.u32(entrySlot)]
	r.Service = bound.service
	timeline := bound.slot.Load()
	if timeline == nil {
		r.Rcode, r.ede = dns.RcodeServerFailure, dns.ExtendedErrorCodeNotReady
		return
	}
	segment := timeline.At(r.now)
	if staff := bound.slot.Staff; staff != nil {
		segment = r.staffed(staff, timeline, segment)
	}
	if segment.Note != "" && r.settings().EDE {
		r.ede, r.note = dns.ExtendedErrorCodeOther, segment.Note
	}
	records, length := segment.A, lenA
	if e.typ() == typeAAAA {
		records, length = segment.AAAA, lenAAAA
	}
	ttl := segment.TTL(r.now)
	if len(records) == 0 {
		r.deny(z, name, nameAt, dns.RcodeSuccess, min(z.negative.ttl, ttl))
		return
	}
	out := r.grow(len(records))
	if out == nil {
		return
	}
	copy(out, records)
	for at := 0; at < len(out); at += length {
		binary.BigEndian.PutUint16(out[at:], 0xC000|uint16(nameAt))
		binary.BigEndian.PutUint32(out[at+6:], ttl)
		r.an++
	}
}

// deny appends the SOA record of a negative answer (RFC 2308).
func (r *Responder) deny(z *Zone, name *wire.Name, nameAt, rcode int, ttl uint32) {
	r.Rcode = uint16(rcode)
	at := r.size
	out := r.grow(len(z.negative.body))
	if out == nil {
		return
	}
	copy(out, z.negative.body)
	laidFor := len(z.apex) + len("\x01*")
	s := shift{laidFor: wire.HeaderLen + laidFor, nameAt: nameAt, name: nameAt - wire.HeaderLen + name.Len() - laidFor}
	s.body = at - (wire.HeaderLen + laidFor + 4)
	for _, p := range z.negative.relocs {
		s.move(out[p:])
	}
	binary.BigEndian.PutUint32(out[z.negative.ttlAt:], ttl)
	r.ns++
}

// redirection is a DNAME that was followed.
type redirection struct {
	zone *Zone
	at   node
}

// redirect answers by the DNAME at node n, above name (RFC 6672 section 2.2): with the DNAME and a
// CNAME that is made from it. It returns where the CNAME's target is written, or 0 if it is too long.
func (r *Responder) redirect(z *Zone, n node, name *wire.Name, nameAt int) int {
	e := z.entry(n, dns.TypeDNAME)
	dname := e.body(e.u16(entryCore))
	head := name.Len() - z.keyLen(n) - len(z.apex) // octets of name before the DNAME's owner
	by := redirection{z, n}
	if !slices.Contains(r.redirections[:r.redirected], by) { // RFC 2181 section 5: no record twice
		out := r.grow(len(dname))
		if out == nil {
			return 0
		}
		copy(out, dname)
		binary.BigEndian.PutUint16(out, 0xC000|uint16(nameAt+head))
		r.an++
		r.redirections[r.redirected] = by
		r.redirected++
	}
	to := dname[12:]
	if head+len(to) > wire.MaxName {
		r.Rcode = dns.RcodeYXDomain
		return 0
	}
	out := r.grow(12 + head + len(to))
	if out == nil {
		return 0
	}
	binary.BigEndian.PutUint16(out, 0xC000|uint16(nameAt))
	binary.BigEndian.PutUint16(out[2:], dns.TypeCNAME)
	copy(out[4:10], dname[4:10]) // class and TTL are the DNAME's (RFC 6672 section 3.1)
	binary.BigEndian.PutUint16(out[10:], uint16(head+len(to)))
	copy(out[12:], r.out[nameAt:nameAt+head])
	copy(out[12+head:], to)
	r.an++
	if r.query.Type == dns.TypeCNAME || r.query.Type == dns.TypeANY {
		return 0 // the alias itself is what was asked for
	}
	return r.size - head - len(to)
}
