package zones

import (
	"encoding/binary"

	"github.com/miekg/dns"

	"dnsfailover/zones/wire"
)

// maxChain is how many CNAME and DNAME records are followed for one answer.
const maxChain = 16

// Transport says how a query came in.
type Transport uint8

// UDP answers are cut to what the client takes, those over a Stream to 65,535 octets.
const (
	UDP Transport = iota
	Stream
)

// DefaultMaxUDP is the most octets that are sent over UDP (DNS flag day 2020), so that nothing is fragmented.
const DefaultMaxUDP = 1232

// Responder answers queries: bytes in, bytes out. It holds one worker's scratch space, so each worker has its own.
type Responder struct {
	// MaxUDP bounds an answer over UDP, in octets; DefaultMaxUDP if zero.
	MaxUDP int

	// What the last call to Respond answered, for the worker's counters.
	Zone  int    // index in Set.Zones, -1 for none
	Type  uint16 // QTYPE, 0 if there was no question to read
	Rcode uint16 // RCODE with its extended bits

	query   wire.Query
	chased  wire.Name
	targets [maxChain]int // offsets of the names that were chased

	redirections [maxChain + 1]redirection // DNAMEs in the answer
	redirected   int

	// The answer under construction.
	out           []byte
	size          int // octets written
	limit         int // octets allowed, the OPT record's not counted
	an, ns, ar    uint16
	authoritative bool
	truncated     bool
	ede           uint16 // extended error, noEDE for none
	questionEnd   int
	now           int64
	set           *Set
}

const noEDE = 0xFFFF

// Lengths of what ends an answer with EDNS.
const (
	lenOPT = 11
	lenEDE = 6
)

// Respond writes the answer to query into out, which has room for 65,535 octets over a Stream and
// for MaxUDP (at least 512) over UDP, and returns its length; 0 means that nothing must be sent.
// now is in Unix nanoseconds. It never panics on any query and does not allocate on common ones.
func (r *Responder) Respond(set *Set, query, out []byte, transport Transport, now int64) int {
	r.Zone, r.Rcode = -1, 0
	r.an, r.ns, r.ar = 0, 0, 0
	clear(r.redirections[:r.redirected])
	r.redirected = 0
	r.authoritative, r.truncated, r.ede = false, false, noEDE
	r.set, r.out, r.now = set, out, now

	q := &r.query
	verdict := q.Parse(query)
	r.Type = q.Type
	if verdict == wire.Drop {
		return 0
	}
	r.size = wire.HeaderLen + copy(out[wire.HeaderLen:], q.Question)
	r.questionEnd = r.size
	r.limit = r.room(transport)
	switch verdict {
	case wire.Answer:
		r.answer()
	case wire.FormErr:
		r.Rcode = dns.RcodeFormatError
	case wire.NotImp:
		r.Rcode = dns.RcodeNotImplemented
	case wire.BadVers:
		r.Rcode = dns.RcodeBadVers
	case wire.Signed:
		return r.refuseSigned(query)
	}
	return r.finish(query)
}

// room returns how many octets the answer may have, those of the OPT record not counted.
func (r *Responder) room(transport Transport) int {
	limit := wire.MinUDP
	switch {
	case transport == Stream:
		limit = 1<<16 - 1
	case r.query.EDNS: // RFC 6891 section 6.2.5: below 512 counts as 512
		most := r.MaxUDP
		if most == 0 {
			most = DefaultMaxUDP
		}
		limit = min(max(int(r.query.UDPSize), wire.MinUDP), most)
	}
	limit = min(limit, len(r.out))
	if r.query.EDNS {
		limit -= lenOPT
	}
	return limit
}

// answer fills the sections for a well-formed question.
func (r *Responder) answer() {
	q := &r.query
	switch {
	case q.Type == dns.TypeOPT || q.Type == 0:
		r.Rcode = dns.RcodeFormatError
		return
	case q.Type == dns.TypeAXFR || q.Type == dns.TypeIXFR:
		r.Rcode = dns.RcodeRefused // RFC 5936 section 5: no transfers without permission
		r.Zone = r.set.find(&q.Name, q.Type)
		return
	case q.Type >= 128 && q.Type < dns.TypeANY:
		r.Rcode = dns.RcodeNotImplemented // RFC 6895 section 3.1: the other Q and meta types
		return
	case q.Class != dns.ClassINET:
		r.Rcode = dns.RcodeRefused
		return
	}
	r.Zone = r.set.find(&q.Name, q.Type)
	if r.Zone < 0 {
		r.Rcode = dns.RcodeRefused
		return
	}
	r.authoritative = true
	r.chase(r.set.zones[r.Zone])
	if r.truncated {
		// RFC 2181 section 9: a client must not use what a truncated answer holds, so it holds nothing.
		r.size = r.questionEnd
		r.an, r.ns, r.ar = 0, 0, 0
	}
}

// chase answers from z and follows aliases through all zones that are served here.
func (r *Responder) chase(z *Zone) {
	name, nameAt := &r.query.Name, wire.HeaderLen
	for hop := 0; ; hop++ {
		target := r.lookup(z, name, nameAt, hop)
		if target == 0 || hop == maxChain {
			return
		}
		name, nameAt = &r.chased, target
		name.Read(r.out[target:r.size])
		if r.seen(name, hop) {
			return
		}
		r.targets[hop] = target
		i := r.set.find(name, r.query.Type)
		if i < 0 {
			return
		}
		z = r.set.zones[i]
	}
}

// seen says whether name was answered for already, after hop targets.
func (r *Responder) seen(name *wire.Name, hop int) bool {
	if string(name.From(0)) == string(r.query.Name.From(0)) {
		return true
	}
	for _, at := range r.targets[:hop] {
		if equalFold(name.From(0), r.out[at:]) {
			return true
		}
	}
	return false
}

// equalFold says whether b begins with the name low, which is in lower case.
func equalFold(low, b []byte) bool {
	if len(b) < len(low) {
		return false
	}
	for i, c := range low {
		d := b[i]
		if 'A' <= d && d <= 'Z' {
			d |= 0x20
		}
		if c != d {
			return false
		}
	}
	return true
}

// finish writes the header and the OPT record and returns the answer's length.
func (r *Responder) finish(query []byte) int {
	q := &r.query
	flags := uint16(wire.FlagQR) | r.Rcode&0xF
	if r.Rcode == dns.RcodeNotImplemented && q.Question == nil {
		flags |= q.Flags & wire.MaskOpcode // RFC 8906 section 8.1.4: and nothing else
	} else {
		flags |= q.Flags & wire.FlagRD
	}
	if r.authoritative && r.Rcode != dns.RcodeServerFailure {
		flags |= wire.FlagAA
	}
	if r.truncated {
		flags |= wire.FlagTC
	}
	questions := uint16(0)
	if q.Question != nil {
		questions = 1
	}
	if q.EDNS {
		r.option()
	}
	copy(r.out, query[:2])
	binary.BigEndian.PutUint16(r.out[2:], flags)
	binary.BigEndian.PutUint64(r.out[4:], uint64(questions)<<48|uint64(r.an)<<32|uint64(r.ns)<<16|uint64(r.ar))
	return r.size
}

// option writes the OPT record (RFC 6891 section 6.1.2).
func (r *Responder) option() {
	out := r.out[r.size : r.size+lenOPT]
	size := r.MaxUDP
	if size == 0 {
		size = DefaultMaxUDP
	}
	ttl := uint32(r.Rcode>>4) << 24
	if r.query.DO {
		ttl |= 1 << 15 // RFC 3225 section 3: copied
	}
	out[0] = 0
	binary.BigEndian.PutUint16(out[1:], dns.TypeOPT)
	binary.BigEndian.PutUint16(out[3:], uint16(size))
	binary.BigEndian.PutUint32(out[5:], ttl)
	binary.BigEndian.PutUint16(out[9:], 0)
	r.size += lenOPT
	r.ar++
	if r.ede != noEDE && r.size+lenEDE <= len(r.out) {
		binary.BigEndian.PutUint16(out[9:], lenEDE)
		ede := r.out[r.size : r.size+lenEDE]
		binary.BigEndian.PutUint16(ede, dns.EDNS0EDE)
		binary.BigEndian.PutUint16(ede[2:], 2)
		binary.BigEndian.PutUint16(ede[4:], r.ede)
		r.size += lenEDE
	}
}
