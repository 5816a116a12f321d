package server

import (
	"context"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnsfailover/dnsfailover/limit"
	"dnsfailover/zones"
)

// defaults are the limits of a server that nobody has configured, but that nobody is exempt.
var defaults = limit.Options{Rate: 200, Slip: 2, IPv4Prefix: 24, IPv6Prefix: 56}

// limiting returns options with a zone that has something to amplify, a rate limit and cookies.
func limiting(t testing.TB, opt limit.Options) Options {
	t.Helper()
	file := filepath.Join(t.TempDir(), "zone")
	text := "@ 300 IN SOA ns hostmaster 1 7200 900 1209600 300\n@ 300 IN NS ns\nns 300 IN A 192.0.2.53\n@ 300 IN A 192.0.2.1\nbig 300 IN TXT" +
		strings.Repeat(" "+strings.Repeat("x", 250), 4) + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	z, problems := zones.Load("example.com.", file, nil)
	if z == nil {
		t.Fatal(problems)
	}
	set, limiter := zones.NewSet([]*zones.Zone{z}), limit.New(opt)
	settings := &zones.Settings{Cookies: zones.NewCookies([16]byte{1})}
	return Options{
		Set:      func() *zones.Set { return set },
		Settings: func() *zones.Settings { return settings },
		Limit:    func() *limit.Limiter { return limiter },
	}
}

// withEDNS returns a query that takes 4096 octets, and carries a cookie unless it is empty.
func withEDNS(t testing.TB, name string, qtype uint16, cookie string) []byte {
	t.Helper()
	m := new(dns.Msg).SetQuestion(name, qtype).SetEdns0(4096, false)
	if cookie != "" {
		m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: cookie}}
	}
	packed, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

func anyPort(address string) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(address), 0)
}

// dialFrom connects from one of the many addresses that loopback has.
func dialFrom(t testing.TB, network string, from, to netip.AddrPort) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: net.UDPAddrFromAddrPort(from)}
	if network == "tcp" {
		d.LocalAddr = net.TCPAddrFromAddrPort(from)
	}
	c, err := d.Dial(network, to.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c
}

// serverCookie returns what a client that was answered once may show.
func serverCookie(t testing.TB, c net.Conn) string {
	t.Helper()
	for {
		send(t, c, withEDNS(t, "ns.example.com.", dns.TypeA, "0102030405060708"))
		var m dns.Msg
		if err := m.Unpack(datagram(t, c)); err != nil {
			t.Fatal(err)
		}
		if o := m.IsEdns0(); o != nil && len(o.Option) == 1 {
			return o.Option[0].(*dns.EDNS0_COOKIE).Cookie
		}
	}
}

// witness asks one thing after the other while a flood lasts.
type witness struct{ asked, answered, truncated int }

// ask asks until ctx ends; what isn't answered in time is lost.
func (w *witness) ask(ctx context.Context, c net.Conn, query []byte) {
	tick := time.NewTicker(6 * time.Millisecond) // 166 a second, under the rate
	defer tick.Stop()
	stream := c.LocalAddr().Network() == "tcp"
	if stream {
		query = framed(query)
	}
	answer := make([]byte, 1<<12)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		w.asked++
		_ = c.SetDeadline(time.Now().Add(time.Second))
		if _, err := c.Write(query); err != nil {
			continue
		}
		n, err := c.Read(answer)
		if err != nil {
			continue
		}
		w.answered++
		flags := answer[2]
		if stream {
			flags = answer[4]
		}
		if n > 4 && flags&0x02 != 0 {
			w.truncated++
		}
	}
}

// Faults 13 and 59: with the defaults, a flood with forged sources is not worth its while, and costs nobody else.
func TestFloodFromOneNetwork(t *testing.T) {
	s, _ := start(t, limiting(t, defaults), real())
	at := s.Addresses()[0]
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()

	var in, out, sent, full, truncated atomic.Int64
	attack := withEDNS(t, "big.example.com.", dns.TypeANY, "")
	var attackers, readers sync.WaitGroup
	begin := time.Now()
	for i := range 2 {
		var conns []net.Conn
		for j := range 4 { // as many victims as the network has addresses, from as many ports
			c := dialFrom(t, "udp", netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 66, 0, byte(10 + 4*i + j)}), 0), at)
			_ = c.(*net.UDPConn).SetReadBuffer(1 << 20)
			conns = append(conns, c)
			readers.Go(func() {
				answer := make([]byte, 1<<12)
				for {
					n, err := c.Read(answer)
					if err != nil {
						return
					}
					out.Add(int64(n))
					if answer[2]&0x02 != 0 {
						truncated.Add(1)
					} else {
						full.Add(1)
					}
				}
			})
		}
		attackers.Go(func() {
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			for n := 0; ; {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
				for range 8 {
					n++
					if _, err := conns[n%len(conns)].Write(attack); err == nil {
						in.Add(int64(len(attack)))
						sent.Add(1)
					}
				}
			}
		})
	}
	plain := query(t, "big.example.com.", dns.TypeANY)
	beside := dialFrom(t, "udp", anyPort("127.77.0.1"), at)
	inside := dialFrom(t, "udp", anyPort("127.66.0.200"), at)
	showing := dialFrom(t, "udp", anyPort("127.66.0.201"), at)
	stream := dialFrom(t, "tcp", anyPort("127.66.0.202"), at)
	cookie := withEDNS(t, "big.example.com.", dns.TypeANY, serverCookie(t, showing))
	var other, trusted, tcp witness
	var witnesses sync.WaitGroup
	witnesses.Go(func() { other.ask(ctx, beside, attack) })
	witnesses.Go(func() { trusted.ask(ctx, showing, cookie) })
	witnesses.Go(func() { tcp.ask(ctx, stream, plain) })
	witnesses.Wait()
	attackers.Wait()
	elapsed := time.Since(begin)

	// Who shares the network with the victims is told that TCP helps.
	for range 400 {
		send(t, inside, attack)
	}
	_ = inside.SetDeadline(time.Now().Add(time.Second))
	for told := false; !told; {
		answer := datagram(t, inside)
		told = answer[2]&0x02 != 0 && len(answer) <= len(attack)
	}

	got := s.Counters()
	ratio := float64(out.Load()) / float64(in.Load())
	t.Logf("%d queries in %v (%d/s): %d answered, %d truncated, %d dropped; octets out/in %.2f; unlimited it were %.1f",
		sent.Load(), elapsed.Round(time.Millisecond), int(float64(sent.Load())/elapsed.Seconds()), full.Load(), truncated.Load(), got.Limited, ratio, 1080/float64(len(attack)))
	t.Logf("another network: %+v; the same with a cookie: %+v; the same over TCP: %+v; overflow %d", other, trusted, tcp, got.Dropped["overflow"])
	if most := 200 * (elapsed.Seconds() + 1) * 1.05; float64(full.Load()) > most {
		t.Errorf("%d whole answers, want at most %.0f", full.Load(), most)
	}
	if ratio > 2 {
		t.Errorf("%.2f octets out for one in", ratio)
	}
	if lost := other.asked - other.answered; other.asked < 20 || float64(lost) > 0.01*float64(other.asked) || other.truncated > 0 {
		t.Errorf("another network: %+v", other)
	}
	for name, w := range map[string]witness{"with a cookie": trusted, "over TCP": tcp} {
		if lost := w.asked - w.answered; w.asked < 20 || float64(lost) > 0.01*float64(w.asked) || w.truncated > 0 {
			t.Errorf("%s: %+v", name, w)
		}
	}
	if got.Trusted < uint64(trusted.answered) {
		t.Errorf("%d trusted, want %d", got.Trusted, trusted.answered)
	}
}

// Faults 14 and 58: a million names that don't exist cost no memory, and are one name to the limiter.
func TestFloodOfRandomNames(t *testing.T) {
	o := limiting(t, defaults)
	s, err := listen(prepared(o), real())
	if err != nil {
		t.Fatal(err)
	}
	defer discard(s)
	e := s.workers[0].engine
	packets := make([]packet, batchSize)
	for i := range packets {
		packets[i] = packet{client: netip.MustParseAddr("192.0.2.1"), query: query(t, "abcdefghijklmnop.example.com.", dns.TypeA), room: make([]byte, maxAnswer)}
	}
	e.answer(packets)
	const names = 1_000_000
	random := rand.NewPCG(1, 2)
	before, begin, sent := heap(), time.Now(), 0
	for range names / batchSize {
		for i := range packets {
			p := &packets[i]
			p.drop = none
			for j := range 16 {
				p.query[headerLength+1+j] = byte('a' + random.Uint64()%26)
			}
		}
		e.answer(packets)
		for i := range packets {
			if packets[i].length > 0 {
				sent++
			}
		}
	}
	took, after := time.Since(begin), heap()
	got := s.Counters()
	series := len(got.Queries)
	t.Logf("%d names in %v: %d answers sent, heap %d → %d KiB, %d series", names, took.Round(time.Millisecond), sent, before>>10, after>>10, series)
	if after > before+1<<20 || series != 1 {
		t.Errorf("heap %d → %d KiB, %d series", before>>10, after>>10, series)
	}
	if whole := sent - int(got.Slipped); float64(whole) > 200*(took.Seconds()+1)*1.05 {
		t.Errorf("%d answers in %v", whole, took)
	}
}

// Fault 61, conformance 165: one client can't take all places, however many connections he opens.
func TestTwentyThousandIdleConnections(t *testing.T) {
	const connections, held = 20_000, 500
	s, _ := start(t, Options{}, echoing())
	at := s.Addresses()[0]
	before := heap()
	var crowd [held]net.Conn // that many he keeps open himself
	defer func() {
		for _, c := range crowd {
			c.Close()
		}
	}()
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.MustParseAddrPort("127.55.0.1:0"))}
	begin := time.Now()
	var slowest time.Duration
	for i := range connections {
		c, err := d.Dial("tcp", at.String())
		if err != nil {
			t.Fatal(err)
		}
		if old := crowd[i%held]; old != nil {
			_ = old.(*net.TCPConn).SetLinger(0)
			old.Close()
		}
		crowd[i%held] = c
		if i%1000 == 999 {
			asked := time.Now()
			good := dialFrom(t, "tcp", anyPort("127.44.0.1"), at)
			send(t, good, framed(ask(1, "")))
			framedAnswer(t, good)
			slowest = max(slowest, time.Since(asked))
			good.Close()
		}
	}
	got, after := s.Counters(), heap()
	t.Logf("%d connections in %v: %d open, %d turned away, heap %d → %d KiB; a new client waits %v at most",
		connections, time.Since(begin).Round(time.Millisecond), got.Open, got.Refused, before>>10, after>>10, slowest.Round(time.Microsecond))
	if got.Open > uint64(defaultLimits().perClient)+1 || slowest > time.Second {
		t.Errorf("%d open, a new client waits %v", got.Open, slowest)
	}
}
