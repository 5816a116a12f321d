package zones_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dnsfailover/zones"

	"github.com/miekg/dns"
)

// commonQueries are those that must cost nothing but a lookup and a copy.
var commonQueries = []struct {
	name  string
	qname string
	qtype uint16
	edns  bool
}{
	{"static", "www", dns.TypeA, false},
	{"nxdomain", "nothing", dns.TypeA, false},
	{"nodata", "www", dns.TypeTXT, false},
	{"dynamic", "dyn", dns.TypeA, false},
	{"edns", "www", dns.TypeA, true},
	{"edns-dynamic", "dyn", dns.TypeAAAA, true},
	{"edns-nxdomain", "a.b.nothing", dns.TypeA, true},
	{"wildcard", "any.wild", dns.TypeA, true},
	{"cname", "alias3", dns.TypeA, true},
	{"referral", "www.sub", dns.TypeA, true},
}

func commonQuery(t testing.TB, qname string, qtype uint16, edns bool) []byte {
	t.Helper()
	query, err := weather{edns: edns, size: 1232, class: dns.ClassINET}.query(dns.Question{Name: relative(qname), Qtype: qtype}, 1).Pack()
	if err != nil {
		t.Fatal(err)
	}
	return query
}

func TestCommonQueriesDoNotAllocate(t *testing.T) {
	set, _ := conformSet(t)
	r := &zones.Responder{}
	out := make([]byte, 1232)
	for _, c := range commonQueries {
		query := commonQuery(t, c.qname, c.qtype, c.edns)
		if n := testing.AllocsPerRun(100, func() { r.Respond(set, query, out, zones.UDP, epoch) }); n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}

func TestOptionsDoNotAllocate(t *testing.T) {
	set, _ := conformSet(t)
	out := make([]byte, dns.MaxMsgSize)
	for _, c := range optionCases {
		r := &zones.Responder{Settings: &talkative, Client: clientA}
		query := packet(0, oneWithOPT, conform, optRecord(len(c.asked), c.asked...))
		if n := testing.AllocsPerRun(20, func() { r.Respond(set, query, out, c.transport, epoch) }); n != 0 {
			t.Errorf("%s: %v allocations", c.says, n)
		}
	}
}

// BenchmarkOptions is what resolvers send: a cookie of ours.
func BenchmarkOptions(b *testing.B) {
	set, _ := conformSet(b)
	r := &zones.Responder{Settings: &talkative, Client: clientA}
	out := make([]byte, 1232)
	cookie := freshCookie()
	query := packet(0, oneWithOPT, conform, optRecord(len(cookie), cookie...))
	b.ReportAllocs()
	for b.Loop() {
		if r.Respond(set, query, out, zones.UDP, epoch); !r.Trusted {
			b.Fatal("the cookie is not accepted")
		}
	}
}

func BenchmarkRespond(b *testing.B) {
	set, _ := conformSet(b)
	r := &zones.Responder{}
	out := make([]byte, 1232)
	for _, c := range commonQueries {
		query := commonQuery(b, c.qname, c.qtype, c.edns)
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.Respond(set, query, out, zones.UDP, epoch)
			}
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	var text strings.Builder
	text.WriteString("$TTL 300\n@ SOA ns1 hostmaster 1 7200 900 1209600 60\n@ NS ns1\n@ NS ns2\nns1 A 192.0.2.1\nns2 A 192.0.2.2\n")
	for i := range 10_000 {
		fmt.Fprintf(&text, "host%d A 192.0.2.%d\n", i, i%250)
	}
	file := filepath.Join(b.TempDir(), "load.zone")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if z, problems := zones.Load("load.test.", file, nil); z == nil {
			b.Fatal(problems)
		}
	}
}
