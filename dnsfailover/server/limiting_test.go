package server

import (
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// The loop doesn't matter, nor how many workers there are, to what is limited and what is not.
func TestAnswersOverTheRate(t *testing.T) {
	opt := defaults
	opt.Rate = 1
	eachLoop(t, func(t *testing.T, portable bool) {
		o := limiting(t, opt)
		o.Portable, o.Workers = portable, 1
		s, _ := start(t, o, real())
		c := dial(t, "udp", s.Addresses()[0])
		const each = 41
		ask := func(name string, qtype uint16) (full, most, truncated, echoed int) {
			begin := time.Now()
			for range each {
				send(t, c, query(t, name, qtype))
			}
			last := withEDNS(t, "ns.example.com.", dns.TypeA, "0102030405060708") // about something else
			send(t, c, last)
			for {
				answer := datagram(t, c)
				switch {
				case id(answer) == id(last):
					return full, 2 + int(time.Since(begin).Seconds()), truncated, echoed
				case answer[2]&0x02 == 0:
					full++
				default:
					truncated++
					echoed += min(1, max(0, len(answer)-len(query(t, name, qtype))))
				}
			}
		}
		if full, most, truncated, longer := ask("example.com.", dns.TypeA); full < 1 || full > most || truncated != (each-full)/2 || longer != 0 {
			t.Errorf("of %d: %d answers, %d truncated, %d of them longer than the query", each, full, truncated, longer)
		}
		c = dialFrom(t, "udp", anyPort("127.0.1.1"), s.Addresses()[0])
		if full, most, truncated, _ := ask("example.org.", dns.TypeA); full < 1 || full > most || truncated != 0 {
			t.Errorf("of %d refused: %d answers, %d truncated; errors are not worth truncating", each, full, truncated)
		}
		tcp := dial(t, "tcp", s.Addresses()[0])
		for range each {
			send(t, tcp, framed(query(t, "example.com.", dns.TypeA)))
			if answer := framedAnswer(t, tcp); answer[2]&0x02 != 0 {
				t.Error("truncated over TCP")
			}
		}
		got := s.Counters()
		var answered uint64
		for _, q := range got.Queries {
			answered += q.Count
		}
		if answered+got.Limited != 3*each+2 || got.Slipped == 0 || got.Slipped > each/2 {
			t.Errorf("%d answered, %d limited, %d slipped; of %d", answered, got.Limited, got.Slipped, 3*each+2)
		}
	})
}

func TestLimitingDoesNotAllocate(t *testing.T) {
	s, err := listen(prepared(limiting(t, defaults)), real())
	if err != nil {
		t.Fatal(err)
	}
	defer discard(s)
	packets := make([]packet, batchSize)
	for i := range packets {
		packets[i] = packet{
			query: withEDNS(t, "big.example.com.", dns.TypeTXT, "0102030405060708"), room: make([]byte, maxAnswer),
			client: netip.MustParseAddr([]string{"192.0.2.1", "2001:db8::1"}[i%2]),
		}
	}
	if n := testing.AllocsPerRun(100, func() {
		for i := range packets {
			packets[i].drop = none
		}
		s.workers[0].engine.answer(packets)
	}); n != 0 {
		t.Errorf("%v allocations per batch", n)
	}
	if got := s.Counters(); got.Limited == 0 || got.Slipped == 0 {
		t.Errorf("nothing was limited: %+v", got)
	}
}

// RFC 7828 section 3.3.2, conformance 223: once the server stops, clients are told to close.
func TestStoppingServerTellsClientsToClose(t *testing.T) {
	o := limiting(t, defaults)
	s, err := listen(prepared(o), real())
	if err != nil {
		t.Fatal(err)
	}
	if got := s.world().settings; got != o.Settings() {
		t.Errorf("settings %+v", got)
	}
	discard(s)
	if got := s.world().settings; got.Idle >= 0 || got.Cookies != o.Settings().Cookies {
		t.Errorf("settings %+v", got)
	}
}

// What a batch costs with the limiter, and without.
func BenchmarkAnswer(b *testing.B) {
	for _, name := range []string{"without", "exempt", "limiting"} {
		b.Run(name, func(b *testing.B) {
			opt := defaults
			switch name {
			case "without":
				opt.Rate = 0
			case "exempt":
				opt.Exempt = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("10.0.0.0/8")}
			}
			s, err := listen(prepared(limiting(b, opt)), real())
			if err != nil {
				b.Fatal(err)
			}
			defer discard(s)
			e := s.workers[0].engine
			packets := make([]packet, batchSize)
			for i := range packets {
				packets[i] = packet{query: query(b, "example.com.", dns.TypeA), room: make([]byte, maxAnswer)}
			}
			b.ReportAllocs()
			client := uint32(0)
			for b.Loop() {
				for i := range packets {
					client += 256
					packets[i].drop = none
					packets[i].client = netip.AddrFrom4([4]byte{10, byte(client >> 20), byte(client >> 16), byte(client)})
				}
				e.answer(packets)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batchSize), "ns/answer")
		})
	}
}
