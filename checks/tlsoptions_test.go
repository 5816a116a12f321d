package checks

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

const day = 24 * time.Hour

func TestWhatIsWantedOfTLS(t *testing.T) {
	ca, clients := newAuthority(t, "test CA"), newAuthority(t, "clients' CA")
	// An authority that expires before what it has signed bounds it.
	ca.cert.NotAfter = time.Now().Add(1000 * day)
	root := sign(t, ca.cert, ca.cert, ca.key, ca.key)
	ca.pool.AddCert(root)
	ca.cert = root
	cert := ca.issue(t, -time.Hour, 10*day+time.Hour, "www.example.com")
	client := clients.issue(t, -time.Hour, day, "probe")
	page := says(answer("200 OK", "", "ok"))
	plain := &tls.Config{Certificates: []tls.Certificate{cert}}
	demanding := &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAnyClientCert}
	old := &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: tls.VersionTLS12}
	for _, test := range []struct {
		name    string
		server  *tls.Config
		change  func(*TLS)
		ok      bool
		want    string
		warning string
	}{
		{"more days than wanted", plain, func(s *TLS) { s.WarnDays, s.FailDays = 10, 3 }, true, "status 200", ""},
		{"days that are a warning", plain, func(s *TLS) { s.WarnDays, s.FailDays = 11, 10 }, true, "status 200", "TLS certificate expires in 10 days, on 2"},
		{"days that are a failure", plain, func(s *TLS) { s.WarnDays, s.FailDays = 30, 11 }, false, "TLS certificate expires in 10 days, wanted 11 days: on 2", ""},
		{"a version that is new enough", plain, func(s *TLS) { s.MinVersion = tls.VersionTLS13 }, true, "status 200", ""},
		{"a version that is too old", old, func(s *TLS) { s.MinVersion = tls.VersionTLS13 }, false, "TLS refused by the server: protocol version not supported", ""},
		{"a client certificate", demanding, func(s *TLS) { s.Client = &client }, true, "status 200", ""},
		{"no client certificate", demanding, func(*TLS) {}, false, "TLS refused by the server: certificate required", ""},
		{"no client certificate, TLS 1.2", &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12}, func(*TLS) {}, false, "TLS refused by the server: handshake failure", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			addr := serve(t, "127.0.0.1", overTLS(test.server, page))
			r := probe(t, "https://www.example.com:PORT/", addr, patience, func(p *HTTPProbe) {
				p.Roots = ca.pool
				test.change(&p.TLS)
			})
			if r.OK != test.ok || !strings.HasPrefix(r.Reason, test.want) || !strings.HasPrefix(r.Warning, test.warning) || (r.Warning == "") != (test.warning == "") {
				t.Errorf("got %v, %q, warning %q\nwant %v, %q, %q", r.OK, r.Reason, r.Warning, test.ok, test.want, test.warning)
			}
		})
	}
}

// A certificate that expires while it is watched: first well, then a failure that says when.
func TestACertificateThatExpiresWhileItIsWatched(t *testing.T) {
	ca := newAuthority(t, "test CA")
	cert := ca.issue(t, -time.Hour, 2*time.Second, "www.example.com")
	addr := serve(t, "127.0.0.1", overTLS(&tls.Config{Certificates: []tls.Certificate{cert}}, untilClosed))
	p := &TLSProbe{Address: addr, Name: "www.example.com"}
	p.Roots, p.WarnDays = ca.pool, 1
	if r := run(t, p, patience); !r.OK || !strings.HasPrefix(r.Warning, "TLS certificate expires in 0 days, on ") {
		t.Errorf("while it is valid: %+v", r)
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for begin := time.Now(); ; <-tick.C {
		r := run(t, p, patience)
		if !r.OK {
			if !strings.HasPrefix(r.Reason, "TLS certificate expired on ") {
				t.Errorf("afterwards: %+v", r)
			}
			return
		}
		if time.Since(begin) > 30*time.Second {
			t.Fatal("it never expires")
		}
	}
}

func TestTLSProbe(t *testing.T) {
	ca := newAuthority(t, "test CA")
	cert := ca.issue(t, -time.Hour, 100*day, "www.example.com")
	speaks := func(protocols ...string) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: protocols}
	}
	pong := func(c net.Conn) {
		buf := make([]byte, 64)
		n, _ := c.Read(buf)
		io.WriteString(c, "+PONG "+string(buf[:n]))
		untilClosed(c)
	}
	for _, test := range []struct {
		name   string
		config *tls.Config
		change func(*TLSProbe)
		ok     bool
		want   string
	}{
		{"a handshake", speaks(), func(*TLSProbe) {}, true, "TLS handshake done"},
		{"another name", speaks(), func(p *TLSProbe) { p.Name = "other.example.com" }, false, `TLS certificate is for www.example.com, not for "other.example.com"`},
		{"a protocol", speaks("h2", "http/1.1"), func(p *TLSProbe) { p.Protocols = []string{"acme-tls/1", "h2"} }, true, "TLS handshake done, protocol h2"},
		{"none of the protocols", speaks("h2"), func(p *TLSProbe) { p.Protocols = []string{"dot"} }, false, "TLS refused by the server: no application protocol"},
		{"a server that ignores protocols", speaks(), func(p *TLSProbe) { p.Protocols = []string{"dot"} }, false, `the server takes none of the offered protocols ["dot"]`},
		{"a talk", speaks(), func(p *TLSProbe) { p.Talk = Talk{"PING\r\n", "PONG"} }, true, `the answer contains "PONG"`},
		{"a talk that goes wrong", speaks(), func(p *TLSProbe) { p.Talk = Talk{"PING hunter2hunter2\n", "QONG"} }, false, `"QONG" was not said within 150ms; the answer begins with "+PONG PING …\n"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := &TLSProbe{Address: serve(t, "127.0.0.1", overTLS(test.config, pong)), Name: "www.example.com"}
			p.Roots = ca.pool
			test.change(p)
			limit := patience
			if strings.Contains(test.want, "150ms") {
				limit = hasty
			}
			if r := run(t, p, limit); r.OK != test.ok || r.Reason != test.want {
				t.Errorf("got %v, %q\nwant %v, %q", r.OK, r.Reason, test.ok, test.want)
			}
		})
	}
	chain := run(t, &TLSProbe{Address: serve(t, "127.0.0.1", overTLS(&tls.Config{Certificates: []tls.Certificate{{
		Certificate: [][]byte{cert.Certificate[0], ca.cert.Raw}, PrivateKey: cert.PrivateKey,
	}}}, untilClosed)), Name: "www.example.com", TLS: TLS{Roots: ca.pool}}, patience)
	if seen := strings.Join(chain.Seen, "\n"); !strings.Contains(seen, "chain: CN=test CA, of CN=test CA, expires 2") {
		t.Errorf("seen:\n%s", seen)
	}
}

func TestTalkOverTCP(t *testing.T) {
	smtp := func(c net.Conn) {
		io.WriteString(c, "220 mail.example.com ESMTP\r\n")
		untilClosed(c)
	}
	for _, test := range []struct {
		name string
		talk func(net.Conn)
		say  Talk
		ok   bool
		want string
	}{
		{"a server that speaks first", smtp, Talk{Expect: "220 "}, true, `the answer contains "220 "`},
		{"only sent", untilClosed, Talk{Send: "PING\r\n"}, true, "connected and sent"},
		{"the wrong greeting", smtp, Talk{Expect: "250 "}, false, `"250 " was not said within 150ms; the answer begins with "220 mail.example.com ESMTP\r\n"`},
		{"silence", untilClosed, Talk{Send: "PING", Expect: "PONG"}, false, `"PONG" was not said within 150ms; nothing came`},
		{"closed", func(c net.Conn) { c.Read(make([]byte, 10)) }, Talk{Send: "PING", Expect: "PONG"}, false, `closed the connection before "PONG" was said; nothing came`},
		{"half closed (fault 32)", func(c net.Conn) {
			io.WriteString(c, "+PO")
			c.(*net.TCPConn).CloseWrite()
			untilClosed(c)
		}, Talk{Send: "PING", Expect: "PONG"}, false, `closed the connection before "PONG" was said; the answer begins with "+PO"`},
		{"reset", func(c net.Conn) {
			c.Read(make([]byte, 10))
			resets(c)
		}, Talk{Send: "PING", Expect: "PONG"}, false, "connection reset (waited for an answer)"},
		{"in two parts", func(c net.Conn) {
			io.WriteString(c, "+PO")
			c.Read(make([]byte, 4))
			io.WriteString(c, "NG\r\n")
			untilClosed(c)
		}, Talk{Send: "PING", Expect: "PONG"}, true, `the answer contains "PONG"`},
		{"a flood", func(c net.Conn) {
			for err := error(nil); err == nil; {
				_, err = io.WriteString(c, strings.Repeat("x", 1000))
			}
		}, Talk{Expect: "PONG"}, false, `the answer does not contain "PONG" in its first 65536 bytes; the answer begins with "` + strings.Repeat("x", 32) + `"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			limit := patience
			if strings.Contains(test.want, "150ms") {
				limit = hasty
			}
			p := &TCPProbe{Address: serve(t, "127.0.0.1", test.talk), Talk: test.say}
			if r := run(t, p, limit); r.OK != test.ok || r.Reason != test.want {
				t.Errorf("got %v, %q\nwant %v, %q", r.OK, r.Reason, test.ok, test.want)
			}
		})
	}
	secret, other := &TCPProbe{Talk: Talk{Send: "AUTH hunter2"}}, &TCPProbe{Talk: Talk{Send: "AUTH hunter3"}}
	if secret.String() == other.String() || strings.Contains(secret.String()+Describe(secret), "hunter") || Describe(secret) != Describe(other) {
		t.Errorf("%s, in logs %s", secret, Describe(secret))
	}
}
