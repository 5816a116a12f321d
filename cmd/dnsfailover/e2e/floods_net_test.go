package e2e

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"
)

// A cable is between two networks of the test's own, that of the server and that of its clients. Everything that the
// clients have no address for is behind them too, so that answers to forged sources go there.
type cable struct {
	t               *testing.T
	server, clients string // names of the network namespaces
}

// Addresses on the cable.
const (
	serverAt  = "10.203.0.1"
	clientAt  = "10.203.0.2"
	strangers = "198.51.100." // that nobody has
)

func newCable(t *testing.T) *cable {
	t.Helper()
	needRoot(t)
	need(t, "ip")
	id := fmt.Sprintf("%d-%d", os.Getpid(), nextIP.Add(1))
	c := &cable{t: t, server: "e2e-server-" + id, clients: "e2e-clients-" + id}
	for _, name := range []string{c.server, c.clients} {
		c.ip("netns", "add", name)
		t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", name).Run() })
		c.ip("-n", name, "link", "set", "lo", "up")
	}
	c.ip("-n", c.server, "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", c.clients)
	c.ip("-n", c.server, "addr", "add", serverAt+"/24", "dev", "cable")
	c.ip("-n", c.server, "addr", "add", "10.203.0.3/24", "dev", "cable")
	c.ip("-n", c.clients, "addr", "add", clientAt+"/24", "dev", "cable")
	c.ip("-n", c.server, "link", "set", "cable", "up")
	c.ip("-n", c.clients, "link", "set", "cable", "up")
	c.ip("-n", c.server, "route", "add", "default", "via", clientAt)
	return c
}

func (c *cable) ip(args ...string) {
	c.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		c.t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// serve starts the server in its network, on port 53 of address.
func (c *cable) serve(address, config, records string) *server {
	c.t.Helper()
	s := newServer(c.t, config, records)
	s.write("dnsfailover.yaml", strings.Replace(s.read("dnsfailover.yaml"), "127.0.0.1:0", address+":53", 1))
	s.wrap = []string{"ip", "netns", "exec", c.server}
	return s.start()
}

// at runs f in the network of the clients. Sockets that it opens stay there.
func (c *cable) at(f func() error) {
	c.t.Helper()
	if err := inNetwork(c.clients, f); err != nil {
		c.t.Fatal(err)
	}
}

// set sets a parameter of IPv4 in a network.
func (c *cable) set(network, parameter, value string) {
	c.t.Helper()
	err := inNetwork(network, func() error {
		return os.WriteFile("/proc/sys/net/ipv4/"+parameter, []byte(value), 0o600)
	})
	if err != nil {
		c.t.Fatal(err)
	}
}

// inNetwork runs f on a thread that is in another network meanwhile. The thread must go back and live on: servers that it has started die
// with it.
func inNetwork(name string, f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	here, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer here.Close()
	there, err := os.Open("/run/netns/" + name)
	if err != nil {
		return err
	}
	defer there.Close()
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		return err
	}
	defer func() {
		if err := unix.Setns(int(here.Fd()), unix.CLONE_NEWNET); err != nil {
			panic(err) // all that this thread does next would be in the wrong network
		}
	}()
	return f()
}

// dial connects from the network of the clients.
func (c *cable) dial(network, from, to string) (conn net.Conn, err error) {
	d := net.Dialer{Timeout: patience}
	switch {
	case from == "":
	case network == "tcp":
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.MustParseAddrPort(from + ":0"))
	default:
		d.LocalAddr = net.UDPAddrFromAddrPort(netip.MustParseAddrPort(from + ":0"))
	}
	err = inNetwork(c.clients, func() (err error) {
		conn, err = d.Dial(network, to)
		return err
	})
	return conn, err
}

// goodClient asks from the clients' own address.
func (c *cable) goodClient(s *server) *goodClient {
	return s.newGoodClientOver(func() (net.Conn, error) { return c.dial("udp", clientAt, s.dns) })
}

// exchange asks once, over UDP or TCP.
func (c *cable) exchange(network string, s *server, m *dns.Msg) *dns.Msg {
	c.t.Helper()
	conn, err := c.dial(network, "", s.dns)
	if err != nil {
		c.t.Fatal(err)
	}
	defer conn.Close()
	over := &dns.Conn{Conn: conn, UDPSize: 4096}
	_ = conn.SetDeadline(time.Now().Add(patience))
	if err := over.WriteMsg(m); err != nil {
		c.t.Fatal(err)
	}
	answer, err := over.ReadMsg()
	if err != nil {
		c.t.Fatal(err)
	}
	return answer
}

// counter returns a counter of the kernel in a network, such as "Ip ReasmReqds".
func (c *cable) counter(name, protocol, which string) int {
	c.t.Helper()
	value := -1
	err := inNetwork(name, func() error {
		text, err := os.ReadFile("/proc/thread-self/net/snmp")
		if err != nil {
			return err
		}
		var names []string
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line)
			switch at := slices.Index(names, which); {
			case fields[0] != protocol+":":
			case names == nil:
				names = fields
			case at > 0:
				value, err = strconv.Atoi(fields[at])
				return err
			}
		}
		return fmt.Errorf("no counter %s of %s", which, protocol)
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return value
}

// octets returns how many were sent and received by the clients' end of the cable.
func (c *cable) octets() (sent, received int) {
	c.t.Helper()
	err := inNetwork(c.clients, func() error {
		text, err := os.ReadFile("/proc/thread-self/net/dev")
		for line := range strings.Lines(string(text)) {
			if name, rest, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "cable" {
				fields := strings.Fields(rest)
				received, _ = strconv.Atoi(fields[0])
				sent, _ = strconv.Atoi(fields[8])
			}
		}
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return sent, received
}

// raw is a socket in the clients' network that sends whole IPv4 packets, whoever they claim to be from.
type raw struct {
	t  *testing.T
	fd int
}

func (c *cable) raw() *raw {
	c.t.Helper()
	r := &raw{t: c.t}
	c.at(func() (err error) {
		r.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		return err
	})
	c.t.Cleanup(func() { unix.Close(r.fd) })
	return r
}

// send sends a payload with a header for protocol.
func (r *raw) send(protocol byte, from, to netip.Addr, payload []byte) {
	r.t.Helper()
	if err := unix.Sendto(r.fd, ipv4Packet(protocol, from, to, payload), 0, &unix.SockaddrInet4{Addr: to.As4()}); err != nil && err != unix.ENOBUFS {
		r.t.Fatal(err)
	}
}

// ipv4Packet puts an IPv4 header before a payload; the kernel fills in the checksum.
func ipv4Packet(protocol byte, from, to netip.Addr, payload []byte) []byte {
	length := 20 + len(payload)
	packet := []byte{0x45, 0, byte(length >> 8), byte(length), 0, 0, 0, 0, 64, protocol, 0, 0}
	packet = append(append(packet, from.AsSlice()...), to.AsSlice()...)
	return append(packet, payload...)
}

// datagram is a UDP datagram without a checksum.
func datagram(from, to uint16, payload []byte) []byte {
	length := 8 + len(payload)
	return append([]byte{byte(from >> 8), byte(from), byte(to >> 8), byte(to), byte(length >> 8), byte(length), 0, 0}, payload...)
}

// syn is the first segment of a TCP connection to port 53.
func syn(from, to netip.Addr, port uint16, sequence uint32) []byte {
	segment := []byte{
		byte(port >> 8), byte(port), 0, 53, byte(sequence >> 24), byte(sequence >> 16), byte(sequence >> 8), byte(sequence), 0, 0, 0, 0,
		5 << 4, 2, 0xFF, 0xFF, 0, 0, 0, 0,
	}
	sum := checksum(slices.Concat(from.AsSlice(), to.AsSlice(), []byte{0, 6, 0, byte(len(segment))}, segment))
	segment[16], segment[17] = byte(sum>>8), byte(sum)
	return segment
}

// checksum is that of RFC 1071.
func checksum(data []byte) uint16 {
	sum := uint32(0)
	for i := 0; i+1 < len(data); i += 2 {
		sum += uint32(data[i])<<8 | uint32(data[i+1])
	}
	for sum>>16 > 0 {
		sum = sum&0xFFFF + sum>>16
	}
	return ^uint16(sum)
}

// stranger is one of the addresses that nobody has.
func stranger(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{198, 51, 100, byte(i)})
}

var (
	serverAddress = netip.MustParseAddr(serverAt)
	clientAddress = netip.MustParseAddr(clientAt)
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
	for i, bait := range [][]byte{query, query[:20], opcode, response} {
		r.send(unix.IPPROTO_UDP, netip.MustParseAddr("10.203.0.3"), serverAddress, datagram(53, 53, bait))
		want := float64(min(i+1, 3)) // the response is not answered
		// b gets what a answers, and a nothing: else it would count more.
		a.wait("the bait was taken", func() bool {
			got := a.series()
			return sum(got, "dnsfailover_queries_total")+sum(got, "dnsfailover_dropped_total") == float64(i+1) &&
				b.series()[`dnsfailover_dropped_total{reason="unanswered"}`] == want
		})
	}
	time.Sleep(100 * time.Millisecond) // what was going round would be seen
	gotA, gotB := a.series(), b.series()
	t.Logf("a: %v answered, %v dropped; b: %v answered, %v dropped", sum(gotA, "dnsfailover_queries_total"), sum(gotA, "dnsfailover_dropped_total"),
		sum(gotB, "dnsfailover_queries_total"), sum(gotB, "dnsfailover_dropped_total"))
	if sum(gotA, "dnsfailover_queries_total") != 3 || sum(gotA, "dnsfailover_dropped_total") != 1 || sum(gotB, "dnsfailover_queries_total") != 0 || sum(gotB, "dnsfailover_dropped_total") != 3 {
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
