package zones

import "time"

// DefaultMaxUDP is the most octets that are sent over UDP (DNS flag day 2020), so that nothing is fragmented.
const DefaultMaxUDP = 1232

// Settings are what an operator may choose about answers. They are immutable and shared by all workers.
type Settings struct {
	// MaxUDP bounds an answer over UDP, in octets, and is what the OPT record says that we take; DefaultMaxUDP if zero.
	MaxUDP int
	// Identity names this server, in up to 255 octets: in NSID (RFC 5001) and as id.server and hostname.bind of class CH
	// (RFC 4892). Empty: not told.
	Identity string
	// Version is version.bind and version.server of class CH, in up to 255 octets. Empty: not told.
	Version string
	// EDE says whether extended errors (RFC 8914) tell why a query is refused and why a service is on its
	// backup (Segment.Note). That a zone is not ready is told always.
	EDE bool
	// Cookies makes and verifies DNS cookies; nil: the COOKIE option is ignored.
	Cookies *Cookies
	// TrustECS are the resolvers whose word is taken for who their client is, given as EDNS Client Subnet (RFC 7871). Only
	// services with staff ask. nil: nobody's.
	TrustECS *Networks
	// Idle is how long a stream may be idle, told by edns-tcp-keepalive (RFC 7828) in tenths of a second. 0: not told;
	// negative: clients are told to close (a timeout of 0).
	Idle time.Duration
}

var defaultSettings Settings

func (s *Settings) maxUDP() int {
	if s.MaxUDP == 0 {
		return DefaultMaxUDP
	}
	return s.MaxUDP
}
