package peers

import (
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// difference is one that is right, or that the RFCs leave open.
type difference struct {
	says   string
	why    string   // the sentence of an RFC that makes us right, or leaves it open
	peers  []string // nil: all
	fields []string // that may differ
	when   func(*comparison) bool
}

// known are the differences that may be; each holds for as few answers as can be said. What is seen of none of them is an
// error, so that the table stays true.
var known = []difference{
	{
		says:   "the case of letters",
		why:    `RFC 4343 section 3: "comparisons on name lookup for DNS queries should be case insensitive"; a compressed name has the case of what it points at`,
		fields: []string{"case"},
		when:   func(*comparison) bool { return true },
	},
	{
		says:   "what the answer to ANY holds",
		why:    `RFC 8482 section 4: "A DNS responder that receives an ANY query MAY decline to provide a conventional ANY response"`,
		fields: []string{"answer", "additional", "tc"},
		when: func(c *comparison) bool {
			return c.qtype == dns.TypeANY && (len(c.ours.Answer) > 0 && (len(c.theirs.Answer) > 0 || c.theirs.Truncated))
		},
	},
	{
		says:   "an alias is not followed for ANY",
		why:    `RFC 1034 section 3.6.2 follows a CNAME when its type is not QTYPE; QTYPE * matches it. RFC 6672 section 3.2 makes that CNAME of a DNAME`,
		fields: []string{"answer", "additional", "authority", "rcode", "tc"},
		when: func(c *comparison) bool {
			return c.qtype == dns.TypeANY && len(aliases(c.ours)) > 0 && c.within(c.ours.Answer, c.theirs.Answer)
		},
	},
	{
		says:   "how classes that are not served are refused",
		why:    `RFC 1035 section 4.1.1: REFUSED is for "policy reasons", NOTIMP for a "kind of query" that is not supported; neither has data`,
		fields: []string{"rcode", "question", "opt"},
		when: func(c *comparison) bool {
			return c.class != dns.ClassINET && c.ours.Rcode == dns.RcodeRefused && len(c.ours.Answer)+len(c.ours.Ns)+len(c.theirs.Answer)+len(c.theirs.Ns) == 0
		},
	},
	{
		says:   "class ANY is refused",
		why:    `RFC 1035 section 6.2: "responses to QCLASS=* queries can never be authoritative"; we have nothing else to say, and refuse as BIND does`,
		peers:  []string{"NSD", "Knot"},
		fields: []string{"rcode", "aa", "tc", "answer", "authority", "additional"},
		when:   func(c *comparison) bool { return c.class == dns.ClassANY && c.ours.Rcode == dns.RcodeRefused },
	},
	{
		says:   "DS of a zone that the zone above does not know",
		why:    `RFC 4035 section 3.1.4.1: the zone above is authoritative for DS at a cut; there the name does not exist (RFC 1034 section 4.3.2 step 3c), so that is a name error`,
		peers:  []string{"NSD"},
		fields: []string{"rcode"},
		when: func(c *comparison) bool {
			return c.qtype == dns.TypeDS && slices.Contains(c.world.apexes(), dns.CanonicalName(c.name)) && c.ours.Rcode == dns.RcodeNameError
		},
	},
	{
		says:   "DS is the zone above's at the end of an alias too",
		why:    `RFC 4035 section 3.1.4.1: "the name server must check" whether it has the zone above when DS is asked for at an apex; RFC 1034 section 4.3.2 goes back to step 1 for the alias's target`,
		peers:  []string{"Knot", "BIND"},
		fields: []string{"answer", "authority", "rcode"},
		when: func(c *comparison) bool {
			names := c.follow()
			return c.qtype == dns.TypeDS && len(names) > 2 && slices.Contains(c.world.apexes(), names[len(names)-2])
		},
	},
	{
		says:   "BIND compresses the relay of AMTRELAY",
		why:    `RFC 3597 section 4: "servers MUST NOT compress domain names embedded in the RDATA of types that are class-specific or not well-known"`,
		peers:  []string{"BIND"},
		fields: []string{"unreadable"},
		when: func(c *comparison) bool {
			return (c.qtype == dns.TypeAMTRELAY || c.qtype == dns.TypeANY) && strings.EqualFold(c.name, "amtrelay.types.test.")
		},
	},
	{
		says:   "extended errors",
		why:    `RFC 8914 section 3 lets a server send them with any response, and does not oblige it`,
		fields: []string{"opt"},
		when:   func(c *comparison) bool { return opt(plain(c.ours)) == opt(plain(c.theirs)) },
	},
	{
		says:   "an alias into another zone is followed",
		why:    `RFC 1034 section 4.3.2 step 3a: "change QNAME to the canonical name in the CNAME RR, and go back to step 1", and step 2: "Search the available zones for the zone which is the nearest ancestor to QNAME"`,
		peers:  []string{"Knot", "BIND"},
		fields: []string{"rcode", "answer", "authority", "additional", "tc"},
		when: func(c *comparison) bool {
			return c.crosses() && (c.within(c.theirs.Answer, c.ours.Answer) || c.ours.Truncated)
		},
	},
	{
		says:   "where a circle or a long chain of aliases ends",
		why:    `RFC 1034 section 3.6.2: "CNAME chains should be followed and CNAME loops signalled as an error", and does not say with what or after how many; RFC 2181 section 5: no record twice`,
		fields: []string{"rcode", "answer", "authority", "additional", "tc"},
		when: func(c *comparison) bool {
			return c.endless() && (c.theirs.Rcode == dns.RcodeServerFailure || c.theirs.Rcode == dns.RcodeSuccess || c.theirs.Rcode == dns.RcodeYXDomain)
		},
	},
	{
		says:   "additional addresses that are not glue",
		why:    `RFC 1034 section 4.3.2 step 6: "Using local data only, attempt to add other RRs which may be useful to the additional section"; RFC 9471 section 2.2 leaves sibling glue open; RFC 9460 section 4.1 asks for those of a SVCB record's target, but does not oblige`,
		fields: []string{"additional"},
		when:   (*comparison).optional,
	},
	{
		says:   "a referral whose glue does not fit is truncated",
		why:    `RFC 9471 section 3.1: "If not all glue for in-domain name servers fits in the response, the server MUST set TC=1"`,
		fields: []string{"tc"},
		when: func(c *comparison) bool {
			return c.ours.Truncated && !c.theirs.Authoritative && len(c.theirs.Ns) > 0 && c.theirs.Ns[0].Header().Rrtype == dns.TypeNS && len(c.missing(c.theirs)) > 0
		},
	},
	{
		says:   "the target of an alias is not compressed",
		why:    `RFC 1035 section 4.1.4: "Programs are free to avoid using pointers in messages they generate, although this will reduce datagram capacity, and may cause truncation"`,
		fields: []string{"tc"},
		when: func(c *comparison) bool {
			return c.ours.Truncated && len(aliases(c.theirs)) > 0 && c.size[1] > 250
		},
	},
	{
		says:   "BIND truncates what a DNAME makes though it fits",
		why:    `RFC 2181 section 9: "The TC bit should be set in responses only when an RRSet is required as a part of the response, but could not be included in its entirety"`,
		peers:  []string{"BIND"},
		fields: []string{"tc"},
		when: func(c *comparison) bool {
			return !c.ours.Truncated && len(c.ours.Answer) > 0 && c.ours.Answer[0].Header().Rrtype == dns.TypeDNAME && c.size[0] > 450
		},
	},
	{
		says:   "no address of a service is missing for longer than it has its present one",
		why:    `RFC 2308 section 3 bounds the TTL of a negative answer from above, by the SOA's minimum and TTL`,
		fields: []string{"authority"},
		when: func(c *comparison) bool {
			return (c.qtype == dns.TypeA || c.qtype == dns.TypeAAAA) && len(c.ours.Ns) == 1 && c.ours.Ns[0].Header().Ttl == serviceTTL && c.world.services != "" &&
				len(c.theirs.Ns) == 1 && withTTL(c.ours.Ns[0], 0) == withTTL(c.theirs.Ns[0], 0)
		},
	},
}
