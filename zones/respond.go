package zones

import (
	"encoding/binary"
	"net/netip"

	"github.com/miekg/dns"

	"dnsfailover/zones/wire"
)

// maxChain is how many CNAME and DNAME records are followed for one answer.
const maxChain = 16

// Transport says how a query came in.
type Transport uint8

// UDP answers are cut to what the client takes, those over a Stream to 65,535 octets. TLS is a Stream
// whose answers are padded.
const (
	UDP Transport = iota
	Stream
	TLS
)

// Responder answers queries: bytes in, bytes out. It holds one worker's scratch space, so each worker has its own.
type Responder struct {
	// Settings are the operator's; nil for the defaults.
	Settings *Settings
	// Client is who asks. It is looked at only if Settings has Cookies, and by services with staff.
	Client netip.Addr

	// What the last call to Respond answered, for the worker's counters.
	Zone    int    // index in Set.Zones, -1 for none
	Type    uint16 // QTYPE, 0 if there was no question to read
	Rcode   uint16 // RCODE with its extended bits
	Trusted bool   // the query carried a valid server cookie: Client did send it
	Service string // whose slot was answered from, also if it held no address of the type; empty for none
	Staff   bool   // the client was answered as one of that service's staff
	// About is what a rate limiter counts answers by: alike for all answers NXDOMAIN of a zone, for all referrals
	// from a cut, for all answers for a name (those of a wildcard are one name), and for all with one error.
	About uint64

	transport Transport
	options   options
	about     uint64 // zone and node that answered first, see aboutNode

	warmer  warmer
	query   wire.Query
	chased  wire.Name
	targets [maxChain]int // offsets of the names that were chased

	redirections [maxChain + 1]redirection // DNAMEs in the answer
	redirected   int

	// The answer under construction.
	out           []byte
	size          int // octets written
	limit         int // octets allowed, those of the OPT record not counted
	an, ns, ar    uint16
	authoritative bool
	truncated     bool
	ede           uint16 // extended error, noEDE for none
	note          string // its text, if it is dns.ExtendedErrorCodeOther
	questionEnd   int
	now           int64
	set           *Set
}

// Respond writes the answer to query into out, which has room for 65,535 octets over a Stream and
// for Settings.MaxUDP (at least 512) over UDP, and returns its length; 0 means that nothing must be sent.
// now is in Unix nanoseconds. It never panics on any query and does not allocate on common ones.
func (r *Responder) Respond(set *Set, query, out []byte, transport Transport, now int64) int {
	r.Zone, r.Rcode, r.Trusted, r.Service, r.Staff = -1, 0, false, "", false
	r.an, r.ns, r.ar = 0, 0, 0
	r.redirected = 0
	r.authoritative, r.truncated, r.ede = false, false, noEDE
	r.set, r.out, r.now, r.transport = set, out, now, transport
	r.options.length, r.options.subnet, r.about = 0, 0, 0

	q := &r.query
	verdict := q.Parse(query)
	r.Type = q.Type
	if verdict == wire.Drop {
		return 0
	}
	r.size = wire.HeaderLen + copy(out[wire.HeaderLen:], q.Question)
	r.questionEnd = r.size
	if q.EDNS && len(q.Options) > 0 && (verdict == wire.Answer || verdict == wire.NoQuestion) && !r.readOptions() {
		verdict = wire.FormErr
	}
	r.limit = r.room()
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
	case wire.NoQuestion:
		r.Rcode = r.greet()
	}
	return r.finish(query)
}

// Rest forgets the set that was answered from last: who waits for queries must not keep one that was replaced from the collector.
func (r *Responder) Rest() {
	r.set = nil
	clear(r.redirections[:])
}

// settings returns the operator's settings or the defaults.
func (r *Responder) settings() *Settings {
	if r.Settings == nil {
		return &defaultSettings
	}
	return r.Settings
}

// room returns how many octets the answer may have, those of the OPT record not counted.
func (r *Responder) room() int {
	limit := wire.MinUDP
	switch {
	case r.transport != UDP:
		limit = 1<<16 - 1
	case r.query.EDNS: // RFC 6891 section 6.2.5: below 512 counts as 512
		limit = min(max(int(r.query.UDPSize), wire.MinUDP), r.settings().maxUDP())
	}
	limit = min(limit, len(r.out))
	if r.query.EDNS {
		limit -= lenOPT + r.options.length
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
		r.fail(dns.RcodeRefused, dns.ExtendedErrorCodeProhibited) // RFC 5936 section 5: no transfers without permission
		r.Zone = r.set.find(&q.Name, q.Type)
		return
	case q.Type >= 128 && q.Type < dns.TypeANY:
		r.fail(dns.RcodeNotImplemented, dns.ExtendedErrorCodeNotSupported) // RFC 6895 section 3.1: the other Q and meta types
		return
	case q.Class == dns.ClassCHAOS:
		r.chaos()
		return
	case q.Class != dns.ClassINET:
		r.fail(dns.RcodeRefused, dns.ExtendedErrorCodeNotSupported)
		return
	}
	r.Zone = r.set.find(&q.Name, q.Type)
	if r.Zone < 0 {
		r.fail(dns.RcodeRefused, dns.ExtendedErrorCodeNotAuthoritative)
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
	r.About = r.subject()
	if q.EDNS {
		r.putOPT()
	}
	copy(r.out, query[:2])
	binary.BigEndian.PutUint16(r.out[2:], flags)
	binary.BigEndian.PutUint64(r.out[4:], uint64(questions)<<48|uint64(r.an)<<32|uint64(r.ns)<<16|uint64(r.ar))
	return r.size
}
