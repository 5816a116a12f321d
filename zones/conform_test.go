package zones_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dnsfailover/zones"

	"github.com/miekg/dns"
)

// conformCase is a question and its answer in zone syntax: names are relative to conform.test., TTLs 3600 if not given.
type conformCase struct {
	number string // of the rule, as the conformance list counts
	says   string
	qname  string
	qtype  uint16
	rcode  int
	lame   bool // AA is clear
	answer string
	ns     string
	glue   string // addresses that must be there
	extra  string // addresses that may be left out, all of them
	cut    bool   // the chain has no end
	ask    func(*dns.Msg)
}

const (
	soa    = "@ 60 SOA ns1 hostmaster 4294967295 7200 900 1209600 60\n"
	dynSOA = "@ 29 SOA ns1 hostmaster 4294967295 7200 900 1209600 60\n"
	www    = "A 192.0.2.80\nA 192.0.2.81\n"
	mail   = "mail A 192.0.2.25\nmail AAAA 2001:db8::25\n"
	sub    = "sub NS ns.sub\nsub NS ns.elsewhere.example.\n"
	nsSub  = "ns.sub A 192.0.2.60\nns.sub AAAA 2001:db8::60\n"
)

// TestConformance asks the compiled zones over both transports, with EDNS and without.
func TestConformance(t *testing.T) {
	set, _ := conformSet(t)
	r := &zones.Responder{}
	out := make([]byte, dns.MaxMsgSize)
	runConformance(t, func(_ *dns.Msg, query []byte, transport zones.Transport) []byte {
		return out[:r.Respond(set, query, out[:room(transport)], transport, epoch)]
	})
}

// TestOracleConforms holds the oracle to the same table.
func TestOracleConforms(t *testing.T) {
	o := conformOracle(t)
	runConformance(t, func(q *dns.Msg, _ []byte, transport zones.Transport) []byte {
		out, err := o.answer(q, transport, epoch).Pack()
		if err != nil {
			t.Fatal(err)
		}
		return out
	})
}

func runConformance(t *testing.T, respond func(*dns.Msg, []byte, zones.Transport) []byte) {
	for _, c := range conformCases {
		t.Run(c.number+" "+c.says, func(t *testing.T) {
			for _, a := range []weather{
				{transport: zones.UDP},
				{transport: zones.UDP, edns: true, size: 1232, do: true},
				{transport: zones.Stream},
				{transport: zones.Stream, edns: true, size: 512},
			} {
				a.class = dns.ClassINET
				q := a.query(dns.Question{Name: relative(c.qname), Qtype: c.qtype}, 0xBEEF)
				if c.ask != nil {
					c.ask(q)
				}
				query, err := q.Pack()
				if err != nil {
					t.Fatal(err)
				}
				got := respond(q, query, a.transport)
				if err := check(c.want(t), q, query, a.transport, got); err != nil {
					t.Fatalf("%v\n\nover %v, EDNS %v:\n%v\n\n%s", err, a.transport, a.edns, q, dig(got))
				}
			}
		})
	}
}

func (c conformCase) want(t *testing.T) result {
	r := result{rcode: c.rcode, aa: !c.lame, cut: c.cut}
	r.answer, r.authority, r.glue, r.extra = records(t, c.answer), records(t, c.ns), records(t, c.glue), records(t, c.extra)
	for _, rr := range r.answer {
		if typ := rr.Header().Rrtype; typ == dns.TypeCNAME || typ == dns.TypeDNAME {
			r.chain++
		}
	}
	return r
}

func relative(s string) string {
	if s == "@" {
		return "conform.test."
	}
	if !strings.HasSuffix(s, ".") {
		return s + ".conform.test."
	}
	return s
}

func records(t *testing.T, text string) []dns.RR {
	t.Helper()
	rrs, err := parse("$TTL 3600\n"+text+"\n", "conform.test.")
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return rrs
}

var conformFiles = []string{"conform.test.", "child.conform.test.", "elsewhere.test."}

func conformFile(zone string) string {
	return filepath.Join("..", "testdata", "zones", zone+"zone")
}

// conformDynamics are names of two services, whose next change is known: 30 seconds from the epoch.
func conformDynamics() []zones.Dynamic {
	segment := func(addresses ...string) *zones.Slot {
		var list []netip.Addr
		for _, a := range addresses {
			list = append(list, netip.MustParseAddr(a))
		}
		s := &zones.Slot{}
		edge := epoch + 30_000_000_000
		now := zones.Segment{Edge: edge, Min: 5, Max: 60, A: zones.Records(list, false), AAAA: zones.Records(list, true)}
		next := zones.Segment{From: edge, Min: 5, Max: 60, A: zones.Records(list[:1], false)}
		s.Store(&zones.Timeline{Segments: []zones.Segment{now, next}})
		return s
	}
	both := segment("198.51.100.1", "198.51.100.2", "2001:db8:5::1")
	repeats := []netip.Addr{netip.MustParseAddr("198.51.100.1")}
	return []zones.Dynamic{
		{Name: "dyn.conform.test.", Service: "web", Where: "test:1:1", Slot: both, Repeats: repeats},
		{Name: "*.dynwild.conform.test.", Service: "web", Where: "test:2:1", Slot: both, Repeats: repeats},
		{Name: "v4only.conform.test.", Service: "old", Where: "test:3:1", Slot: segment("198.51.100.3")},
	}
}

func conformSet(t testing.TB) (*zones.Set, []zones.Dynamic) {
	t.Helper()
	dynamics := conformDynamics()
	var compiled []*zones.Zone
	for _, name := range conformFiles {
		var in []zones.Dynamic
		if name == "conform.test." {
			in = dynamics
		}
		z, problems := zones.Load(name, conformFile(name), in)
		if z == nil {
			t.Fatalf("%s: %v", name, problems)
		}
		compiled = append(compiled, z)
	}
	return zones.NewSet(compiled), dynamics
}

func conformOracle(t testing.TB) *oracle {
	t.Helper()
	return oracleOf(t, conformDynamics())
}

// oracleOf is the oracle over the files of conform.test. with dynamics in it.
func oracleOf(t testing.TB, dynamics []zones.Dynamic) *oracle {
	t.Helper()
	o := &oracle{}
	for _, name := range conformFiles {
		text, err := os.ReadFile(conformFile(name))
		if err != nil {
			t.Fatal(err)
		}
		rrs, err := parse(string(text), name)
		if err != nil {
			t.Fatal(err)
		}
		var in []zones.Dynamic
		if name == "conform.test." {
			in = dynamics
		}
		o.zones = append(o.zones, newPlainZone(name, rrs, in))
	}
	return o
}
