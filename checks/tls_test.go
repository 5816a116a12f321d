package checks

import (
	"crypto/tls"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Peers' bug 5, fault 35: the certificate is verified against the URL's host.
func TestTheCertificateIsVerified(t *testing.T) {
	ca, other := newAuthority(t, "our CA"), newAuthority(t, "somebody else")
	day := 24 * time.Hour
	pair := func(c tls.Certificate) *tls.Config { return &tls.Config{Certificates: []tls.Certificate{c}} }
	const stamp = `\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC`
	for _, test := range []struct {
		name, at, raw string
		config        *tls.Config
		ok            bool
		want          string // a regular expression
	}{
		{"a good certificate", "127.0.0.1", "https://www.example.com:PORT/", pair(ca.issue(t, -day, day, "www.example.com")), true, "status 200"},
		{"a wildcard", "127.0.0.1", "https://www.example.com:PORT/", pair(ca.issue(t, -day, day, "*.example.com")), true, "status 200"},
		{"an IPv4 literal", "127.0.0.1", "https://192.0.2.1:PORT/", pair(ca.issue(t, -day, day, "192.0.2.1")), true, "status 200"},
		{"an IPv6 literal", "::1", "https://[2001:db8::1]:PORT/x", pair(ca.issue(t, -day, day, "2001:db8::1")), true, "status 200"},
		{
			"an IPv6 literal that the certificate lacks", "::1", "https://[2001:db8::1]:PORT/x", pair(ca.issue(t, -day, day, "2001:db8::2")),
			false, `TLS certificate is for 2001:db8::2, not for "2001:db8::1"`,
		},
		{
			"expired", "127.0.0.1", "https://www.example.com:PORT/", pair(ca.issue(t, -2*day, -day, "www.example.com")),
			false, "TLS certificate expired on " + stamp,
		},
		{
			"not yet valid", "127.0.0.1", "https://www.example.com:PORT/", pair(ca.issue(t, day, 2*day, "www.example.com")),
			false, "TLS certificate is not valid before " + stamp,
		},
		{
			"for other names", "127.0.0.1", "https://www.example.com:PORT/", pair(ca.issue(t, -day, day, "a.example", "b.example")),
			false, `TLS certificate is for a\.example, b\.example, not for "www\.example\.com"`,
		},
		{
			"for no name", "127.0.0.1", "https://www.example.com:PORT/", pair(ca.issue(t, -day, day)),
			false, `TLS certificate is for no name, not for "www\.example\.com"`,
		},
		{
			"for many other names", "127.0.0.1", "https://www.example.com:PORT/",
			pair(ca.issue(t, -day, day, strings.Fields("a.x b.x c.x d.x e.x f.x g.x h.x i.x j.x")...)),
			false, `TLS certificate is for a.x, b.x, c.x, d.x, e.x, f.x, g.x, h.x and 2 more, not for "www\.example\.com"`,
		},
		{
			"from another authority", "127.0.0.1", "https://www.example.com:PORT/", pair(other.issue(t, -day, day, "www.example.com")),
			false, `TLS certificate is signed by an unknown authority, "CN=somebody else"`,
		},
		{
			"for the address instead of the name", "127.0.0.1", "https://www.example.com:PORT/", pair(ca.issue(t, -day, day, "127.0.0.1")),
			false, `TLS certificate is for 127\.0\.0\.1, not for "www\.example\.com"`,
		},
		{
			"TLS 1.0 only", "127.0.0.1", "https://www.example.com:PORT/",
			&tls.Config{Certificates: []tls.Certificate{selfSigned(t, "www.example.com")}, MaxVersion: tls.VersionTLS10}, false, "TLS refused by the server: .*",
		},
		{
			"a client certificate is demanded", "127.0.0.1", "https://www.example.com:PORT/",
			&tls.Config{Certificates: []tls.Certificate{ca.issue(t, -day, day, "www.example.com")}, ClientAuth: tls.RequireAnyClientCert},
			false, "TLS refused by the server: certificate required",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			talk := says(answer("200 OK", "", ""))
			addr := serve(t, test.at, overTLS(test.config, talk))
			r := probe(t, test.raw, addr, patience, func(p *HTTPProbe) { p.Roots = ca.pool })
			if r.OK != test.ok || !regexp.MustCompile("^(?:"+test.want+")$").MatchString(r.Reason) {
				t.Errorf("got %v, %q\nwant %v, %q", r.OK, r.Reason, test.ok, test.want)
			}
			if strings.HasPrefix(r.Reason, "TLS certificate") && len(r.Seen) != 4 {
				t.Errorf("the certificate that was refused is not shown: %q", r.Seen)
			}
		})
	}
}

func TestASelfSignedCertificateIsRefusedByTheSystemsRoots(t *testing.T) {
	cert := selfSigned(t, "www.example.com")
	addr := serve(t, "127.0.0.1", overTLS(&tls.Config{Certificates: []tls.Certificate{cert}}, says(answer("200 OK", "", ""))))
	r := probe(t, "https://www.example.com:PORT/", addr, patience, nil)
	if r.OK || r.Reason != "TLS certificate is signed by an unknown authority: by itself" {
		t.Errorf("%+v", r)
	}
}

func TestHandshakesThatComeToNothing(t *testing.T) {
	for _, test := range []struct {
		name string
		talk func(net.Conn)
		want string
	}{
		{"a server that does not speak TLS", func(conn net.Conn) {
			io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
			untilClosed(conn)
		}, "the server does not speak TLS on this port"},
		{"a server that closes", func(conn net.Conn) { io.CopyN(io.Discard, conn, 100) }, "closed the connection during the TLS handshake|connection reset during the TLS handshake"},
		{"a server that resets", func(conn net.Conn) {
			io.CopyN(io.Discard, conn, 100)
			resets(conn)
		}, "connection reset during the TLS handshake"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := probe(t, "https://a.invalid:PORT/", serve(t, "127.0.0.1", test.talk), patience, nil)
			if r.OK || !regexp.MustCompile("^(?:"+test.want+")$").MatchString(r.Reason) {
				t.Errorf("got %+v, want %q", r, test.want)
			}
		})
	}
}
