package e2e

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// dialFrom connects from one of the addresses of loopback.
func dialFrom(from, to string) (*net.TCPConn, error) {
	d := net.Dialer{Timeout: patience, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(from), 0))}
	c, err := d.Dial("tcp", to)
	if err != nil {
		return nil, err
	}
	return c.(*net.TCPConn), nil
}

// holdIdle opens connections from many networks, and holds them until the test ends.
func holdIdle(t *testing.T, to string, n int) {
	t.Helper()
	from := networks(200)
	for i := range n {
		c, err := dialFrom(from[i%len(from)], to)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
	}
}

// framed puts its length before a message.
func framed(message []byte) []byte {
	return append([]byte{byte(len(message) >> 8), byte(len(message))}, message...)
}

// crowd holds the connections that it opened last; those before are reset.
type crowd struct {
	held []*net.TCPConn
	next int
}

func (c *crowd) add(conn *net.TCPConn) {
	if old := c.held[c.next]; old != nil {
		_ = old.SetLinger(0)
		old.Close()
	}
	c.held[c.next] = conn
	c.next = (c.next + 1) % len(c.held)
}

func (c *crowd) close() {
	for range c.held {
		c.add(nil)
	}
}

// TestFlood61Connections (7 too) opens 20,000 idle connections, 5,000 that send a query octet by octet, 5,000 that never read what they ask
// for, and 5,000 that close at once. All the while a new client is answered over TCP within a second.
func TestFlood61Connections(t *testing.T) {
	long := strings.Repeat(" \""+strings.Repeat("x", 250)+"\"", 200)
	s := newServer(t, twoTargets, "huge TXT"+long+"\n").start()
	slow, greedy := framed(packed(t, "www.example.test", dns.TypeA))[:20], []byte(strings.Repeat(string(framed(packed(t, "huge.example.test", dns.TypeTXT))), 100))
	from := networks(400)
	var turn int
	for _, kind := range []struct {
		name  string
		count int
		held  int
		with  func(*net.TCPConn)
	}{
		{"idle", 20_000, 2000, func(*net.TCPConn) {}},
		{"slow writers", 5000, 2000, func(c *net.TCPConn) {
			_, _ = c.Write(slow[:1+turn%len(slow)])
		}},
		{"never readers", 5000, 500, func(c *net.TCPConn) {
			_ = c.SetReadBuffer(1 << 10)
			_, _ = c.Write(greedy)
		}},
		{"connect and close", 5000, 1, func(*net.TCPConn) {}},
	} {
		held := crowd{held: make([]*net.TCPConn, kind.held)}
		begin, slowest, asked := time.Now(), time.Duration(0), 0
		for i := range kind.count {
			turn++
			c, err := dialFrom(from[turn%len(from)], s.dns)
			if err != nil {
				t.Fatal(err)
			}
			kind.with(c)
			held.add(c)
			if i%250 == 249 {
				took := newTCPQuery(t, s.dns)
				slowest, asked = max(slowest, took), asked+1
			}
		}
		took := time.Since(begin)
		if kind.name == "never readers" {
			s.wait("slow readers are cut", func() bool { return s.series()[`dnsfailover_tcp_connections_cut_total{reason="slow_reader"}`] > 0 })
		}
		got := s.series()
		now, most := s.resident()
		t.Logf("%d %s in %v: %v open, %v refused, %v cut; resident %d KiB, at most %d; of %d new clients none waited longer than %v", kind.count, kind.name,
			took.Round(time.Millisecond), got["dnsfailover_tcp_connections"], got["dnsfailover_tcp_connections_refused_total"],
			sum(got, "dnsfailover_tcp_connections_cut_total"), now, most, asked, slowest.Round(100*time.Microsecond))
		if slowest > time.Second || got["dnsfailover_tcp_connections"] > 1001 {
			t.Errorf("%s: a new client waited %v, %v connections are open", kind.name, slowest, got["dnsfailover_tcp_connections"])
		}
		held.close()
	}
	if sum(s.series(), "dnsfailover_tcp_connections_refused_total") == 0 {
		t.Error("none was refused: the test has not tested that")
	}
	s.wait("all connections are gone", func() bool { return s.series()["dnsfailover_tcp_connections"] == 0 })
	s.alive()
}

// newTCPQuery returns how long a new client waits for its answer.
func newTCPQuery(t *testing.T, address string) time.Duration {
	t.Helper()
	begin := time.Now()
	c, err := dialFrom("127.98.0.1", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Write(framed(packed(t, "www.example.test", dns.TypeA))); err != nil {
		t.Fatal(err)
	}
	var length [2]byte
	if _, err := io.ReadFull(c, length[:]); err != nil {
		t.Fatal(err)
	}
	return time.Since(begin)
}

// TestFlood64Handshakes (8 too) breaks off 10,000 TLS handshakes, at every place where that can be done, and sends records that
// no server has to take. Others are answered.
func TestFlood64Handshakes(t *testing.T) {
	s := newServer(t, twoTargets, "")
	writeCertificate(t, s.dir)
	s.listenToo(`tls: {addresses: ["127.0.0.1:0"], certificate: cert.pem, key: key.pem}, `)
	s.start()
	found := listeningTLS.FindStringSubmatch(s.String())
	if found == nil {
		t.Fatalf("no address for TLS in the log:\n%s", s.Process)
	}
	at := found[1]
	hello := clientHello(t)
	goroutines := s.series()["go_goroutines"]
	from := networks(400)
	// A resolver tries again: in the crowd it may be the one that has waited for longest.
	answered := func() (tries int) {
		t.Helper()
		client := dns.Client{Net: "tcp-tls", Timeout: patience, TLSConfig: &tls.Config{InsecureSkipVerify: true}}
		for tries = 1; ; tries++ {
			answer, _, err := client.Exchange(new(dns.Msg).SetQuestion("www.example.test.", dns.TypeA), at)
			if err == nil && len(answer.Answer) == 1 {
				return tries
			}
			if tries == 5 {
				t.Fatalf("over TLS: %v: %v", err, answer)
			}
		}
	}
	g := s.newGoodClient("127.99.0.4")
	used, begin := s.processor(), time.Now()
	const aborted = 10_000
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for i := worker; i < aborted; i += 4 {
				c, err := dialFrom(from[i%len(from)], at)
				if err != nil {
					t.Error(err)
					return
				}
				switch i % 10 {
				case 0: // as far as the server's part of the handshake
					_, _ = c.Write(hello)
					_, _ = c.Read(make([]byte, 1))
				case 1: // a record of 64 KiB
					_, _ = c.Write(append([]byte{22, 3, 3, 0xFF, 0xFF}, make([]byte, 0xFFFF)...))
				case 2: // something else
					_, _ = c.Write([]byte("GET / HTTP/1.1\r\nHost: example.test\r\n\r\n"))
				default:
					_, _ = c.Write(hello[:i%len(hello)])
				}
				if i%3 == 0 {
					_ = c.SetLinger(0)
				}
				c.Close()
			}
		})
	}
	aborting := make(chan struct{})
	go func() {
		group.Wait()
		close(aborting)
	}()
	others, tries := 0, 0
	for done := false; !done; others++ {
		tries += answered()
		select {
		case <-aborting:
			done = true
		case <-time.After(20 * time.Millisecond):
		}
	}
	g.stop()
	got := s.series()
	t.Logf("%d handshakes broken off in %v, %v of processor time; %v counted as failed, %v refused; %d others over TLS were answered in %d tries; a good client: %v", aborted,
		time.Since(begin).Round(time.Millisecond), s.processor()-used, got["dnsfailover_tls_handshake_failures_total"], got["dnsfailover_tcp_connections_refused_total"], others, tries, g)
	s.wait("nothing is left of them", func() bool {
		got := s.series()
		return got["dnsfailover_tcp_connections"] == 0 && got["go_goroutines"] <= goroutines+5
	})
	if n := s.series(); n["dnsfailover_tls_handshake_failures_total"] < aborted*9/10 {
		t.Errorf("%v handshakes count as failed", n["dnsfailover_tls_handshake_failures_total"])
	}
	renegotiate(t, at)
	answered()
	g.served(t)
	s.alive()
}

// clientHello returns the first message of a TLS client.
func clientHello(t *testing.T) []byte {
	t.Helper()
	client, server := net.Pipe()
	defer server.Close()
	go func() {
		_ = tls.Client(client, &tls.Config{InsecureSkipVerify: true}).HandshakeContext(context.Background())
	}()
	buffer := make([]byte, 1<<14)
	n, err := server.Read(buffer)
	if err != nil {
		t.Fatal(err)
	}
	return buffer[:n]
}

// renegotiate wants of a TLS 1.2 server what it must refuse: a second handshake in the middle of a connection.
func renegotiate(t *testing.T, address string) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	// The record layer of crypto/tls can't be told to send a handshake message, so the hello goes into a record of its own, in clear text:
	// a server that takes it is as wrong as one that renegotiates.
	secure := tls.Client(c, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12})
	if err := secure.Handshake(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(clientHello(t)); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("a second hello did not end the connection")
	}
}
