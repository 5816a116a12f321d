package checks

import (
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/miekg/dns"
)

// Fault 37: whatever a server sends, the probe returns in time, with a reason that can be shown.
func FuzzHTTPProbe(f *testing.F) {
	for _, seed := range []string{
		"", "HTTP/1.1 200 OK\r\n\r\nok", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx", "HTTP/2.0 200\r\n\r\n", "\x16\x03\x01",
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n\x00", "HTTP/1.1 302 \r\nLocation: ://%zz\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nab", "HTTP/9.9 999 x\r\n: \r\n\r\n",
	} {
		for method := range byte(2) {
			f.Add([]byte(seed), method)
		}
	}
	var page atomic.Pointer[[]byte]
	addr := serve(f, "127.0.0.1", func(conn net.Conn) {
		readRequest(conn)
		conn.Write(*page.Load())
	})
	f.Fuzz(func(t *testing.T, data []byte, method byte) {
		page.Store(&data)
		limit := 5 * time.Second
		r := probe(t, nowhere, addr, limit, func(p *HTTPProbe) {
			p.Body.Contains = "ok"
			p.Method = []string{http.MethodGet, http.MethodHead}[method%2]
		})
		if r.Took > limit+time.Second {
			t.Errorf("took %s", r.Took)
		}
		canBeShown(t, r)
	})
}

func canBeShown(t *testing.T, r Result) {
	t.Helper()
	if r.Reason == "" {
		t.Error("no reason")
	}
	for _, text := range append(r.Seen, r.Reason) {
		if !utf8.ValidString(text) || text != clean(text) {
			t.Errorf("cannot be shown: %q", text)
		}
	}
}

// Fault 37 again, for HTTP/2 and what is asked over it.
func FuzzHTTP2Probe(f *testing.F) {
	const settings = "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	for _, seed := range []string{
		"", settings, settings + "\x00\x00\x00\x04\x01\x00\x00\x00\x00", settings + "\x00\x00\x01\x01\x05\x00\x00\x00\x01\x88",
		settings + "\x00\x00\x01\x01\x04\x00\x00\x00\x01\x88\x00\x00\x02\x00\x01\x00\x00\x00\x01ok",
		settings + "\x00\x00\x08\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", settings + "\xff\xff\xff\x01\x05\x00\x00\x00\x01\x88",
		"HTTP/1.1 200 OK\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	var page atomic.Pointer[[]byte]
	addr := serve(f, "127.0.0.1", func(conn net.Conn) {
		io.ReadFull(conn, make([]byte, 24)) // the client's preface
		conn.Write(*page.Load())
		conn.(*net.TCPConn).CloseWrite()
		untilClosed(conn)
	})
	f.Fuzz(func(t *testing.T, data []byte) {
		page.Store(&data)
		limit := 5 * time.Second
		r := probe(t, nowhere, addr, limit, func(p *HTTPProbe) { p.HTTP2, p.Body.Contains = true, "ok" })
		canBeShown(t, r)
		if r.Took > limit+time.Second {
			t.Errorf("took %s", r.Took)
		}
		canBeShown(t, run(t, grpcProbe("http", addr, ""), limit))
	})
}

// Fault 37 again, for the answers of nameservers.
func FuzzDNSAnswer(f *testing.F) {
	query := new(dns.Msg).SetQuestion("www.example.com.", dns.TypeA)
	reply := new(dns.Msg).SetReply(query)
	reply.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: "www.example.com.", Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: net.IPv4(192, 0, 2, 1)}}
	packed, err := reply.Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(packed, "192.0.2.1", uint16(dns.TypeA))
	f.Add([]byte("\x00\x00\x81\x80\x00\x01\xff\xff\xff\xff\xff\xff\xc0\x0c"), "", uint16(dns.TypeTXT))
	f.Fuzz(func(t *testing.T, data []byte, want string, qtype uint16) {
		answer := new(dns.Msg)
		if answer.Unpack(data) != nil {
			return
		}
		isAnswer(answer, query)
		p := &DNSProbe{Server: netip.MustParseAddrPort("192.0.2.53:53"), Name: "www.example.com.", Type: qtype, Answer: want}
		ok, reason := p.judge(answer)
		canBeShown(t, Result{OK: ok, Reason: reason, Seen: seenAnswer(answer)})
	})
}
