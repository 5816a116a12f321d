package zones

import (
	"encoding/binary"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/miekg/dns"

	"dnsfailover/zones/wire"
)

const noEDE = 0xFFFF

// Lengths of what ends an answer with EDNS.
const (
	lenOPT    = 11
	lenOption = 4 // code and length
	lenEDE    = lenOption + 2
)

// paddedTo is the block, in octets, to which answers over TLS are padded (RFC 8467 section 4.1).
const paddedTo = 468

// maxText is the longest character string (RFC 1035 section 3.3).
const maxText = 255

// options are the EDNS options of the answer under construction, those that must not be left out. They are
// written before the answer is, so that it is known how much room that has.
type options struct {
	bytes  [lenOption + maxText + lenOption + lenCookie + lenOption + maxSubnet + lenOption + 2]byte
	length int
	subnet int  // where the data of the client's network begins in bytes; 0: there is none
	seen   uint // bit set of the options of the query
	cookie cookieState
}

// put appends an option with n octets of data, which the caller fills in.
func (o *options) put(code uint16, n int) []byte {
	out := o.bytes[o.length : o.length+lenOption+n]
	binary.BigEndian.PutUint16(out, code)
	binary.BigEndian.PutUint16(out[2:], uint16(n))
	o.length += len(out)
	return out[lenOption:]
}

// first says whether an option of the query is the first of its code: more of one count as one
// (RFC 7873 section 5.2 for cookies).
func (o *options) first(code uint16) bool {
	before := o.seen
	o.seen |= 1 << code
	return o.seen != before
}

// readOptions reads the options of the query and writes those of the answer; false means FORMERR. Unknown
// options are ignored (RFC 6891 section 6.1.2).
func (r *Responder) readOptions() bool {
	o := &r.options
	o.seen, o.cookie = 0, noCookie
	ok := true
	for rest := r.query.Options; len(rest) > 0 && ok; {
		code, n := binary.BigEndian.Uint16(rest), int(binary.BigEndian.Uint16(rest[2:]))
		data := rest[lenOption : lenOption+n]
		rest = rest[lenOption+n:]
		if code > dns.EDNS0PADDING || !o.first(code) {
			continue
		}
		switch code {
		case dns.EDNS0NSID:
			r.tellIdentity()
		case dns.EDNS0SUBNET:
			ok = r.echoSubnet(data)
		case dns.EDNS0COOKIE:
			ok = r.answerCookie(data)
		case dns.EDNS0TCPKEEPALIVE:
			r.tellIdle()
		}
	}
	if !ok {
		o.length, o.subnet, o.cookie = 0, 0, noCookie
	}
	r.Trusted = o.cookie == goodCookie
	return ok
}

// tellIdentity answers NSID (RFC 5001 section 2.2).
func (r *Responder) tellIdentity() {
	if id := r.settings().Identity; id != "" && len(id) <= maxText && r.fits(len(id)) {
		copy(r.options.put(dns.EDNS0NSID, len(id)), id)
	}
}

// fits says whether, over UDP, an option with n octets of data, the longest cookie and client's network, and the question leave
// room in the smallest answer.
func (r *Responder) fits(n int) bool {
	const others = lenOPT + lenOption + lenCookie + lenOption + maxSubnet + lenEDE
	return r.transport != UDP || r.questionEnd+others+lenOption+n <= wire.MinUDP
}

// tellIdle answers edns-tcp-keepalive, which means nothing over UDP (RFC 7828 section 3.2.1), with how long a
// stream may be idle, in tenths of a second.
func (r *Responder) tellIdle() {
	if r.transport == UDP || r.settings().Idle == 0 {
		return
	}
	tenths := min(max(r.settings().Idle/(100*time.Millisecond), 0), math.MaxUint16)
	binary.BigEndian.PutUint16(r.options.put(dns.EDNS0TCPKEEPALIVE, 2), uint16(tenths))
}

// fail answers with an error and, if that is on, its extended error.
func (r *Responder) fail(rcode, ede uint16) {
	r.Rcode = rcode
	if r.settings().EDE {
		r.ede = ede
	}
}

// putOPT writes the OPT record (RFC 6891 section 6.1.2).
func (r *Responder) putOPT() {
	start := r.size
	out := r.out[start : start+lenOPT]
	ttl := uint32(r.Rcode>>4) << 24
	if r.query.DO {
		ttl |= 1 << 15 // RFC 3225 section 3: copied
	}
	out[0] = 0
	binary.BigEndian.PutUint16(out[1:], dns.TypeOPT)
	binary.BigEndian.PutUint16(out[3:], uint16(r.settings().maxUDP()))
	binary.BigEndian.PutUint32(out[5:], ttl)
	binary.BigEndian.PutUint16(out[9:], 0)
	r.size += lenOPT
	r.ar++
	if r.options.length == 0 && r.ede == noEDE && r.transport != TLS {
		return
	}
	r.size += copy(r.out[r.size:], r.options.bytes[:r.options.length])
	r.limit += lenOPT + r.options.length // from here on what is sent in all
	if r.ede != noEDE {
		r.putEDE()
	}
	if r.transport == TLS {
		r.pad()
	}
	binary.BigEndian.PutUint16(out[9:], uint16(r.size-start-lenOPT))
}

// putEDE writes the extended error (RFC 8914 section 2), if there is room. Only code 0 has a text.
func (r *Responder) putEDE() {
	text := ""
	if r.ede == dns.ExtendedErrorCodeOther {
		text = r.note
		if !utf8.ValidString(text) || strings.Contains(text, "\x00") { // section 2: UTF-8, need not be null terminated
			return
		}
	}
	out := r.grow(lenEDE + len(text))
	if out == nil {
		return
	}
	binary.BigEndian.PutUint16(out, dns.EDNS0EDE)
	binary.BigEndian.PutUint16(out[2:], uint16(2+len(text)))
	binary.BigEndian.PutUint16(out[4:], r.ede)
	copy(out[lenEDE:], text)
}

// pad fills the answer up to whole blocks, so that its length tells an eavesdropper little (RFC 7830 section 4).
func (r *Responder) pad() {
	n := -(r.size + lenOption) % paddedTo
	if n < 0 {
		n += paddedTo
	}
	n = min(n, r.limit-r.size-lenOption)
	if n < 0 {
		return
	}
	out := r.grow(lenOption + n)
	binary.BigEndian.PutUint16(out, dns.EDNS0PADDING)
	binary.BigEndian.PutUint16(out[2:], uint16(n))
	clear(out[lenOption:])
}
