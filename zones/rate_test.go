package zones_test

import (
	"slices"
	"testing"

	"dnsfailover/zones"

	"github.com/miekg/dns"
)

// TestAbout: answers that an attacker could vary at will are about one thing.
func TestAbout(t *testing.T) {
	set, _ := conformSet(t)
	alike := map[string][]string{
		"NXDOMAIN of a zone":                    {"nothing A", "a.b.c.nothing TXT", "x.leaf A", "tonothing A", "no.dn A"},
		"NXDOMAIN of another zone":              {"x.child A", "y.child MX"},
		"referrals from a cut":                  {"www.sub A", "sub NS", "ns.sub A", "a.b.c.sub AAAA"},
		"referrals from another cut":            {"a.sub2 A", "sub2 A"},
		"a name":                                {"www A", "WWW AAAA", "www TXT", "www ANY"},
		"another name":                          {"mail A", "mail MX"},
		"names of one wildcard":                 {"a.wild A", "b.wild TXT", "c.b.wild A", "*.wild A", "a.wild MX"},
		"names that a DNAME redirects":          {"www.dn A", "a.wc.dn A"},
		"the parent's answer at a cut":          {"sub DS"},
		"an empty name":                         {"ent A", "ent TXT"},
		"REFUSED":                               {"example. A", "a.example. NS", ". NS", "conform.test. AXFR"},
		"NOTIMP":                                {"www MAILA", "mail MAILB"},
		"FORMERR":                               {"www OPT", "mail TYPE0"},
		"a service's name":                      {"dyn A", "dyn AAAA"},
		"an alias, whatever its target is":      {"alias3 A", "alias3 AAAA"},
		"a name of a zone that looks the same":  {"www.child A"},
		"a name that a DNAME makes impossible,": {"dnlong DNAME"},
	}
	about := map[uint64]string{}
	r := &zones.Responder{}
	out := make([]byte, 1232)
	for says, list := range alike {
		var first uint64
		for i, s := range list {
			var qname, qtype string
			for j, c := range s {
				if c == ' ' {
					qname, qtype = s[:j], s[j+1:]
				}
			}
			typ, ok := dns.StringToType[qtype]
			if !ok && qtype != "TYPE0" {
				t.Fatal(s)
			}
			for _, edns := range []bool{false, true} {
				r.Respond(set, commonQuery(t, qname, typ, edns), out, zones.UDP, epoch)
				if i == 0 && !edns {
					first = r.About
					if other, ok := about[first]; ok {
						t.Errorf("%s and %s are about the same", says, other)
					}
					about[first] = says
				}
				if r.About != first {
					t.Errorf("%s: %s is not about the same as %s", says, s, list[0])
				}
			}
		}
	}
}

// TestAboutSigned: nor does it matter what was asked before.
func TestAboutSigned(t *testing.T) {
	set, _ := conformSet(t)
	r := &zones.Responder{}
	out := make([]byte, 1232)
	seen := map[uint64]bool{}
	for _, before := range []string{"www", "mail", "nothing"} {
		r.Respond(set, commonQuery(t, before, dns.TypeA, false), out, zones.UDP, epoch)
		r.Respond(set, signed(t), out, zones.UDP, epoch)
		seen[r.About] = true
	}
	if len(seen) != 1 || r.Rcode != dns.RcodeNotAuth {
		t.Errorf("rcode %d is about %d things", r.Rcode, len(seen))
	}
}

// TestTruncated: what a rate limiter sends instead.
func TestTruncated(t *testing.T) {
	set, _ := conformSet(t)
	for _, c := range conformCases {
		for _, a := range []weather{{}, {edns: true, size: 1232, do: true}, {edns: true, size: 1232, talkative: true, client: clientA, options: []dns.EDNS0{&dns.EDNS0_LOCAL{Code: 10, Data: make([]byte, 8)}}}} {
			a.class = dns.ClassINET
			p := &pair{set: set, oracle: &oracle{}}
			p.dress(a)
			q := a.query(dns.Question{Name: relative(c.qname), Qtype: c.qtype}, 0xBEEF)
			query, err := q.Pack()
			if err != nil {
				t.Fatal(err)
			}
			answer := p.out[:p.responder.Respond(set, query, p.out[:1232], zones.UDP, epoch)]
			full, short := new(dns.Msg), new(dns.Msg)
			if err := unpack(full, answer); err != nil {
				t.Fatal(err)
			}
			if err := unpack(short, answer[:zones.Truncated(answer)]); err != nil {
				t.Fatalf("%s %s: %v", c.qname, dns.Type(c.qtype), err)
			}
			if opts := len(short.Extra); int(answer[10])<<8|int(answer[11]) != opts || opts > 1 {
				t.Fatalf("%s: %x with %d additional records", c.says, answer[:12], opts)
			}
			want := full.Copy()
			want.Truncated, want.Answer, want.Ns = true, []dns.RR{}, []dns.RR{}
			want.Extra = slices.DeleteFunc(want.Extra, func(rr dns.RR) bool { return rr.Header().Rrtype != dns.TypeOPT })
			if want.String() != short.String() {
				t.Errorf("%s: got\n%v\nwant\n%v", c.says, short, want)
			}
		}
	}
	bare := packet(flagQR|dns.RcodeNotImplemented, [4]uint16{})
	if n := zones.Truncated(bare); n != 12 || bare[2]&2 == 0 {
		t.Errorf("an answer without a question: %d octets, %x", n, bare)
	}
}
