package zones_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"dnsfailover/zones"

	"github.com/miekg/dns"
)

// TestSizes holds what is sent when not everything fits.
func TestSizes(t *testing.T) {
	set, _ := conformSet(t)
	p := &pair{set: set, oracle: conformOracle(t)}
	tests := []struct {
		number, says string
		qname        string
		qtype        uint16
		edns         bool
		size         uint16
		transport    zones.Transport
		maxUDP       int
		truncated    bool
		least, most  int // octets
		extra        int // additional records but the OPT
	}{
		{"120", "without EDNS there are 512 octets", "big", dns.TypeTXT, false, 0, zones.UDP, 0, true, 12, 40, 0},
		{"122", "4096 offered are not used", "huge", dns.TypeTXT, true, 4096, zones.UDP, 0, true, 12, 60, 0},
		{"124", "0 offered are 512", "big", dns.TypeTXT, true, 0, zones.UDP, 0, true, 12, 60, 0},
		{"124", "511 offered are 512", "strings", dns.TypeTXT, true, 511, zones.UDP, 0, false, 30, 100, 0},
		{"125", "1232 offered are enough for 800", "big", dns.TypeTXT, true, 1232, zones.UDP, 0, false, 800, 1000, 0},
		{"123", "65535 offered are enough for 800", "big", dns.TypeTXT, true, 65535, zones.UDP, 0, false, 800, 1000, 0},
		{"126", "a stream takes all", "huge", dns.TypeTXT, false, 0, zones.Stream, 0, false, 30 * 240, 9000, 0},
		{"127", "a stream takes all whatever is offered", "huge", dns.TypeTXT, true, 512, zones.Stream, 0, false, 30 * 240, 9000, 0},
		{"128 214", "glue that doesn't fit truncates", "a.many", dns.TypeA, false, 0, zones.UDP, 0, true, 12, 50, 0},
		{"128 214", "glue that fits is complete", "a.many", dns.TypeA, true, 1232, zones.UDP, 0, false, 26 * 16, 1232, 26},
		{"216 217", "additional data that doesn't fit is left out", "mid", dns.TypeMX, false, 0, zones.UDP, 0, false, 60, 100, 0},
		{"216 217", "additional data that fits is there", "mid", dns.TypeMX, true, 1232, zones.UDP, 0, false, 16 * 28, 800, 18},
		{"187", "the longest name is denied in 512 octets", "x" + longest[1:], dns.TypeA, false, 0, zones.UDP, 0, false, 255, 512, 0},
		{"189", "names are compressed", "nothing", dns.TypeA, false, 0, zones.UDP, 0, false, 60, 105, 0},
		{"109", "ANY is small", "huge", dns.TypeANY, true, 4096, zones.UDP, 0, false, 30, 100, 0},
		{"122", "the server's own limit is kept", "big", dns.TypeTXT, true, 4096, zones.UDP, 600, true, 12, 60, 0},
		{"122", "the server's own limit may be higher", "huge", dns.TypeTXT, true, 8192, zones.UDP, 16384, false, 30 * 240, 8192, 0},
	}
	for _, test := range tests {
		t.Run(test.number+" "+test.says, func(t *testing.T) {
			a := weather{transport: test.transport, edns: test.edns, size: test.size, class: dns.ClassINET}
			q := a.query(dns.Question{Name: relative(test.qname), Qtype: test.qtype}, 1)
			query, err := q.Pack()
			if err != nil {
				t.Fatal(err)
			}
			r := zones.Responder{Settings: &zones.Settings{MaxUDP: test.maxUDP}}
			got := p.out[:r.Respond(p.set, query, p.out[:max(room(test.transport), test.maxUDP)], test.transport, epoch)]
			m := new(dns.Msg)
			if err := unpack(m, got); err != nil {
				t.Fatal(err)
			}
			extra := len(m.Extra)
			if m.IsEdns0() != nil {
				extra--
			}
			if m.Truncated != test.truncated || len(got) < test.least || len(got) > test.most || extra != test.extra {
				t.Errorf("%d octets, want %d to %d:\n%v", len(got), test.least, test.most, m)
			}
			if test.maxUDP == 0 {
				if err := check(p.oracle.judge(q, test.transport, epoch), q, query, test.transport, got); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestNewTypesAreNotCompressed(t *testing.T) { // 190
	set, _ := conformSet(t)
	p := &pair{set: set}
	for qtype, target := range map[uint16]string{dns.TypeSRV: "mail", dns.TypeSVCB: "mail", dns.TypeDNAME: "target"} {
		qname := map[uint16]string{dns.TypeSRV: "_sip._tcp", dns.TypeSVCB: "pool", dns.TypeDNAME: "dn"}[qtype]
		query, err := new(dns.Msg).SetQuestion(relative(qname), qtype).Pack()
		if err != nil {
			t.Fatal(err)
		}
		got := p.out[:p.responder.Respond(p.set, query, p.out[:], zones.Stream, epoch)]
		if !bytes.Contains(bytes.ToLower(got), parseName(relative(target)).wire()) {
			t.Errorf("type %d: the target is not written out:\n%x", qtype, got)
		}
	}
}

func TestWildcardKeepsTheCaseOfTheQuestion(t *testing.T) { // 52
	set, _ := conformSet(t)
	p := &pair{set: set}
	for _, qname := range []string{"AnY.WiLd.cOnform.test.", "B.a.WILD.conform.TEST."} {
		query, err := new(dns.Msg).SetQuestion(qname, dns.TypeA).Pack()
		if err != nil {
			t.Fatal(err)
		}
		m := new(dns.Msg)
		if err := m.Unpack(p.out[:p.responder.Respond(p.set, query, p.out[:], zones.Stream, epoch)]); err != nil {
			t.Fatal(err)
		}
		if len(m.Answer) != 1 || m.Answer[0].Header().Name != qname {
			t.Errorf("asked for %s:\n%v", qname, m)
		}
	}
}

// TestBrokenZone: the zone says that it is not ready, the others and the parent's DS are not harmed (241).
func TestBrokenZone(t *testing.T) {
	parent, problems := zones.Load("conform.test.", conformFile("conform.test."), conformDynamics())
	if parent == nil {
		t.Fatal(problems)
	}
	set := zones.NewSet([]*zones.Zone{parent, zones.Broken("child.conform.test."), zones.Broken("broken.test.")})
	p := &pair{set: set}
	respond := func(qname string, qtype uint16, edns bool) *dns.Msg {
		q := weather{edns: edns, size: 1232, class: dns.ClassINET}.query(dns.Question{Name: qname, Qtype: qtype}, 1)
		query, err := q.Pack()
		if err != nil {
			t.Fatal(err)
		}
		m := new(dns.Msg)
		if err := unpack(m, p.out[:p.responder.Respond(p.set, query, p.out[:1232], zones.UDP, epoch)]); err != nil {
			t.Fatal(err)
		}
		return m
	}
	for _, qname := range []string{"broken.test.", "a.broken.test.", "child.conform.test.", "x.y.child.conform.test."} {
		for _, edns := range []bool{true, false} {
			m := respond(qname, dns.TypeA, edns)
			if m.Rcode != dns.RcodeServerFailure || m.Authoritative || len(m.Answer)+len(m.Ns) > 0 || (m.IsEdns0() != nil) != edns {
				t.Errorf("%s: %v", qname, m)
			}
			if edns && (len(m.IsEdns0().Option) != 1 || m.IsEdns0().Option[0].(*dns.EDNS0_EDE).InfoCode != dns.ExtendedErrorCodeNotReady) {
				t.Errorf("%s: no extended error 14: %v", qname, m)
			}
		}
	}
	if m := respond("child.conform.test.", dns.TypeDS, true); len(m.Answer) != 1 || !m.Authoritative {
		t.Errorf("DS is the parent's: %v", m)
	}
	if m := respond("www.conform.test.", dns.TypeA, true); len(m.Answer) != 2 {
		t.Errorf("the parent is not harmed: %v", m)
	}
}

// TestDoubtfulZones loads what is legal but careless and asks everything about it.
func TestDoubtfulZones(t *testing.T) {
	const head = "@ 300 IN SOA ns hostmaster 1 7200 900 1209600 60\n@ 300 IN NS ns\nns 300 IN A 192.0.2.1\n"
	tests := []struct{ number, says, text string }{
		{"199", "TTLs that differ", "www 300 A 192.0.2.1\nwww 60 A 192.0.2.2\nwww 600 A 192.0.2.3\n*.w 600 TXT a\n*.w 60 TXT b\n"},
		{"199", "TTLs of the nameservers differ", "@ 60 NS ns2.example.\nsub 300 NS a.sub\nsub 0 NS b.sub\na.sub 60 A 192.0.2.1\na.sub 30 A 192.0.2.2\n"},
		{"200", "the same record twice", "www 300 A 192.0.2.1\nWWW 300 A 192.0.2.1\nmx 300 MX 10 ns\nmx 300 MX 10 NS\n"},
		{"201", "a TTL with the highest bit", "www 2147483648 A 192.0.2.1\nmx 4294967295 MX 10 www\n"},
		{"206", "an alias as a mail exchange", "@ 300 MX 10 alias\nalias 300 CNAME ns\nsub 300 NS alias\n"},
		{"206", "an address as a mail exchange", "@ 300 MX 10 192.0.2.1\n"},
		{"207", "a known type in generic form", "www 300 TYPE1 \\# 4 C0000201\nmx 300 TYPE15 \\# 6 000A 026E7300\n"},
		{"209", "blanks, comments, parentheses", "www 300 TXT ( \"a;b\" ; comment\n \"c\" )\n\t300 A 192.0.2.1 ; blank owner\n;\n\n"},
		{"209", "carriage returns", "www 300 A 192.0.2.1\r\nmail\t300\tA\t192.0.2.2\r\n"},
		{"209", "no final newline", "www 300 A 192.0.2.1"},
		{"60", "a wildcard in many places", "* 300 A 192.0.2.9\n*.* 300 TXT x\na.*.b 300 A 192.0.2.8\n*.c.* 300 A 192.0.2.7\n"},
		{"60", "names that equal a wildcard", "@ 300 MX 10 *\n* 300 MX 5 *\n* 300 MX 6 a.*\n* 300 A 192.0.2.9\nsub 300 NS *.sub\n*.sub 300 A 192.0.2.7\n"},
		{"45", "names of the SOA record that equal a wildcard", "$ORIGIN sub.zone.test.\n* 300 A 192.0.2.1\n"},
		{"86", "a DNAME at the apex", "@ 300 DNAME other.test.\n"},
		{"86", "a DNAME at the apex that points to itself", "@ 300 DNAME zone.test.\n"},
		{"86", "DNAMEs in a circle", "a 300 DNAME b\nb 300 DNAME a\nc 300 CNAME x.a\n"},
		{"74", "a cut with no glue beside one that is all glue", "a 300 NS a.b\nb 300 NS b\nb 300 A 192.0.2.1\nb 300 AAAA 2001:db8::1\nc 300 NS c.d.c\n"},
	}
	for _, test := range tests {
		t.Run(test.number+" "+test.says, func(t *testing.T) {
			w := &world{zones: []worldZone{{apex: "zone.test.", text: head + test.text}}}
			w.zones[0].owners = []string{"zone.test.", "www.zone.test.", "*.zone.test.", "a.*.zone.test.", "mx.zone.test.", "sub.zone.test.", "a.c.zone.test.", "c.c.zone.test.", "w.zone.test.", "b.zone.test."}
			p, err := w.load(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			for _, question := range w.questions() {
				for _, a := range []weather{{class: dns.ClassINET, capitals: true}, {class: dns.ClassINET, edns: true, size: 1232}} {
					if err := p.ask(question, a, epoch); err != nil {
						t.Fatal(err)
					}
				}
			}
		})
	}
}

// TestLargeAnswers asks for RRsets of tens of thousands of octets, straight and behind a chain of long names, so that
// compression pointers come to their end (RFC 1035 section 4.1.4: 14 bits).
func TestLargeAnswers(t *testing.T) {
	for _, hosts := range []int{300, 600, 780} {
		t.Run(fmt.Sprint(hosts, " hosts"), func(t *testing.T) {
			var b strings.Builder
			b.WriteString("@ 300 IN SOA ns hostmaster 1 7200 900 1209600 60\n@ 300 IN NS ns\n")
			for i := range hosts {
				fmt.Fprintf(&b, "mx 300 MX %d host%d.mx\nhost%d.mx 300 A 192.0.2.1\n", i%7, i, i)
				fmt.Fprintf(&b, "*.wild 300 MX %d host%d.x%d.wild\n", i%7, i, i%3)
				fmt.Fprintf(&b, "ptr 300 PTR host%d.x%d.y\n", i, i%5)
				fmt.Fprintf(&b, "cut 300 NS host%d.cut\nhost%d.cut 300 A 192.0.2.2\nhost%d.cut 300 AAAA 2001:db8::2\n", i, i, i)
				fmt.Fprintf(&b, "txt 300 TXT %030d\n", i)
			}
			targets := []string{"mx", "a.wild", "ptr", "x.cut", "txt"}
			for _, target := range targets {
				next := target
				for i := range 16 {
					alias := fmt.Sprintf("%s%d.%s.%s.%s", strings.Repeat("p", 50), i, long, long, target[len(target)-2:])
					fmt.Fprintf(&b, "%s 300 CNAME %s\n", alias, next)
					next = alias
				}
				fmt.Fprintf(&b, "chain-%s 300 CNAME %s\n", target[len(target)-2:], strings.Replace(next, "15", "14", 1))
			}
			dname := func(i int) string { return fmt.Sprintf("%s%d.%s.%s.%s", strings.Repeat("d", 30), i, long, long, long) }
			for i := range 15 { // each of which writes two records
				fmt.Fprintf(&b, "%s 300 DNAME %s\n", dname(i), dname(i+1))
			}
			fmt.Fprintf(&b, "%s 300 DNAME @\n", dname(15))
			w := &world{zones: []worldZone{{apex: "zone.test.", text: b.String()}}}
			p, err := w.load(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			types := []uint16{dns.TypeMX, dns.TypePTR, dns.TypeNS, dns.TypeTXT, dns.TypeA}
			for _, target := range targets {
				for _, qname := range []string{target, "chain-" + target[len(target)-2:], target + "." + dname(0)} {
					for _, qtype := range types {
						for _, a := range []weather{{transport: zones.Stream, class: dns.ClassINET}, {transport: zones.UDP, edns: true, size: 4096, class: dns.ClassINET}} {
							if err := p.ask(dns.Question{Name: qname + ".zone.test.", Qtype: qtype}, a, epoch); err != nil {
								t.Fatalf("%s %d: %s", qname, qtype, firstLines(err.Error()))
							}
						}
					}
				}
			}
		})
	}
}

// TestTooMuchGlue: a delegation that can't be sent whole is refused when it is loaded (RFC 9471 section 3).
func TestTooMuchGlue(t *testing.T) {
	var b strings.Builder
	b.WriteString("@ 300 IN SOA ns hostmaster 1 7200 900 1209600 60\n@ 300 IN NS ns\n")
	for i := range 1100 {
		fmt.Fprintf(&b, "cut 300 NS host%d.cut\nhost%d.cut 300 A 192.0.2.2\nhost%d.cut 300 AAAA 2001:db8::2\n", i, i, i)
	}
	w := &world{zones: []worldZone{{apex: "zone.test.", text: b.String()}}}
	if _, err := w.load(t.TempDir()); err == nil || !strings.Contains(err.Error(), "glue") {
		t.Errorf("got %v, want a word about the glue", err)
	}
}

// firstLines keeps a failure with thousands of records readable.
func firstLines(s string) string {
	lines := strings.Split(s, "\n")
	return strings.Join(lines[:min(len(lines), 20)], "\n")
}

// TestServiceWithoutTimeline: a slot that was never filled is nobody's lie.
func TestServiceWithoutTimeline(t *testing.T) {
	dynamics := conformDynamics()
	for i := range dynamics {
		dynamics[i].Slot = &zones.Slot{}
	}
	z, problems := zones.Load("conform.test.", conformFile("conform.test."), dynamics)
	if z == nil {
		t.Fatal(problems)
	}
	p := &pair{set: zones.NewSet([]*zones.Zone{z})}
	for _, qname := range []string{"dyn", "any.dynwild", "todyn"} {
		query, err := new(dns.Msg).SetQuestion(relative(qname), dns.TypeA).Pack()
		if err != nil {
			t.Fatal(err)
		}
		m := new(dns.Msg)
		if err := unpack(m, p.out[:p.responder.Respond(p.set, query, p.out[:], zones.Stream, epoch)]); err != nil {
			t.Fatal(err)
		}
		if m.Rcode != dns.RcodeServerFailure || slices.ContainsFunc(m.Answer, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeA }) {
			t.Errorf("%s: %v", qname, m)
		}
	}
}
