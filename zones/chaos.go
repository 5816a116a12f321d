package zones

import (
	"encoding/binary"

	"github.com/miekg/dns"

	"dnsfailover/zones/wire"
)

// chaos answers for class CH, in which servers are asked about themselves (RFC 4892): as far as the operator wants them to tell.
func (r *Responder) chaos() {
	text := ""
	switch string(r.query.Name.From(0)) {
	case "\x07version\x04bind\x00", "\x07version\x06server\x00":
		text = r.settings().Version
	case "\x02id\x06server\x00", "\x08hostname\x04bind\x00":
		text = r.settings().Identity
	}
	if text == "" || len(text) > maxText || r.query.Type != dns.TypeTXT && r.query.Type != dns.TypeANY {
		r.fail(dns.RcodeRefused, dns.ExtendedErrorCodeNotSupported)
		return
	}
	out := r.grow(12 + 1 + len(text))
	if out == nil {
		return
	}
	binary.BigEndian.PutUint16(out, 0xC000|wire.HeaderLen)
	binary.BigEndian.PutUint16(out[2:], dns.TypeTXT)
	binary.BigEndian.PutUint16(out[4:], dns.ClassCHAOS)
	binary.BigEndian.PutUint32(out[6:], 0) // RFC 4892 section 3: not to be cached
	binary.BigEndian.PutUint16(out[10:], uint16(1+len(text)))
	out[12] = byte(len(text))
	copy(out[13:], text)
	r.authoritative = true
	r.an++
}
