package checks

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// web runs a real HTTP server, over TLS if config is not nil, that speaks HTTP/2 if it is told to.
func web(t testing.TB, config *tls.Config, http2 bool, handler http.HandlerFunc) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!http2)
	protocols.SetHTTP2(http2)
	protocols.SetUnencryptedHTTP2(http2)
	server := &http.Server{Handler: handler, TLSConfig: config, Protocols: protocols}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if config != nil {
			server.ServeTLS(l, "", "")
		} else {
			server.Serve(l)
		}
	}()
	t.Cleanup(func() {
		server.Close()
		<-done
	})
	return netip.MustParseAddrPort(l.Addr().String())
}

func TestHTTP2OverTLSAndInTheClear(t *testing.T) {
	ca := newAuthority(t, "test CA")
	cert := ca.issue(t, -time.Hour, 100*time.Hour, "www.example.com")
	var seen atomic.Pointer[http.Request]
	var body atomic.Value
	handler := func(w http.ResponseWriter, r *http.Request) {
		seen.Store(r)
		sent, _ := io.ReadAll(r.Body)
		body.Store(string(sent))
		io.WriteString(w, "all is ok")
	}
	encrypted := web(t, &tls.Config{Certificates: []tls.Certificate{cert}}, true, handler)
	clear := web(t, nil, true, handler)
	change := func(p *HTTPProbe) {
		p.HTTP2, p.Roots, p.Body.Contains = true, ca.pool, "ok"
		p.Method, p.Payload, p.Headers = "POST", "how are you?", http.Header{"X-Token": {"hunter2hunter2"}}
	}
	for raw, addr := range map[string]netip.AddrPort{"https://www.example.com:PORT/a?b=c": encrypted, "http://www.example.com:PORT/a?b=c": clear} {
		r := probe(t, raw, addr, patience, change)
		if !r.OK || r.Reason != `status 200, body contains "ok"` {
			t.Errorf("%s: %+v", raw, r)
			continue
		}
		got := seen.Load()
		if got.ProtoMajor != 2 || got.Method != "POST" || got.RequestURI != "/a?b=c" || !strings.HasPrefix(got.Host, "www.example.com:") || got.Header.Get("X-Token") == "" || body.Load() != "how are you?" {
			t.Errorf("%s: the request was %+v with %q", raw, got, body.Load())
		}
		var names []string
		for _, p := range r.Phases {
			names = append(names, p.Name)
		}
		if got := strings.Join(names, ", "); got != "dial, tls, headers, body" && got != "dial, headers, body" {
			t.Errorf("phases %s", got)
		}
		if !strings.Contains(strings.Join(r.Seen, "\n"), "status line: HTTP/2.0 200 OK") {
			t.Errorf("seen: %q", r.Seen)
		}
	}
	for name, test := range map[string]struct {
		raw  string
		addr netip.AddrPort
		want string
	}{
		"HTTP/1.1 only, over TLS":        {"https://www.example.com:PORT/", web(t, &tls.Config{Certificates: []tls.Certificate{cert}}, false, handler), "TLS refused by the server: no application protocol"},
		"HTTP/1.1 only, in the clear":    {"http://www.example.com:PORT/", serve(t, "127.0.0.1", func(c net.Conn) { io.WriteString(c, answer("400 Bad Request", "", "")); untilClosed(c) }), "the server speaks HTTP/1.1 only, not HTTP/2"},
		"a server without ALPN":          {"https://www.example.com:PORT/", serve(t, "127.0.0.1", overTLS(&tls.Config{Certificates: []tls.Certificate{cert}}, untilClosed)), "the server does not speak HTTP/2: it ignores the offer in the TLS handshake"},
		"the connection is just closed":  {"http://www.example.com:PORT/", serve(t, "127.0.0.1", func(c net.Conn) { c.(*net.TCPConn).CloseWrite(); untilClosed(c) }), "closed the connection without an answer"},
		"something that isn't HTTP/2":    {"http://www.example.com:PORT/", serve(t, "127.0.0.1", func(c net.Conn) { io.WriteString(c, strings.Repeat("SSH-2.0-OpenSSH_9.2\r\n", 10)); untilClosed(c) }), `not an HTTP/2 answer, it begins with "SSH-2.0-OpenSSH_9.2\r\n`},
		"a header list that is too long": {"http://www.example.com:PORT/", web(t, nil, true, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 80<<10)) }), "headers larger than 64 KiB, or badly compressed"},
		"a status that is not wanted":    {"http://www.example.com:PORT/", web(t, nil, true, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }), "status 503, wanted 200-299"},
	} {
		t.Run(name, func(t *testing.T) {
			if r := probe(t, test.raw, test.addr, patience, change); r.OK || !strings.HasPrefix(r.Reason, test.want) {
				t.Errorf("%+v\nwant %s", r, test.want)
			}
		})
	}
}

func TestHTTP2EndsAtItsDeadline(t *testing.T) {
	begun := make(chan struct{}, 10)
	hang := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			io.WriteString(w, "x")
			w.(http.Flusher).Flush()
		}
		begun <- struct{}{}
		<-r.Context().Done()
	}
	addr := web(t, nil, true, hang)
	for path, want := range map[string]string{
		"/headers": "no complete answer within 150ms (waited for the headers)",
		"/body":    "no complete answer within 150ms (waited for the body)",
	} {
		r := probe(t, "http://a.invalid:PORT"+path, addr, hasty, func(p *HTTPProbe) { p.HTTP2, p.Body.Contains = true, "ok" })
		if r.OK || r.Reason != want || r.Took > hasty+5*time.Second {
			t.Errorf("%s: %+v", path, r)
		}
	}
	silent := serve(t, "127.0.0.1", untilClosed)
	if r := probe(t, nowhere, silent, hasty, func(p *HTTPProbe) { p.HTTP2 = true }); r.OK || r.Reason != "no complete answer within 150ms (waited for the headers)" {
		t.Errorf("a silent peer: %+v", r)
	}
}
