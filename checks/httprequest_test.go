package checks

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Peers' bugs 7, 12 and 31: what is dialled is the address, what is asked for is the URL.
func TestTheRequestIsForTheURLAtTheAddress(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	for _, test := range []struct {
		name, at, raw, host, uri string
		change                   func(*HTTPProbe)
		headers                  map[string]string
	}{
		{"a name that nobody resolves", "127.0.0.1", nowhere, "www.does-not-exist.invalid:PORT", "/healthz", nil, map[string]string{
			"User-Agent": userAgent, "Connection": "close", "Accept-Encoding": "", "Authorization": "",
		}},
		{"a path and a query", "127.0.0.1", "http://a.invalid:PORT/a%2Fb?c=d", "a.invalid:PORT", "/a%2Fb?c=d", nil, nil},
		{"an IPv4 literal", "127.0.0.1", "http://127.0.0.1:PORT", "127.0.0.1:PORT", "/", nil, nil},
		{"an IPv6 literal with port", "::1", "http://[::1]:PORT/x", "[::1]:PORT", "/x", nil, nil},
		{"an IPv6 literal other than the address", "::1", "http://[2001:db8::1]:PORT/x", "[2001:db8::1]:PORT", "/x", nil, nil},
		{
			"headers of one's own", "127.0.0.1", nowhere, "other.invalid", "/healthz",
			func(p *HTTPProbe) {
				p.Headers = http.Header{"Host": {"other.invalid"}, "User-Agent": {"curl/8"}, "X-Token": {"hunter2"}}
			},
			map[string]string{"User-Agent": "curl/8", "X-Token": "hunter2"},
		},
		{
			"a user in the URL", "127.0.0.1", "http://joe:secret@a.invalid:PORT/", "a.invalid:PORT", "/", nil,
			map[string]string{"Authorization": "Basic am9lOnNlY3JldA=="},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := make(chan *http.Request, 1)
			addr := serve(t, test.at, func(conn net.Conn) {
				got <- readRequest(conn)
				io.WriteString(conn, answer("200 OK", "", ""))
			})
			if r := probe(t, test.raw, addr, patience, test.change); !r.OK {
				t.Fatalf("%+v", r)
			}
			req := <-got
			if want := strings.Replace(test.host, "PORT", fmt.Sprint(addr.Port()), 1); req.Host != want {
				t.Errorf("host %q, want %q", req.Host, want)
			}
			if req.RequestURI != test.uri || req.Method != http.MethodGet {
				t.Errorf("request %s %s", req.Method, req.RequestURI)
			}
			for name, want := range test.headers {
				if got := req.Header.Get(name); got != want {
					t.Errorf("header %s: %q, want %q", name, got, want)
				}
			}
		})
	}
}

func TestTheDefaultPortIsTheSchemes(t *testing.T) {
	for raw, want := range map[string]string{
		"http://a.invalid/":            "127.0.0.1:80",
		"https://a.invalid/":           "127.0.0.1:443",
		"https://a.invalid:8443/":      "127.0.0.1:8443",
		"https://[2001:db8::1]/":       "127.0.0.1:443",
		"https://[2001:db8::1]:8443/x": "127.0.0.1:8443",
	} {
		p := &HTTPProbe{URL: parseURL(t, raw, netip.AddrPort{}), Address: netip.MustParseAddr("127.0.0.1")}
		if got := p.dialled(p.URL).String(); got != want {
			t.Errorf("%s: dials %s, want %s", raw, got, want)
		}
	}
}

func TestAHeadRequestHasNoBodyToWaitFor(t *testing.T) {
	addr := serve(t, "127.0.0.1", func(conn net.Conn) {
		if readRequest(conn).Method == http.MethodHead {
			io.WriteString(conn, answer("200 OK", "Content-Length: 100\r\n", ""))
		}
		untilClosed(conn)
	})
	if r := probe(t, nowhere, addr, patience, func(p *HTTPProbe) { p.Method = http.MethodHead }); !r.OK {
		t.Errorf("%+v", r)
	}
}

func TestEveryProbeHasItsOwnConnectionAndClosesIt(t *testing.T) {
	var accepted atomic.Int32
	closed := make(chan error, 3)
	addr := serve(t, "127.0.0.1", func(conn net.Conn) {
		accepted.Add(1)
		readRequest(conn)
		io.WriteString(conn, answer("200 OK", "Content-Length: 2\r\nConnection: keep-alive\r\n", "ok"))
		conn.SetReadDeadline(time.Now().Add(patience))
		_, err := conn.Read(make([]byte, 1))
		closed <- err
	})
	for range 3 {
		if r := probe(t, nowhere, addr, patience, func(p *HTTPProbe) { p.Body.Contains = "ok" }); !r.OK {
			t.Fatalf("%+v", r)
		}
		if err := <-closed; !errors.Is(err, io.EOF) {
			t.Errorf("the server sees %v, want the end of the connection", err)
		}
	}
	if n := accepted.Load(); n != 3 {
		t.Errorf("%d connections for 3 probes", n)
	}
}
