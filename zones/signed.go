package zones

import "github.com/miekg/dns"

// refuseSigned answers a query that carries a TSIG record: no key is known, so none verifies
// (RFC 8945 section 5.2.1: NOTAUTH with BADKEY, unsigned).
func (r *Responder) refuseSigned(query []byte) int {
	q := new(dns.Msg)
	if q.Unpack(query) != nil || q.IsTsig() == nil || q.IsTsig().Algorithm == "" {
		r.Rcode = dns.RcodeFormatError
		return r.finish(query)
	}
	signed := q.IsTsig()
	r.Rcode = dns.RcodeNotAuth
	r.About = r.subject()
	m := new(dns.Msg).SetRcode(q, dns.RcodeNotAuth)
	m.Extra = []dns.RR{&dns.TSIG{
		Hdr:       dns.RR_Header{Name: signed.Hdr.Name, Rrtype: dns.TypeTSIG, Class: dns.ClassANY},
		Algorithm: signed.Algorithm, TimeSigned: signed.TimeSigned, Fudge: signed.Fudge,
		OrigId: q.Id, Error: dns.RcodeBadKey,
	}}
	out, err := m.Pack()
	if err != nil || len(out) > r.limit {
		return 0
	}
	return copy(r.out, out)
}
