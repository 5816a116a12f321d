package zones_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dnsfailover/zones"

	"github.com/miekg/dns"
)

// FuzzRespond sends any packet to the zones of the conformance table: what comes back must be a message that may be
// sent and, if the packet is an ordinary query, what the oracle says.
func FuzzRespond(f *testing.F) {
	for _, c := range conformCases {
		for _, edns := range []bool{false, true} {
			q := weather{edns: edns, size: 1232, class: dns.ClassINET}.query(dns.Question{Name: relative(c.qname), Qtype: c.qtype}, 0xBEEF)
			query, err := q.Pack()
			if err != nil {
				f.Fatal(err)
			}
			f.Add(query, edns)
		}
	}
	f.Add(packet(flagQR, one, conform), false)
	f.Add(packet(15<<11, one, conform), false)
	f.Add(packet(0, one, []byte{0xC0, 12, 0, 1, 0, 1}), false)
	f.Add(packet(0, [4]uint16{1, 0, 0, 2}, conform, goodOPT, emptyTSIG), true)
	f.Add(packet(0, oneWithOPT, conform, optRecord(13, 0, 8, 0, 9, 0, 1, 33, 0, 192, 0, 2, 1, 0)), true)
	for _, c := range optionCases {
		f.Add(packet(0, oneWithOPT, conform, optRecord(len(c.asked), c.asked...)), c.transport != zones.UDP)
		f.Add(packet(0, [4]uint16{0, 0, 0, 1}, optRecord(len(c.asked), c.asked...)), c.transport != zones.UDP)
	}
	set, _ := conformSet(f)
	o := conformOracle(f)
	o.settings, o.secrets, o.client = talkative, talkativeSecrets, clientA
	f.Fuzz(func(t *testing.T, query []byte, stream bool) {
		transport := zones.UDP
		if stream {
			transport = zones.TLS
		}
		if err := examine(set, o, query, transport); err != nil {
			t.Fatalf("%v\n%x over %v", err, query, transport)
		}
	})
}

// FuzzLoad reads any text as a zone: it is either served or refused with a reason, soon; if it is served
// without doubt, then the oracle says how.
func FuzzLoad(f *testing.F) {
	const head = "$TTL 60\n@ IN SOA ns hostmaster 1 7200 900 1209600 60\n@ NS ns\n@ NS ns2.example.\nns A 192.0.2.1\n"
	for _, text := range []string{
		"", head, head + "a CNAME a\n", head + "d DNAME d.d\n", head + "sub NS ns.sub\nns.sub AAAA 2001:db8::1\n",
		head + "* MX 10 *\n", head + "x TYPE65280 \\# 3 010203\n", head + "x HTTPS 1 . alpn=h2 port=8443\n", head + `a\.b\000 TXT "" "x"` + "\n",
		head + "$GENERATE 1-20 h$ A 192.0.2.$\n", head + "$INCLUDE fuzz.zone\n", head + "$ORIGIN a.b\n@ SRV 0 0 1 @\n", head + "x ( A\n192.0.2.1 )\n",
		head + "www A 192.0.2.1\nwww 5 A 192.0.2.2\n", "\xEF\xBB\xBF" + head, strings.ReplaceAll(head, "\n", "\r\n"), head + "www CH A 192.0.2.1\n",
	} {
		f.Add(text)
	}
	for _, zone := range conformFiles {
		text, err := os.ReadFile(conformFile(zone))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	file := filepath.Join(f.TempDir(), "fuzz.zone")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<14 {
			t.Skip("large")
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		dynamics := conformDynamics()
		z, problems := zones.Load("conform.test.", file, dynamics)
		if took := time.Since(began); took > 20*time.Second {
			t.Fatalf("took %v", took)
		}
		doubts := 0
		for _, p := range problems {
			if !p.Warning {
				doubts++
			}
			if p.Text == "" || p.File == "" || p.Line < 0 || p.Line > strings.Count(text, "\n")+1 || strings.Contains(p.String(), "dns.") && !strings.Contains(text, "dns.") {
				t.Fatalf("problem %+v", p)
			}
		}
		if (z != nil) != (doubts == 0) {
			t.Fatalf("zone is %v, problems are %v", z, problems)
		}
		if z == nil {
			return
		}
		p := &pair{set: zones.NewSet([]*zones.Zone{z})}
		for _, qname := range []string{"conform.test.", "a.conform.test.", "*.conform.test.", "a.b.c.conform.test.", "dyn.conform.test."} {
			for _, qtype := range []uint16{dns.TypeA, dns.TypeNS, dns.TypeMX, dns.TypeANY, dns.TypeDS} {
				query, err := new(dns.Msg).SetQuestion(qname, qtype).Pack()
				if err != nil {
					t.Fatal(err)
				}
				if err := unpack(new(dns.Msg), p.out[:p.responder.Respond(p.set, query, p.out[:], zones.Stream, epoch)]); err != nil {
					t.Fatalf("%s %d: %v", qname, qtype, err)
				}
			}
		}
		if directives := strings.ToUpper(text); strings.Contains(directives, "$INCLUDE") || strings.Contains(directives, "$GENERATE") || strings.HasPrefix(text, "\xEF") {
			return // the plain parser doesn't know these
		}
		compareAll(t, text, p, dynamics)
	})
}

// compareAll asks about every owner in the text.
func compareAll(t *testing.T, text string, p *pair, dynamics []zones.Dynamic) {
	records, err := parse(text, "conform.test.")
	if err != nil {
		t.Fatalf("was loaded, but: %v", err)
	}
	p.oracle = &oracle{zones: []*plainZone{newPlainZone("conform.test.", records, dynamics)}}
	w := world{zones: []worldZone{{apex: "conform.test."}}}
	for _, rr := range records[:min(len(records), 20)] {
		w.zones[0].owners = append(w.zones[0].owners, rr.Header().Name)
		questionType := dns.Question{Name: rr.Header().Name, Qtype: rr.Header().Rrtype}
		if err := p.ask(questionType, weather{transport: zones.Stream, class: dns.ClassINET}, epoch); err != nil {
			t.Fatal(err)
		}
	}
	for _, question := range w.questions() {
		if err := p.ask(question, weather{transport: zones.Stream, class: dns.ClassINET}, epoch); err != nil {
			t.Fatal(err)
		}
	}
}
