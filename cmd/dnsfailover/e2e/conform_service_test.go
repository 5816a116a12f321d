package e2e

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestConformFailover looks at everything around a failover but the addresses, which are for others: names and types stay (282), the serial
// stays (285), an operator wins over probes and over a restart (283). What happens when all targets are down is in TestFault41AllDown (280),
// that no answer mixes two states in TestFault18ReloadUnderLoad (281), and what is unknown in the tests of restarts (284).
func TestConformFailover(t *testing.T) {
	t.Parallel()
	a, b := newSite(t), newSite(t)
	s := newServer(t, quick+web(plain, a, b), "www TXT here\nalias CNAME www\n")
	s.start()
	for _, name := range []string{"primary", "backup"} {
		s.verdict("web", name, "up")
	}
	around := func() (all string) {
		t.Helper()
		for _, q := range []dns.Question{
			{Name: "www.example.test", Qtype: dns.TypeAAAA},
			{Name: "www.example.test", Qtype: dns.TypeTXT},
			{Name: "www.example.test", Qtype: dns.TypeMX},
			{Name: "example.test", Qtype: dns.TypeSOA},
			{Name: "no.www.example.test", Qtype: dns.TypeA},
			{Name: "alias.example.test", Qtype: dns.TypeCNAME},
		} {
			answer := s.ask(q.Name, q.Qtype)
			if answer == nil {
				t.Fatalf("no answer for %v", q)
			}
			answer.Id = 0
			for _, rr := range answer.Ns {
				rr.Header().Ttl = 0 // that of a missing family shrinks with the one of its addresses
			}
			all += answer.String()
		}
		return all
	}
	before := around()
	unchanged := func(when string) {
		t.Helper()
		if got := around(); got != before {
			t.Errorf("%s:\n%s\nbefore:\n%s", when, got, before)
		}
	}
	a.becomes("stopped")
	s.serves("www.example.test", b.ip)
	unchanged("282 285: on the backup")
	s.verdict("web", "primary", "down")
	s.must("switch", "web", "primary", "--until-released", "--force")
	s.serves("alias.example.test", a.ip)
	s.Kill()
	s.start()
	if got, _ := s.addresses("www.example.test", dns.TypeA); got != a.ip {
		t.Errorf("283: after a restart www is %s", got)
	}
	unchanged("282 285: switched by an operator, after a restart")
}

// TestConformStreams holds what TCP and TLS owe (221, 222, 224 to 229, 231).
func TestConformStreams(t *testing.T) {
	t.Parallel()
	s := newServer(t, twoTargets, "big TXT"+strings.Repeat(" "+strings.Repeat("x", 250), 230)+"\n")
	writeCertificate(t, s.dir)
	s.listenToo(`tls: {addresses: ["127.0.0.1:0"], certificate: cert.pem, key: key.pem}, `)
	s.start()
	secure := listeningTLS.FindStringSubmatch(s.String())[1]
	query := packed(t, "www.example.test", dns.TypeA)
	exchange := func(c net.Conn, message []byte) *dns.Msg {
		t.Helper()
		_ = c.SetDeadline(time.Now().Add(patience))
		if _, err := c.Write(framed(message)); err != nil {
			t.Fatal(err)
		}
		answer, err := (&dns.Conn{Conn: c}).ReadMsg()
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	open := func(address string) net.Conn {
		t.Helper()
		c, err := net.DialTimeout("tcp", address, patience)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	t.Run("221 one client may have several connections", func(t *testing.T) {
		var conns []net.Conn
		for range 20 {
			conns = append(conns, open(s.dns))
		}
		for range 2 {
			for i, c := range conns {
				if got := exchange(c, query); len(got.Answer) != 1 {
					t.Errorf("over connection %d: %v", i, got)
				}
			}
		}
	})
	t.Run("224 the kernel holds 200 connections that wait", func(t *testing.T) {
		s.Signal(syscall.SIGSTOP)
		var conns []net.Conn
		for range 200 {
			c, err := net.DialTimeout("tcp", s.dns, 5*time.Second)
			if err != nil {
				t.Errorf("after %d: %v", len(conns), err)
				break
			}
			defer c.Close()
			conns = append(conns, c)
		}
		s.Signal(syscall.SIGCONT)
		for i, c := range conns {
			if got := exchange(c, query); len(got.Answer) != 1 {
				t.Fatalf("connection %d: %v", i, got)
			}
		}
	})
	t.Run("225 the longest messages", func(t *testing.T) {
		m := new(dns.Msg).SetQuestion("big.example.test.", dns.TypeTXT).SetEdns0(1232, false)
		short, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_PADDING{Padding: make([]byte, dns.MaxMsgSize-len(short)-4)}}
		longest, err := m.Pack()
		if err != nil || len(longest) != dns.MaxMsgSize {
			t.Fatalf("%d octets: %v", len(longest), err)
		}
		for _, c := range []net.Conn{open(s.dns), tls.Client(open(secure), &tls.Config{InsecureSkipVerify: true})} {
			if got := exchange(c, longest); got.Rcode != dns.RcodeSuccess || len(got.Answer) != 1 || got.Truncated || got.Len() < 57_000 {
				t.Errorf("rcode %d, %d answers, %d octets", got.Rcode, len(got.Answer), got.Len())
			}
		}
	})
	t.Run("226 227 what TCP answers UDP does too", func(t *testing.T) {
		c := open(s.dns)
		for _, name := range []string{"www.example.test.", "example.test.", "nothing.example.test.", "example.org.", "big.example.test."} {
			for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeNS, dns.TypeTXT, dns.TypeSOA, dns.TypeANY, 65280} {
				m := new(dns.Msg).SetQuestion(name, qtype).SetEdns0(1232, true)
				over, _, err := (&dns.Client{Timeout: patience}).Exchange(m, s.dns)
				if err != nil {
					t.Fatal(err)
				}
				message, err := m.Pack()
				if err != nil {
					t.Fatal(err)
				}
				if stream := exchange(c, message); !over.Truncated && stream.String() != over.String() {
					t.Errorf("over UDP\n%v\nover TCP\n%v", over, stream)
				}
			}
		}
	})
	t.Run("228 ALPN is optional", func(t *testing.T) {
		for _, protocols := range [][]string{nil, {"dot"}} {
			c := tls.Client(open(secure), &tls.Config{InsecureSkipVerify: true, NextProtos: protocols})
			if got := exchange(c, query); len(got.Answer) != 1 {
				t.Errorf("with %q: %v", protocols, got)
			}
		}
	})
	t.Run("229 connections end with close_notify", func(t *testing.T) { // clients that break off are in TestFlood64Handshakes
		c := tls.Client(open(secure), &tls.Config{InsecureSkipVerify: true})
		exchange(c, query)
		if err := c.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) { // without the alert it were io.ErrUnexpectedEOF
			t.Errorf("the connection ends with %v", err)
		}
	})
	t.Run("231 TLS 1.2 at least", func(t *testing.T) { // certificates that change and expire are in TestCertificate… of dns_test.go
		old := tls.Client(open(secure), &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
		if err := old.Handshake(); err == nil {
			t.Error("TLS 1.1 is taken")
		}
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			c := tls.Client(open(secure), &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version})
			if got := exchange(c, query); len(got.Answer) != 1 {
				t.Errorf("with version %x: %v", version, got)
			}
		}
	})
	t.Run("222 idle connections are closed", func(t *testing.T) {
		c := open(s.dns)
		exchange(c, query)
		begin := time.Now()
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("the connection ends with %v", err)
		}
		if took := time.Since(begin); took < 5*time.Second || took > 40*time.Second {
			t.Errorf("after %v", took)
		}
	})
}

// TestConformNetworksInLog: what a client tells of its own clients is not written down (240).
func TestConformNetworksInLog(t *testing.T) {
	t.Parallel()
	s := newServer(t, twoTargets, "").start()
	for _, address := range []string{"203.0.113.0", "198.51.100.128"} {
		m := new(dns.Msg).SetQuestion("www.example.test.", dns.TypeA).SetEdns0(1232, false)
		m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: 25, Address: net.ParseIP(address)}}
		answer, _, err := new(dns.Client).Exchange(m, s.dns)
		if err != nil || len(answer.Answer) != 1 {
			t.Fatalf("%v, %v", answer, err)
		}
	}
	s.stop()
	for _, told := range []string{"203.0.113", "198.51.100"} {
		if strings.Contains(s.String(), told) {
			t.Errorf("the log tells of %s", told)
		}
	}
}
