package checks

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// nameserver answers queries over UDP and TCP on loopback.
func nameserver(t testing.TB, at string, answer func(w dns.ResponseWriter, q *dns.Msg)) netip.AddrPort {
	t.Helper()
	var packets net.PacketConn
	var l net.Listener
	var addr netip.AddrPort
	for range 100 { // a port that is free for UDP need not be for TCP
		var err error
		if packets, err = net.ListenPacket("udp", net.JoinHostPort(at, "0")); err != nil {
			t.Skipf("listen on %s: %v", at, err)
		}
		addr = packets.LocalAddr().(*net.UDPAddr).AddrPort()
		if l, err = net.Listen("tcp", addr.String()); err == nil {
			break
		}
		packets.Close()
	}
	if l == nil {
		t.Fatal("no port is free for both UDP and TCP")
	}
	for _, s := range []*dns.Server{{PacketConn: packets, Handler: dns.HandlerFunc(answer)}, {Listener: l, Handler: dns.HandlerFunc(answer)}} {
		started, ended := make(chan struct{}), make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		go func() {
			s.ActivateAndServe()
			close(ended)
		}()
		<-started
		t.Cleanup(func() {
			s.Shutdown()
			<-ended
		})
	}
	return addr
}

// zoneAnswers answers from a few records.
func zoneAnswers(w dns.ResponseWriter, q *dns.Msg) {
	m := new(dns.Msg).SetReply(q)
	m.Authoritative = true
	add := func(text string) {
		rr, err := dns.NewRR(text)
		if err != nil {
			panic(err)
		}
		m.Answer = append(m.Answer, rr)
	}
	switch dns.CanonicalName(q.Question[0].Name) {
	case "www.example.com.":
		if q.Question[0].Qtype == dns.TypeA {
			add("www.example.com. 60 A 192.0.2.1")
			add("www.example.com. 60 A 192.0.2.2")
		}
	case "alias.example.com.":
		add("alias.example.com. 60 CNAME www.example.com.")
		add("www.example.com. 60 A 192.0.2.1")
	case "evil.example.com.":
		add(`evil.example.com. 60 TXT "\027[2J"`)
	case "many.example.com.":
		if _, udp := w.RemoteAddr().(*net.UDPAddr); udp {
			m.Truncated = true
			break
		}
		for i := range 1000 {
			add(fmt.Sprintf("many.example.com. 60 A 10.0.%d.%d", i/256, i%256))
		}
	case "broken.example.com.":
		m.Rcode = dns.RcodeServerFailure
	case "later.example.com.": // what is forged or late comes first
		forged := m.Copy()
		forged.Id++
		w.WriteMsg(forged)
		forged = m.Copy()
		forged.Question[0].Name = "other.example.com."
		w.WriteMsg(forged)
		add("later.example.com. 60 A 192.0.2.3")
	case "junk.example.com.":
		w.Write(append(binary.BigEndian.AppendUint16(nil, q.Id), "\x81\x80\x00\x01\xff\xff\xff\xff\xff\xff\xc0\x0c"...))
		return
	case "short.example.com.":
		w.Write([]byte("x"))
		return
	case "refused.example.com.":
		m.Rcode, m.Question = dns.RcodeRefused, nil
	case "silent.example.com.":
		return
	default:
		m.Rcode = dns.RcodeNameError
	}
	w.WriteMsg(m)
}

func TestDNSProbe(t *testing.T) {
	addr := nameserver(t, "127.0.0.1", zoneAnswers)
	for _, test := range []struct {
		name   string
		qtype  uint16
		change func(*DNSProbe)
		ok     bool
		want   string
	}{
		{"www", dns.TypeA, nil, true, "A 192.0.2.1"},
		{"WWW", dns.TypeA, func(p *DNSProbe) { p.Answer = "192.0.2.2" }, true, "A 192.0.2.2"},
		{"www", dns.TypeA, func(p *DNSProbe) { p.Answer = "192.0.2.3" }, false, `no A record contains "192.0.2.3": 192.0.2.1, 192.0.2.2`},
		{"www", dns.TypeAAAA, nil, false, "the answer has no AAAA record"},
		{"www", dns.TypeA, func(p *DNSProbe) { p.TCP = true }, true, "A 192.0.2.1"},
		{"alias", dns.TypeA, nil, true, "A 192.0.2.1"},
		{"evil", dns.TypeTXT, nil, true, `TXT "\027[2J"`},
		{"many", dns.TypeA, func(p *DNSProbe) { p.Answer = "10.0.3.231" }, true, "A 10.0.3.231"},
		{"many", dns.TypeA, func(p *DNSProbe) { p.Answer = "10.9" }, false, `no A record contains "10.9": 10.0.0.0, 10.0.0.1, 10.0.0.2, and 997 more`},
		{"broken", dns.TypeA, nil, false, "SERVFAIL, wanted NOERROR"},
		{"nothing", dns.TypeA, nil, false, "NXDOMAIN, wanted NOERROR"}, // fault 36: a name that no longer resolves
		{"nothing", dns.TypeA, func(p *DNSProbe) { p.Rcode = dns.RcodeNameError }, true, "NXDOMAIN"},
		{"refused", dns.TypeA, nil, false, "REFUSED, wanted NOERROR"},
		{"later", dns.TypeA, nil, true, "A 192.0.2.3"},
		{"junk", dns.TypeA, nil, false, "malformed answer: "},
		{"short", dns.TypeA, nil, false, "malformed answer: short read"},
		{"short", dns.TypeA, func(p *DNSProbe) { p.TCP = true }, false, "malformed answer: short read"},
		{"silent", dns.TypeA, nil, false, "no answer within 150ms"},
	} {
		t.Run(test.name+" "+dns.TypeToString[test.qtype], func(t *testing.T) {
			p := &DNSProbe{Server: addr, Name: test.name + ".example.com.", Type: test.qtype}
			if test.change != nil {
				test.change(p)
			}
			limit := patience
			if strings.Contains(test.want, "150ms") {
				limit = hasty
			}
			r := run(t, p, limit)
			if r.OK != test.ok || !strings.HasPrefix(r.Reason, test.want) {
				t.Errorf("got %v, %q\nwant %v, %q", r.OK, r.Reason, test.ok, test.want)
			}
			if r.OK && !strings.Contains(strings.Join(r.Seen, "\n"), "authoritative true") {
				t.Errorf("seen %q", r.Seen)
			}
		})
	}
	if r := run(t, &DNSProbe{Server: nameserver(t, "::1", zoneAnswers), Name: "www.example.com.", Type: dns.TypeA}, patience); !r.OK {
		t.Errorf("over IPv6: %+v", r)
	}
	gone, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	p := &DNSProbe{Server: gone.LocalAddr().(*net.UDPAddr).AddrPort(), Name: "www.example.com.", Type: dns.TypeA}
	if r := run(t, p, patience); r.OK || r.Reason != "connection refused (waited for an answer)" {
		t.Errorf("where nobody listens: %+v", r)
	}
	closing := serve(t, "127.0.0.1", func(c net.Conn) {
		io.ReadFull(c, make([]byte, 40))
		c.(*net.TCPConn).CloseWrite()
		untilClosed(c)
	})
	if r := run(t, &DNSProbe{Server: closing, TCP: true, Name: "www.example.com.", Type: dns.TypeA}, patience); r.OK || r.Reason != "closed the connection without an answer" {
		t.Errorf("a server that closes: %+v", r)
	}
	if got, want := p.String(), fmt.Sprintf("dns www.example.com. A at %s, NOERROR", p.Server); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
