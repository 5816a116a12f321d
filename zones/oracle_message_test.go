package zones_test

import (
	"slices"

	"dnsfailover/zones"

	"github.com/miekg/dns"
)

// judge applies what must be decided before names are looked at.
func (o *oracle) judge(q *dns.Msg, transport zones.Transport, now int64) result {
	if opt := q.IsEdns0(); opt != nil && opt.Version() != 0 {
		return result{rcode: dns.RcodeBadVers} // RFC 6891 section 6.1.3
	}
	options, ok := o.options(q, transport, now)
	if !ok {
		return result{rcode: dns.RcodeFormatError}
	}
	o.network = o.told(q)
	r := o.judgeQuestion(q.Question[0], now)
	r.options = scoped(options, r.scope)
	if !o.settings.EDE {
		r.ede = nil
	}
	return r
}

func (o *oracle) judgeQuestion(question dns.Question, now int64) result {
	switch typ := question.Qtype; {
	case typ == dns.TypeNone || typ == dns.TypeOPT:
		return result{rcode: dns.RcodeFormatError}
	case typ == dns.TypeAXFR || typ == dns.TypeIXFR:
		return result{rcode: dns.RcodeRefused, ede: extended(dns.ExtendedErrorCodeProhibited, "")}
	case typ >= 128 && typ < dns.TypeANY: // RFC 6895 section 3.1: meta types
		return result{rcode: dns.RcodeNotImplemented, ede: extended(dns.ExtendedErrorCodeNotSupported, "")}
	}
	switch question.Qclass {
	case dns.ClassINET:
	case dns.ClassCHAOS:
		return o.chaos(question)
	default:
		return result{rcode: dns.RcodeRefused, ede: extended(dns.ExtendedErrorCodeNotSupported, "")}
	}
	return o.resolve(question.Name, question.Qtype, now)
}

// answer returns the whole message that q, an ordinary query, deserves.
func (o *oracle) answer(q *dns.Msg, transport zones.Transport, now int64) *dns.Msg {
	r := o.judge(q, transport, now)
	m := r.message(q, true)
	if m.Len() > limit(q, transport) {
		m = r.message(q, false)
	}
	if m.Len() > limit(q, transport) { // RFC 2181 section 9: nothing is better than some
		m = result{rcode: r.rcode, aa: r.aa, options: r.options}.message(q, false)
		m.Truncated = true
	}
	return m
}

// message puts the result in a message, with or without what is optional.
func (r result) message(q *dns.Msg, extra bool) *dns.Msg {
	m := &dns.Msg{Question: q.Question, Answer: r.answer, Ns: r.authority, Compress: true}
	m.MsgHdr = dns.MsgHdr{Id: q.Id, Response: true, RecursionDesired: q.RecursionDesired, Authoritative: r.aa, Rcode: r.rcode}
	m.Extra = slices.Clone(r.glue)
	if extra {
		m.Extra = union(m.Extra, r.extra)
	}
	if opt := q.IsEdns0(); opt != nil {
		m.SetEdns0(1232, opt.Do())
		m.IsEdns0().Option = r.options
	}
	return m
}

// limit returns the octets that an answer to q may have.
func limit(q *dns.Msg, transport zones.Transport) int {
	if transport != zones.UDP {
		return dns.MaxMsgSize
	}
	size := uint16(dns.MinMsgSize)
	if opt := q.IsEdns0(); opt != nil {
		size = max(size, opt.UDPSize()) // RFC 6891 section 6.2.5
	}
	return int(min(size, 1232))
}

// lowestTTL gives all records of an RRset the lowest TTL of them, and those with the highest bit 0 (RFC 2181 sections 5.2, 8).
func lowestTTL(records []dns.RR) {
	type rrset struct {
		owner string
		typ   uint16
	}
	of := func(rr dns.RR) rrset { return rrset{parseName(rr.Header().Name).key(), rr.Header().Rrtype} }
	lowest := map[rrset]uint32{}
	for _, rr := range records {
		if rr.Header().Ttl > 1<<31-1 {
			rr.Header().Ttl = 0
		}
		if ttl, ok := lowest[of(rr)]; !ok || rr.Header().Ttl < ttl {
			lowest[of(rr)] = rr.Header().Ttl
		}
	}
	for _, rr := range records {
		rr.Header().Ttl = lowest[of(rr)]
	}
}
