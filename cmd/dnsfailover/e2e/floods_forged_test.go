package e2e

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"
)

// TestFlood59Spoofed (13 too) asks for much in the name of one /24. What it gets is not worth its while; others lose nothing, and who shares
// that network is answered over TCP.
func TestFlood59Spoofed(t *testing.T) {
	c := newCable(t)
	s := c.serve(serverAt, twoTargets, "big TXT"+strings.Repeat(" "+strings.Repeat("x", 250), 4)+"\n")
	c.ip("-n", c.clients, "addr", "add", strangers+"200/32", "dev", "lo")
	m := new(dns.Msg).SetQuestion("big.example.test.", dns.TypeTXT).SetEdns0(4096, false)
	query, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	g, r := c.goodClient(s), c.raw()
	sentBefore, receivedBefore := c.octets()
	begin, sent := time.Now(), 0
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for ; sent < 60_000; <-tick.C {
		for range 15 {
			sent++
			r.send(unix.IPPROTO_UDP, stranger(sent%190), serverAddress, datagram(uint16(1024+sent), 53, query))
		}
	}
	took := time.Since(begin)
	inside, err := c.dial("tcp", strangers+"200", s.dns)
	if err != nil {
		t.Fatal(err)
	}
	defer inside.Close()
	if over := (&dns.Conn{Conn: inside}); over.WriteMsg(m) != nil || !answersOver(over) {
		t.Error("who shares the network isn't answered over TCP")
	}
	g.stop()
	octetsSent, received := c.octets()
	octetsSent, received = octetsSent-sentBefore, received-receivedBefore
	got := s.series()
	ratio := float64(received) / float64(octetsSent)
	whole := sumOf(got, "NOERROR") - got[`dnsfailover_rate_limited_total{action="slipped"}`] - float64(g.answered)
	t.Logf("%d forged queries in %v: %v answered, %v truncated, %v dropped; octets out/in %.2f; a good client: %v", sent, took.Round(time.Millisecond), whole,
		got[`dnsfailover_rate_limited_total{action="slipped"}`], got[`dnsfailover_rate_limited_total{action="dropped"}`], ratio, g)
	if most := 200 * (took.Seconds() + 2); whole > most {
		t.Errorf("%v whole answers, want at most %.0f", whole, most)
	}
	if ratio > 2 {
		t.Errorf("%.2f octets out for one in", ratio)
	}
	g.served(t)
}

// answersOver says whether an answer with records comes.
func answersOver(conn *dns.Conn) bool {
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	answer, err := conn.ReadMsg()
	return err == nil && len(answer.Answer) > 0
}

// TestFloodClass1Loops (1 of the classes: answering answers) forges what one server seems to ask of another. They exchange at most one packet.
func TestFloodClass1Loops(t *testing.T) {
	c := newCable(t)
	for _, of := range []string{"all", "cable"} { // what comes in may seem to be from one of the network's own addresses
		c.set(c.server, "conf/"+of+"/accept_local", "1")
		c.set(c.server, "conf/"+of+"/rp_filter", "0")
	}
	a, b := c.serve(serverAt, twoTargets, ""), c.serve("10.203.0.3", twoTargets, "")
	r := c.raw()
	query := packed(t, "www.example.test", dns.TypeA)
	response, opcode := slices.Clone(query), slices.Clone(query)
	response[2] |= 0x80
	opcode[2] |= 15 << 3
	// What went round would be counted before the last two are, which take the same way behind it: first by b, then by a.
	answered := 0
	for i, bait := range [][]byte{query, query[:20], opcode, response, query, query} {
		r.send(unix.IPPROTO_UDP, netip.MustParseAddr("10.203.0.3"), serverAddress, datagram(53, 53, bait))
		if bait[2]&0x80 == 0 { // else it is a response
			answered++
		}
		// b gets what a answers, and a nothing: else it would count more.
		a.wait("the bait was taken", func() bool {
			got := a.series()
			return sum(got, "dnsfailover_queries_total")+sum(got, "dnsfailover_dropped_total") == float64(i+1) &&
				b.series()[`dnsfailover_dropped_total{reason="unanswered"}`] == float64(answered)
		})
	}
	gotA, gotB := a.series(), b.series()
	t.Logf("a: %v answered, %v dropped; b: %v answered, %v dropped", sum(gotA, "dnsfailover_queries_total"), sum(gotA, "dnsfailover_dropped_total"),
		sum(gotB, "dnsfailover_queries_total"), sum(gotB, "dnsfailover_dropped_total"))
	if sum(gotA, "dnsfailover_queries_total") != 5 || sum(gotA, "dnsfailover_dropped_total") != 1 || sum(gotB, "dnsfailover_queries_total") != 0 || sum(gotB, "dnsfailover_dropped_total") != 5 {
		t.Errorf("they go on: %v", ours(gotA))
	}
	// Nor does anything go to port 0.
	r.send(unix.IPPROTO_UDP, clientAddress, serverAddress, datagram(0, 53, query))
	a.wait("a query from port 0 is dropped", func() bool { return a.series()[`dnsfailover_dropped_total{reason="port_0"}`] == 1 })
}

// TestFlood62HalfOpen begins 20,000 TCP connections from addresses that never answer. New clients are served.
func TestFlood62HalfOpen(t *testing.T) {
	c := newCable(t)
	s := c.serve(serverAt, twoTargets, "")
	r, g := c.raw(), c.goodClient(s)
	m := new(dns.Msg).SetQuestion("www.example.test.", dns.TypeA)
	slowest, asked := time.Duration(0), 0
	for i := range 20_000 {
		from := stranger(i % 250)
		r.send(unix.IPPROTO_TCP, from, serverAddress, syn(from, serverAddress, uint16(1024+i), uint32(i)))
		if i%500 == 499 {
			begin := time.Now()
			if answer := c.exchange("tcp", s, m); len(answer.Answer) != 1 {
				t.Fatalf("over TCP: %v", answer)
			}
			slowest, asked = max(slowest, time.Since(begin)), asked+1
		}
	}
	got := s.series()
	now, _ := s.resident()
	t.Logf("20,000 half-open connections: the server sees %v open; resident %d KiB; of %d new clients none waited longer than %v; a good client: %v",
		got["dnsfailover_tcp_connections"], now, asked, slowest.Round(10*time.Microsecond), g)
	if slowest > 3*time.Second || got["dnsfailover_tcp_connections"] > 1 {
		t.Errorf("a new client waited %v, %v connections are open", slowest, got["dnsfailover_tcp_connections"])
	}
	g.served(t)
}

// TestFlood66NoWayOut (66 without strace) has no route to those who seem to ask, for each of the reasons that a kernel gives.
// Those in between get all their answers.
func TestFlood66NoWayOut(t *testing.T) {
	t.Parallel()
	c := newCable(t)
	s := c.serve(serverAt, twoTargets, "")
	r, query := c.raw(), packed(t, "www.example.test", dns.TypeA)
	for _, kind := range []string{"prohibit", "unreachable", "blackhole"} {
		c.ip("-n", c.server, "route", "replace", kind, strangers+"0/24")
		before, g := sum(s.series(), "dnsfailover_send_errors_total"), c.goodClient(s)
		const forged = 3000
		for i := range forged {
			r.send(unix.IPPROTO_UDP, stranger(i%250), serverAddress, datagram(uint16(1024+i), 53, query))
			if i%20 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
		g.stop()
		got := s.series()
		refused, limited := got["dnsfailover_send_errors_total"]-before, sum(got, "dnsfailover_rate_limited_total")
		t.Logf("%s: %v answers could not be sent, %v were over the rate; a good client: %v", kind, refused, limited, g)
		if refused == 0 {
			t.Errorf("%s: all could be sent: the test has not tested that", kind)
		}
		g.served(t)
	}
}

// TestFlood67Unreachable has the answers go to ports where nobody listens, so that ICMP comes back for each.
func TestFlood67Unreachable(t *testing.T) {
	t.Parallel()
	c := newCable(t)
	s := c.serve(serverAt, nobodyExempt+twoTargets, "")
	c.set(c.clients, "icmp_ratelimit", "0")
	c.set(c.clients, "icmp_ratemask", "0")
	g, r := c.goodClient(s), c.raw()
	before := c.counter(c.server, "Icmp", "InDestUnreachs")
	for i := range 5000 {
		name := packed(t, fmt.Sprintf("n%d.example.test", i), dns.TypeA)
		r.send(unix.IPPROTO_UDP, clientAddress, serverAddress, datagram(uint16(1024+i), 53, name))
		if i%20 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	g.stop()
	heard := c.counter(c.server, "Icmp", "InDestUnreachs") - before
	got := s.series()
	t.Logf("%d ICMP messages came back; read errors %v, send errors %v; a good client: %v", heard, got[`dnsfailover_dropped_total{reason="receive_error"}`],
		got["dnsfailover_send_errors_total"], g)
	if heard == 0 {
		t.Error("none came: the test has not tested that")
	}
	g.served(t)
}
