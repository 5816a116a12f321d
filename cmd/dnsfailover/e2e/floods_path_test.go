package e2e

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"
)

// TestFlood63VanishedPeers cuts the cable to clients that are idle, in the middle of a query, and have not read their answers.
// Nothing is left of them after the deadlines.
func TestFlood63VanishedPeers(t *testing.T) {
	t.Parallel()
	c := newCable(t)
	s := c.serve(serverAt, twoTargets, "huge TXT"+strings.Repeat(" "+strings.Repeat("x", 250), 200)+"\n")
	files := s.files()
	slow := framed(packed(t, "www.example.test", dns.TypeA))[:20]
	greedy := []byte(strings.Repeat(string(framed(packed(t, "huge.example.test", dns.TypeTXT))), 200))
	const each = 50
	for i := range 3 * each {
		conn, err := c.dial("tcp", "", s.dns)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.(*net.TCPConn).SetReadBuffer(1 << 10)
		switch i % 3 {
		case 1:
			_, err = conn.Write(slow)
		case 2:
			_, err = conn.Write(greedy)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	s.wait("all are open", func() bool { return s.series()["dnsfailover_tcp_connections"] == 3*each })
	c.ip("-n", c.clients, "link", "set", "cable", "down")
	begin := time.Now()
	s.wait("nothing is left of them", func() bool {
		return s.series()["dnsfailover_tcp_connections"] == 0 && s.files() <= files+2
	})
	got := s.series()
	t.Logf("%d clients vanished; all were gone after %v; cut: %v slow readers, %v in a query", 3*each, time.Since(begin).Round(100*time.Millisecond),
		got[`dnsfailover_tcp_connections_cut_total{reason="slow_reader"}`], got[`dnsfailover_tcp_connections_cut_total{reason="slow_query"}`])
	if n := got[`dnsfailover_tcp_connections_cut_total{reason="slow_query"}`]; n != each {
		t.Errorf("%v were cut in the middle of a query, want %d", n, each)
	}
	c.ip("-n", c.clients, "link", "set", "cable", "up")
	if answer := c.exchange("tcp", s, new(dns.Msg).SetQuestion("www.example.test.", dns.TypeA)); len(answer.Answer) != 1 {
		t.Errorf("afterwards: %v", answer)
	}
}

// TestFlood65PathMTU asks over a path that takes 600 octets, and lies about its MTU to the server. Answers come, over UDP and TCP; a lie
// does not make the server send fragments.
func TestFlood65PathMTU(t *testing.T) {
	t.Parallel()
	c := newCable(t)
	s := c.serve(serverAt, twoTargets, "big TXT"+strings.Repeat(" "+strings.Repeat("x", 250), 4)+"\nhuge TXT"+strings.Repeat(" "+strings.Repeat("x", 250), 40)+"\n")
	big := new(dns.Msg).SetQuestion("big.example.test.", dns.TypeTXT).SetEdns0(1232, false)
	whole := func(says string) {
		t.Helper()
		if answer := c.exchange("udp", s, big); len(answer.Answer) != 1 || answer.Truncated {
			t.Errorf("%s, over UDP: %v", says, answer)
		}
	}
	fragments := func() int { return c.counter(c.clients, "Ip", "ReasmReqds") }
	whole("at first")
	// An ICMP message, forged, that answers to the client were too big for the path: type 3, code 4, MTU 300.
	r := c.raw()
	lie := append([]byte{3, 4, 0, 0, 0, 0, 300 >> 8, 300 & 0xFF}, ipv4Packet(unix.IPPROTO_UDP, serverAddress, clientAddress, datagram(53, 4711, nil))...)
	sum := checksum(lie)
	lie[2], lie[3] = byte(sum>>8), byte(sum)
	heard := c.counter(c.server, "Icmp", "InDestUnreachs")
	for range 100 {
		r.send(unix.IPPROTO_ICMP, netip.MustParseAddr("10.203.0.77"), serverAddress, lie)
	}
	s.wait("the kernel has heard the lie", func() bool { return c.counter(c.server, "Icmp", "InDestUnreachs") >= heard+100 })
	for range 10 {
		whole("after the lie")
	}
	if n := fragments(); n != 0 {
		t.Errorf("%d fragments came", n)
	}
	for _, name := range []string{c.server, c.clients} {
		c.ip("-n", name, "link", "set", "cable", "mtu", "600")
	}
	whole("over a path of 600 octets")
	pieces := fragments()
	small := new(dns.Msg).SetQuestion("big.example.test.", dns.TypeTXT).SetEdns0(512, false)
	if answer := c.exchange("udp", s, small); !answer.Truncated {
		t.Errorf("512 octets are enough for %v", answer)
	}
	for _, name := range []string{"big", "huge"} {
		if answer := c.exchange("tcp", s, new(dns.Msg).SetQuestion(name+".example.test.", dns.TypeTXT)); len(answer.Answer) != 1 || answer.Truncated {
			t.Errorf("%s over TCP: %v", name, answer)
		}
	}
	if n := fragments(); pieces == 0 || n != pieces {
		t.Errorf("%d fragments over a path of 600 octets, then %d more", pieces, n-pieces)
	}
	t.Logf("after 100 lies no fragments; over a path of 600 octets %d for the one big answer, and none for who takes 512 or asks over TCP", pieces)
}
