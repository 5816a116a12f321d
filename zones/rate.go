package zones

import (
	"encoding/binary"

	"github.com/miekg/dns"

	"dnsfailover/zones/wire"
)

// What an answer can be about, see Responder.About.
const (
	aboutData = iota
	aboutReferral
	aboutMissing
	aboutError
)

// aboutNode notes which node answers; that of the first lookup counts, since what follows an alias is the client's choice
// no more.
func (r *Responder) aboutNode(n node, hop int) {
	if hop == 0 {
		r.about = uint64(n)
	}
}

// subject returns what the answer is about. That it names a node, not a name, makes it cheap and bounds how many
// there are by what is in the zones.
func (r *Responder) subject() uint64 {
	kind, zone := uint64(aboutData), uint64(r.Zone+1)
	what := r.about
	switch {
	case r.Rcode == dns.RcodeNameError:
		kind, what = aboutMissing, 0
	case r.Rcode != dns.RcodeSuccess && r.Rcode != dns.RcodeYXDomain:
		kind, what, zone = aboutError, uint64(r.Rcode), 0
	case !r.authoritative:
		kind = aboutReferral
	}
	h := (zone<<34 ^ what<<2 ^ kind) * 0x9E37_79B9_7F4A_7C15
	return h ^ h>>32
}

// Truncated turns an answer in place into one that only sends the client to a stream: TC is set, and nothing is
// left but the header, the question and the OPT record, if there is one. It returns the length.
func Truncated(answer []byte) int {
	records := int(binary.BigEndian.Uint16(answer[6:])) + int(binary.BigEndian.Uint16(answer[8:])) + int(binary.BigEndian.Uint16(answer[10:]))
	size := wire.HeaderLen
	if binary.BigEndian.Uint16(answer[4:]) != 0 {
		size = wire.SkipName(answer, size) + 4
	}
	opts := 0
	for at := size; records > 0; records-- {
		fields := wire.SkipName(answer, at)
		end := fields + 10 + int(binary.BigEndian.Uint16(answer[fields+8:]))
		if binary.BigEndian.Uint16(answer[fields:]) == dns.TypeOPT {
			size += copy(answer[size:], answer[at:end])
			opts++
		}
		at = end
	}
	answer[2] |= wire.FlagTC >> 8
	binary.BigEndian.PutUint32(answer[6:], 0)
	binary.BigEndian.PutUint16(answer[10:], uint16(opts))
	return size
}
