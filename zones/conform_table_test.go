package zones_test

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

func class(c uint16) func(*dns.Msg) {
	return func(m *dns.Msg) { m.Question[0].Qclass = c }
}

// conformCases are the rules that one question can show.
var conformCases = []conformCase{
	// The header and the question
	{number: "2", says: "RD is echoed", qname: "never", qtype: dns.TypeA, answer: "never 0 A 192.0.2.15", ask: func(m *dns.Msg) { m.RecursionDesired = true }},
	{number: "3 4", says: "RD=0 stays 0 and RA is 0", qname: "never", qtype: dns.TypeA, answer: "never 0 A 192.0.2.15"},
	{number: "5", says: "RA is not copied", qname: "never", qtype: dns.TypeA, answer: "never 0 A 192.0.2.15", ask: func(m *dns.Msg) { m.RecursionAvailable = true }},
	{number: "6", says: "the Z bit is cleared", qname: "never", qtype: dns.TypeA, answer: "never 0 A 192.0.2.15", ask: func(m *dns.Msg) { m.Zero = true }},
	{number: "7", says: "AA of a query is ignored", qname: "www.sub", qtype: dns.TypeA, lame: true, ns: sub, glue: nsSub, ask: func(m *dns.Msg) { m.Authoritative = true }},
	{number: "8", says: "TC of a query is ignored", qname: "never", qtype: dns.TypeA, answer: "never 0 A 192.0.2.15", ask: func(m *dns.Msg) { m.Truncated = true }},
	{number: "9", says: "AD is never set", qname: "never", qtype: dns.TypeA, answer: "never 0 A 192.0.2.15", ask: func(m *dns.Msg) { m.AuthenticatedData = true }},
	{number: "10", says: "CD is cleared", qname: "never", qtype: dns.TypeA, answer: "never 0 A 192.0.2.15", ask: func(m *dns.Msg) { m.CheckingDisabled = true }},
	{number: "11 12", says: "the question is echoed in its own case", qname: "wWw.cOnFoRm.TeSt.", qtype: dns.TypeAAAA, answer: "www AAAA 2001:db8::80"},
	{number: "13", says: "case does not matter", qname: "cAsE.mIxEd", qtype: dns.TypeA, answer: "case.mixed A 192.0.2.10"},
	{number: "14", says: "octets above ASCII have no case", qname: `\193`, qtype: dns.TypeA, rcode: dns.RcodeNameError, ns: soa},
	{number: "14", says: "octets above ASCII are octets", qname: `\225`, qtype: dns.TypeA, answer: `\225 A 192.0.2.21`},
	{number: "15 16", says: "all records of an RRset are there", qname: "www", qtype: dns.TypeA, answer: "www A 192.0.2.80\nwww A 192.0.2.81"},
	{number: "30", says: "a label may have 63 octets", qname: strings.Repeat("l", 63), qtype: dns.TypeA, answer: strings.Repeat("l", 63) + " A 192.0.2.12"},
	{number: "31", says: "a name may have 255 octets", qname: longest, qtype: dns.TypeA, answer: longest + " A 192.0.2.13"},
	{number: "187", says: "a name of 255 octets may be missing", qname: "x" + longest[1:], qtype: dns.TypeA, rcode: dns.RcodeNameError, ns: soa},

	// The apex and what is not there
	{number: "42 188", says: "SOA of the apex", qname: "@", qtype: dns.TypeSOA, answer: strings.Replace(soa, " 60 ", " 3600 ", 1)},
	{
		number: "43 105", says: "NS of the apex is an answer", qname: "@", qtype: dns.TypeNS, answer: "@ NS ns1\n@ NS ns2",
		extra: "ns1 A 192.0.2.53\nns1 AAAA 2001:db8::53\nns2 A 192.0.2.54",
	},
	{number: "44 46", says: "NODATA comes with the SOA alone", qname: "ns2", qtype: dns.TypeAAAA, ns: soa},
	{number: "45 46", says: "NXDOMAIN comes with the SOA alone", qname: "nothing", qtype: dns.TypeA, rcode: dns.RcodeNameError, ns: soa},
	{number: "211", says: "the TTL of the SOA may be below its minimum", qname: "nothing.child", qtype: dns.TypeA, rcode: dns.RcodeNameError, ns: childSOA},
	{number: "47", says: "an empty non-terminal exists", qname: "ent", qtype: dns.TypeA, ns: soa},
	{number: "48", says: "below a leaf is nothing", qname: "x.leaf", qtype: dns.TypeTXT, rcode: dns.RcodeNameError, ns: soa},
	{number: "49", says: "the name above a SRV record exists", qname: "_tcp", qtype: dns.TypeSRV, ns: soa},

	// Wildcards
	{number: "50", says: "a wildcard answers", qname: "any.wild", qtype: dns.TypeA, answer: "any.wild A 192.0.2.30"},
	{number: "51", says: "a wildcard stands for several labels", qname: "c.b.a.wild", qtype: dns.TypeTXT, answer: `c.b.a.wild TXT "wild"`},
	{number: "53", says: "a wildcard has no such type", qname: "any.wild", qtype: dns.TypeAAAA, ns: soa},
	{number: "54", says: "a name hides the wildcard", qname: "x.y.wild", qtype: dns.TypeTXT, ns: soa},
	{number: "55", says: "a wildcard does not reach over an empty non-terminal", qname: "z.y.wild", qtype: dns.TypeA, rcode: dns.RcodeNameError, ns: soa},
	{number: "56", says: "an empty non-terminal hides the wildcard", qname: "y.wild", qtype: dns.TypeA, ns: soa},
	{number: "57", says: "the name above a wildcard exists", qname: "wild", qtype: dns.TypeA, ns: soa},
	{number: "58", says: "a wildcard is a name", qname: "*.wild", qtype: dns.TypeA, answer: "*.wild A 192.0.2.30"},
	{number: "59", says: "below a wildcard is nothing", qname: "x.*.wild", qtype: dns.TypeA, rcode: dns.RcodeNameError, ns: soa},
	{number: "60", says: "a wildcard may be an empty non-terminal", qname: "q.wns", qtype: dns.TypeA, ns: soa},
	{number: "60", says: "a wildcard below an asterisk", qname: "q.*.stars", qtype: dns.TypeA, answer: "q.*.stars A 192.0.2.33"},
	{number: "60", says: "a wildcard below an asterisk does not answer beside it", qname: "q.stars", qtype: dns.TypeA, ns: soa},
	{number: "104", says: "a wildcard MX brings addresses", qname: "q.deep.wild", qtype: dns.TypeMX, answer: "q.deep.wild MX 10 mail", extra: mail},
	{number: "61", says: "a wildcard CNAME is followed", qname: "q.wcname", qtype: dns.TypeAAAA, answer: "q.wcname CNAME www\nwww AAAA 2001:db8::80"},
	{number: "62", says: "a wildcard CNAME is an answer", qname: "q.wcname", qtype: dns.TypeCNAME, answer: "q.wcname CNAME www"},

	// Aliases
	{number: "63", says: "a chain comes first", qname: "alias3", qtype: dns.TypeAAAA, answer: "alias3 CNAME alias2\nalias2 CNAME alias\nalias 300 CNAME www\nwww AAAA 2001:db8::80"},
	{number: "64", says: "CNAME is not followed for itself", qname: "alias2", qtype: dns.TypeCNAME, answer: "alias2 CNAME alias"},
	{number: "65", says: "CNAME out of our zones", qname: "toout", qtype: dns.TypeA, answer: "toout CNAME www.example."},
	{number: "66", says: "CNAME to nothing", qname: "tonothing", qtype: dns.TypeA, rcode: dns.RcodeNameError, answer: "tonothing CNAME nothing", ns: soa},
	{number: "67", says: "CNAME to no data", qname: "toleaf", qtype: dns.TypeA, answer: "toleaf CNAME leaf", ns: soa},
	{number: "68", says: "a circle ends", qname: "loop1", qtype: dns.TypeA, cut: true, answer: "loop1 CNAME loop2\nloop2 CNAME loop3\nloop3 CNAME loop1"},
	{number: "69", says: "CNAME to itself ends", qname: "self", qtype: dns.TypeA, cut: true, answer: "self CNAME self"},
	{number: "70 71", says: "CNAME into a cut", qname: "tosub", qtype: dns.TypeA, answer: "tosub CNAME www.sub", ns: sub, glue: nsSub},
	{number: "72", says: "CNAME to a wildcard", qname: "towild", qtype: dns.TypeA, answer: "towild CNAME any.wild\nany.wild A 192.0.2.30"},
	{number: "73", says: "CNAME to the apex", qname: "toapex", qtype: dns.TypeMX, answer: "toapex CNAME @\n@ MX 10 mail", extra: mail},
	{number: "65", says: "CNAME into a zone below", qname: "tochild", qtype: dns.TypeA, answer: "tochild CNAME www.child\nwww.child 600 A 192.0.2.62"},
	{number: "65", says: "CNAME into a zone beside", qname: "toother", qtype: dns.TypeA, answer: "toother CNAME alias.elsewhere.test.\nalias.elsewhere.test. 600 CNAME www.elsewhere.test.\nwww.elsewhere.test. 600 A 192.0.2.63"},
	{number: "66", says: "the SOA is of the zone where the chain ends", qname: "back.elsewhere.test.", qtype: dns.TypeA, rcode: dns.RcodeNameError, answer: "back.elsewhere.test. 600 CNAME nothing", ns: soa},
	{number: "63", says: "sixteen hops are followed", qname: "hop16", qtype: dns.TypeA, answer: hops(16, 1) + "hop0 A 192.0.2.90"},
	{number: "68", says: "more than sixteen hops are not", qname: "hop24", qtype: dns.TypeA, cut: true, answer: hops(24, 8)},

	// Cuts
	{number: "74 75 76", says: "a name below a cut", qname: "www.sub", qtype: dns.TypeA, lame: true, ns: sub, glue: nsSub},
	{number: "77", says: "NS at a cut", qname: "sub", qtype: dns.TypeNS, lame: true, ns: sub, glue: nsSub},
	{number: "78", says: "A at a cut", qname: "sub", qtype: dns.TypeA, lame: true, ns: sub, glue: nsSub},
	{number: "79", says: "data below a cut", qname: "hidden.sub", qtype: dns.TypeA, lame: true, ns: sub, glue: nsSub},
	{number: "80", says: "glue is not an answer", qname: "ns.sub", qtype: dns.TypeA, lame: true, ns: sub, glue: nsSub},
	{number: "81", says: "DS at a cut", qname: "sub", qtype: dns.TypeDS, answer: "sub DS 12345 13 2 000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F"},
	{number: "81", says: "DS at the apex of a zone below", qname: "child", qtype: dns.TypeDS, answer: "child DS 54321 13 2 101112131415161718191A1B1C1D1E1F000102030405060708090A0B0C0D0E0F"},
	{number: "82", says: "no DS at a cut", qname: "sub2", qtype: dns.TypeDS, ns: soa},
	{number: "83", says: "DS below a cut", qname: "www.sub", qtype: dns.TypeDS, lame: true, ns: sub, glue: nsSub},
	{number: "84", says: "DS of an apex with nothing above", qname: "@", qtype: dns.TypeDS, ns: soa},
	{number: "85", says: "a server beside the cut", qname: "sub2", qtype: dns.TypeA, lame: true, ns: "sub2 NS ns1", extra: "ns1 A 192.0.2.53\nns1 AAAA 2001:db8::53"},
	{number: "215", says: "a server below another cut", qname: "a.sub3", qtype: dns.TypeA, lame: true, ns: "sub3 NS ns.sub", extra: nsSub},
	{number: "74", says: "a server without glue", qname: "a.lame", qtype: dns.TypeA, lame: true, ns: "lame NS ns.lame"},
	{number: "43", says: "the zone below is asked itself", qname: "child", qtype: dns.TypeNS, answer: "child 600 NS ns.child", extra: "ns.child 600 A 192.0.2.61"},

	// Subtrees
	{number: "86 87 88", says: "DNAME", qname: "www.dn", qtype: dns.TypeA, answer: "dn 300 DNAME target\nwww.dn 300 CNAME www.target\nwww.target A 192.0.2.70"},
	{number: "86", says: "DNAME to a wildcard", qname: "a.wc.dn", qtype: dns.TypeA, answer: "dn 300 DNAME target\na.wc.dn 300 CNAME a.wc.target\na.wc.target A 192.0.2.71"},
	{number: "89", says: "DNAME leaves its owner alone", qname: "dn", qtype: dns.TypeTXT, answer: `dn TXT "dn"`},
	{number: "89", says: "DNAME is an answer", qname: "dn", qtype: dns.TypeDNAME, answer: "dn 300 DNAME target"},
	{number: "90", says: "DNAME to nothing", qname: "no.dn", qtype: dns.TypeA, rcode: dns.RcodeNameError, answer: "dn 300 DNAME target\nno.dn 300 CNAME no.target", ns: soa},
	{number: "91", says: "CNAME below DNAME", qname: "www.dn", qtype: dns.TypeCNAME, answer: "dn 300 DNAME target\nwww.dn 300 CNAME www.target"},
	{number: "92", says: "DNAME overflow", qname: strings.Repeat("x", 63) + ".dnlong", qtype: dns.TypeA, rcode: dns.RcodeYXDomain, answer: "dnlong DNAME " + longTarget},
	{number: "93", says: "DNAME out of our zones", qname: "www.dnout", qtype: dns.TypeA, answer: "dnout DNAME example.\nwww.dnout CNAME www.example."},
	{number: "93", says: "DNAME into a zone beside", qname: "www.dnother", qtype: dns.TypeA, answer: "dnother DNAME elsewhere.test.\nwww.dnother CNAME www.elsewhere.test.\nwww.elsewhere.test. 600 A 192.0.2.63"},
	{number: "94", says: "CNAME to DNAME", qname: "todname", qtype: dns.TypeA, answer: "todname CNAME www.dn\ndn 300 DNAME target\nwww.dn 300 CNAME www.target\nwww.target A 192.0.2.70"},
	{number: "68", says: "a growing circle of DNAME ends", qname: "x.dnloop", qtype: dns.TypeA, cut: true, answer: dnameHops(17)},

	// Names of others
	{number: "95", says: "a name of others", qname: "www.example.", qtype: dns.TypeA, rcode: dns.RcodeRefused, lame: true},
	{number: "96", says: "the name above the zone", qname: "test.", qtype: dns.TypeNS, rcode: dns.RcodeRefused, lame: true},
	{number: "97", says: "the root", qname: ".", qtype: dns.TypeNS, rcode: dns.RcodeRefused, lame: true},
	{number: "98", says: "names end at labels", qname: "notconform.test.", qtype: dns.TypeA, rcode: dns.RcodeRefused, lame: true},
	{number: "98", says: "a dot in a label is none", qname: `www\.conform.test.`, qtype: dns.TypeA, rcode: dns.RcodeRefused, lame: true},

	// Types
	{number: "99", says: "an unknown type", qname: "www", qtype: 666, ns: soa},
	{number: "100", says: "a type without a name", qname: "opaque", qtype: 65280, answer: `opaque TYPE65280 \# 4 DEADBEEF`},
	{number: "101 102", says: "HTTPS for its owner", qname: "svc", qtype: dns.TypeHTTPS, answer: "svc HTTPS 1 . alpn=h2", extra: "svc A 192.0.2.20\nsvc AAAA 2001:db8::20"},
	{number: "102", says: "SVCB brings addresses", qname: "pool", qtype: dns.TypeSVCB, answer: "pool SVCB 1 mail alpn=h3\npool SVCB 2 www port=8443", extra: mail + "www A 192.0.2.80\nwww A 192.0.2.81\nwww AAAA 2001:db8::80"},
	{number: "103", says: "SRV brings addresses", qname: "_sip._tcp", qtype: dns.TypeSRV, answer: "_sip._tcp SRV 0 5 5060 Mail\n_sip._tcp SRV 1 5 5060 elsewhere.example.", extra: mail},
	{number: "104", says: "MX brings addresses", qname: "@", qtype: dns.TypeMX, answer: "@ MX 10 mail", extra: mail},
	{number: "106", says: "strings are kept apart", qname: "strings", qtype: dns.TypeTXT, answer: `strings TXT "one" "" "three"`},
	{number: "107", says: "the largest TTL", qname: "forever", qtype: dns.TypeA, answer: "forever 2147483647 A 192.0.2.14"},
	{number: "107", says: "the smallest TTL", qname: "never", qtype: dns.TypeA, answer: "never 0 A 192.0.2.15"},
	{number: "108", says: "a dot in a label", qname: `dot\.ted`, qtype: dns.TypeA, answer: `dot\.ted A 192.0.2.16`},
	{number: "108", says: "a space in a label", qname: `space\032here`, qtype: dns.TypeA, answer: `space\032here A 192.0.2.17`},
	{number: "108", says: "a zero in a label", qname: `nul\000byte`, qtype: dns.TypeA, answer: `nul\000byte A 192.0.2.18`},
	{number: "108", says: "underscores in a label", qname: "_under_score", qtype: dns.TypeA, answer: "_under_score A 192.0.2.19"},
	{number: "119", says: "no RRSIG here", qname: "www", qtype: dns.TypeRRSIG, ns: soa},
	{number: "119", says: "no NSEC here", qname: "www", qtype: dns.TypeNSEC, ns: soa},
	{number: "119", says: "no DNSKEY here", qname: "@", qtype: dns.TypeDNSKEY, ns: soa},
	{number: "168", says: "no transfers", qname: "@", qtype: dns.TypeAXFR, rcode: dns.RcodeRefused, lame: true},
	{number: "117", says: "TKEY", qname: "@", qtype: dns.TypeTKEY, rcode: dns.RcodeNotImplemented, lame: true},
	{number: "117", says: "TSIG", qname: "@", qtype: dns.TypeTSIG, rcode: dns.RcodeNotImplemented, lame: true},
	{number: "117", says: "OPT", qname: "@", qtype: dns.TypeOPT, rcode: dns.RcodeFormatError, lame: true},
	{number: "117", says: "type 0", qname: "@", qtype: dns.TypeNone, rcode: dns.RcodeFormatError, lame: true},
	{number: "118", says: "MAILA", qname: "@", qtype: dns.TypeMAILA, rcode: dns.RcodeNotImplemented, lame: true},
	{number: "118", says: "MAILB", qname: "@", qtype: dns.TypeMAILB, rcode: dns.RcodeNotImplemented, lame: true},

	// ANY
	{number: "109 218", says: "ANY", qname: "www", qtype: dns.TypeANY, answer: `www HINFO "RFC8482" ""`},
	{number: "109", says: "ANY at a wildcard", qname: "q.wild", qtype: dns.TypeANY, answer: `q.wild HINFO "RFC8482" ""`},
	{number: "109", says: "ANY at a service's name", qname: "v4only", qtype: dns.TypeANY, answer: `v4only HINFO "RFC8482" ""`},
	{number: "109", says: "ANY at an empty non-terminal", qname: "ent", qtype: dns.TypeANY, ns: soa},
	{number: "109", says: "ANY below a cut", qname: "a.sub", qtype: dns.TypeANY, lame: true, ns: sub, glue: nsSub},
	{number: "110", says: "ANY for nothing", qname: "nothing", qtype: dns.TypeANY, rcode: dns.RcodeNameError, ns: soa},
	{number: "219", says: "ANY at an alias", qname: "alias2", qtype: dns.TypeANY, answer: "alias2 CNAME alias"},

	// Classes
	{number: "111", says: "version.bind", qname: "version.bind.", qtype: dns.TypeTXT, rcode: dns.RcodeRefused, lame: true, ask: class(dns.ClassCHAOS)},
	{number: "112", says: "id.server", qname: "id.server.", qtype: dns.TypeTXT, rcode: dns.RcodeRefused, lame: true, ask: class(dns.ClassCHAOS)},
	{number: "113", says: "class CH", qname: "www", qtype: dns.TypeA, rcode: dns.RcodeRefused, lame: true, ask: class(dns.ClassCHAOS)},
	{number: "114", says: "class HS", qname: "www", qtype: dns.TypeA, rcode: dns.RcodeRefused, lame: true, ask: class(dns.ClassHESIOD)},
	{number: "115", says: "class NONE", qname: "www", qtype: dns.TypeA, rcode: dns.RcodeRefused, lame: true, ask: class(dns.ClassNONE)},
	{number: "115", says: "class 0", qname: "www", qtype: dns.TypeA, rcode: dns.RcodeRefused, lame: true, ask: class(0)},
	{number: "116", says: "class ANY", qname: "www", qtype: dns.TypeA, rcode: dns.RcodeRefused, lame: true, ask: class(dns.ClassANY)},

	// Services
	{number: "213", says: "a service's addresses count down to the edge", qname: "dyn", qtype: dns.TypeA, answer: "dyn 29 A 198.51.100.1\ndyn 29 A 198.51.100.2"},
	{number: "213", says: "and those of the other family too", qname: "dyn", qtype: dns.TypeAAAA, answer: "dyn 29 AAAA 2001:db8:5::1"},
	{number: "213", says: "an alias of a service's name", qname: "todyn", qtype: dns.TypeAAAA, answer: "todyn CNAME dyn\ndyn 29 AAAA 2001:db8:5::1"},
	{number: "213", says: "a service at a wildcard", qname: "todynwild", qtype: dns.TypeAAAA, answer: "todynwild CNAME any.dynwild\nany.dynwild 29 AAAA 2001:db8:5::1"},
	{number: "213", says: "a missing family is missing no longer than to the edge", qname: "v4only", qtype: dns.TypeAAAA, ns: dynSOA},
	{number: "213", says: "so it is at the end of a chain", qname: "tov4only", qtype: dns.TypeAAAA, answer: "tov4only CNAME v4only", ns: dynSOA},
	{number: "282", says: "other types are not the service's", qname: "v4only", qtype: dns.TypeTXT, ns: soa},
	{number: "282", says: "a service's addresses are never additional", qname: "dyn", qtype: dns.TypeMX, answer: "dyn MX 10 mail\ndyn MX 20 dyn", extra: mail},
	{number: "282", says: "the name above a service's wildcard exists", qname: "dynwild", qtype: dns.TypeA, ns: soa},
}

const childSOA = "child 600 SOA ns.child hostmaster.child 1 7200 900 1209600 1200"

var (
	longest    = strings.Join([]string{strings.Repeat("a", 63), strings.Repeat("b", 63), strings.Repeat("c", 63), strings.Repeat("d", 48)}, ".")
	longTarget = strings.Join([]string{strings.Repeat("t", 63), strings.Repeat("u", 63), strings.Repeat("v", 63), "target"}, ".")
)

// hops returns the chain of aliases from one to the other.
func hops(from, to int) string {
	var b strings.Builder
	for i := from; i >= to; i-- {
		fmt.Fprintf(&b, "hop%d CNAME hop%d\n", i, i-1)
	}
	return b.String()
}

// dnameHops returns what a DNAME that points below itself makes of a name.
func dnameHops(n int) string {
	text, owner := "dnloop DNAME a.dnloop\n", "x.dnloop"
	for range n {
		next := strings.TrimSuffix(owner, "dnloop") + "a.dnloop"
		text += owner + " CNAME " + next + "\n"
		owner = next
	}
	return text
}
