package server

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"dnsfailover/zones"
)

// loaded returns the zone name with an address at its apex.
func loaded(t testing.TB, name string) *zones.Zone {
	t.Helper()
	file := filepath.Join(t.TempDir(), "zone")
	text := "@ 300 IN SOA ns hostmaster 1 7200 900 1209600 300\n@ 300 IN NS ns\nns 300 IN A 192.0.2.53\n@ 300 IN A 192.0.2.1\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	z, problems := zones.Load(name, file, nil)
	if z == nil {
		t.Fatal(problems)
	}
	return z
}

func query(t testing.TB, name string, qtype uint16) []byte {
	t.Helper()
	m, err := new(dns.Msg).SetQuestion(name, qtype).Pack()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// real is the tuning of production.
func real() tuning { return tuning{respond: newZonesResponder, limits: defaultLimits()} }

func TestCountersFollowZonesOverSets(t *testing.T) {
	eachLoop(t, func(t *testing.T, portable bool) {
		com, org := loaded(t, "example.com."), loaded(t, "example.org.")
		var set atomic.Pointer[zones.Set]
		set.Store(zones.NewSet([]*zones.Zone{com, org}))
		s, _ := start(t, Options{Set: set.Load, Workers: 1, Portable: portable}, real())
		udp, tcp := dial(t, "udp", s.Addresses()[0]), dial(t, "tcp", s.Addresses()[0])
		both := func(name string, qtype uint16, rcode int) {
			t.Helper()
			send(t, udp, query(t, name, qtype))
			send(t, tcp, framed(query(t, name, qtype)))
			for _, answer := range [][]byte{datagram(t, udp), framedAnswer(t, tcp)} {
				var m dns.Msg
				if err := m.Unpack(answer); err != nil || m.Rcode != rcode {
					t.Errorf("%s: %v %v", name, err, &m)
				}
			}
		}
		both("example.com.", dns.TypeA, dns.RcodeSuccess)
		both("example.org.", dns.TypeA, dns.RcodeSuccess)
		both("no.example.org.", dns.TypeAAAA, dns.RcodeNameError)
		both("example.net.", dns.TypeMX, dns.RcodeRefused)
		// Another order, one zone gone and one new: counters stay with the names.
		set.Store(zones.NewSet([]*zones.Zone{zones.Broken("example.net."), org}))
		both("example.org.", dns.TypeA, dns.RcodeSuccess)
		both("example.org.", 65280, dns.RcodeSuccess)
		both("example.net.", dns.TypeMX, dns.RcodeServerFailure)

		var want []QueryCount
		for _, zone := range []struct {
			name  string
			cells []QueryCount
		}{
			{"", []QueryCount{{Type: "MX", Rcode: "REFUSED", Count: 1}}},
			{"example.com.", []QueryCount{{Type: "A", Rcode: "NOERROR", Count: 1}}},
			{"example.net.", []QueryCount{{Type: "MX", Rcode: "SERVFAIL", Count: 1}}},
			{"example.org.", []QueryCount{
				{Type: "A", Rcode: "NOERROR", Count: 2},
				{Type: "AAAA", Rcode: "NXDOMAIN", Count: 1},
				{Type: "other", Rcode: "NOERROR", Count: 1},
			}},
		} {
			for _, transport := range []string{"tcp", "udp"} {
				for _, cell := range zone.cells {
					cell.Zone, cell.Transport = zone.name, transport
					want = append(want, cell)
				}
			}
		}
		if diff := cmp.Diff(want, s.Counters().Queries); diff != "" {
			t.Errorf("queries (-want +got):\n%s", diff)
		}
	})
}

func TestCountedNames(t *testing.T) {
	for code := range 1 << 16 {
		want := "other"
		for i, c := range typeCodes {
			if int(c) == code {
				want = dns.TypeToString[c]
				if typeNames[i] != want {
					t.Errorf("type %d is called %s, want %s", code, typeNames[i], want)
				}
			}
		}
		if got := typeNames[typeIndex.of(uint16(code))]; got != want {
			t.Errorf("type %d is counted as %s, want %s", code, got, want)
		}
	}
	for i, code := range rcodeCodes {
		want := dns.RcodeToString[int(code)]
		if code == dns.RcodeBadVers {
			want = "BADVERS" // the number has a second name, for TSIG
		}
		if rcodeNames[i] != want || rcodeIndex.of(code) != uint8(i) {
			t.Errorf("rcode %d is called %s, want %s", code, rcodeNames[i], want)
		}
	}
	if got := rcodeNames[rcodeIndex.of(4095)]; got != "other" {
		t.Errorf("rcode 4095 is counted as %s", got)
	}
}

func TestAnswerDoesNotAllocate(t *testing.T) {
	set := zones.NewSet([]*zones.Zone{loaded(t, "example.com.")})
	e := &engine{load: func() world { return world{set: set} }, fresh: newZonesResponder, responder: newZonesResponder(), panics: &panicLog{}}
	packets := make([]packet, batchSize)
	for i := range packets {
		packets[i] = packet{query: query(t, []string{"example.com.", "no.example.com.", "example.net."}[i%3], dns.TypeA), room: make([]byte, maxAnswer)}
	}
	if n := testing.AllocsPerRun(100, func() { e.answer(packets) }); n != 0 {
		t.Errorf("%v allocations per batch", n)
	}
	if packets[0].length == 0 {
		t.Error("no answer")
	}
}

func TestPanicLinesAreFew(t *testing.T) {
	log, logger := newLog()
	p := &panicLog{log: logger}
	for range 10 {
		p.report(7e9, "first", make([]byte, maxMessage), zones.Stream)
	}
	p.report(8e9, "second", []byte{0xAB}, zones.UDP)
	p.report(9e9, "third", nil, zones.UDP)
	if p.count.Load() != 12 || len(log) != panicsPerSecond+2 {
		t.Fatalf("%d counted and %d lines, want 12 and %d", p.count.Load(), len(log), panicsPerSecond+2)
	}
	for range panicsPerSecond {
		if line := <-log; !strings.Contains(line, "panic=first transport=tcp octets=65535 query=00") || len(line) > 8<<10 {
			t.Errorf("logged %d octets: %.200s", len(line), line)
		}
	}
	for _, want := range []string{"panic=second transport=udp octets=1 query=ab suppressed=7 ", "suppressed=0 "} {
		if line := <-log; !strings.Contains(line, want) {
			t.Errorf("logged %.200s, want %s", line, want)
		}
	}
}

func BenchmarkRoundTrip(b *testing.B) {
	set := zones.NewSet([]*zones.Zone{loaded(b, "example.com.")})
	for _, portable := range []bool{false, true} {
		b.Run(fmt.Sprintf("portable=%v", portable), func(b *testing.B) {
			s, _ := start(b, Options{Set: func() *zones.Set { return set }, Portable: portable, Workers: 1, Log: slog.New(slog.DiscardHandler)}, real())
			c := dial(b, "udp", s.Addresses()[0])
			q, answer := query(b, "example.com.", dns.TypeA), make([]byte, maxAnswer)
			b.ReportAllocs()
			const window = 32 // queries on their way at once
			for b.Loop() {
				for range window {
					send(b, c, q)
				}
				for range window {
					if _, err := c.Read(answer); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*window), "ns/query")
		})
	}
}
