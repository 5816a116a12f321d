package checks

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"
)

const nowhere = "http://www.does-not-exist.invalid:PORT/healthz"

func answer(status, headers, body string) string {
	return "HTTP/1.1 " + status + "\r\n" + headers + "\r\n" + body
}

func TestHTTPProbeJudgesTheAnswer(t *testing.T) {
	wantOK := func(p *HTTPProbe) { p.Body.Contains = "ok" }
	for _, test := range []struct {
		name   string
		talk   func(net.Conn)
		change func(*HTTPProbe)
		ok     bool
		want   string
	}{
		{"a 200 is well", says(answer("200 OK", "Content-Length: 2\r\n", "ok")), nil, true, "status 200"},
		{"a 204 is well", says(answer("204 No Content", "", "")), nil, true, "status 204"},
		{"a 503 is not", says(answer("503 Service Unavailable", "Content-Length: 0\r\n", "")), nil, false, "status 503, wanted 200-299"},
		{
			"a status in the last of several ranges is well", says(answer("404 Not Found", "", "")),
			func(p *HTTPProbe) { p.Statuses = []StatusRange{{200, 204}, {404, 404}} }, true, "status 404",
		},
		{
			"a status between ranges is not", says(answer("301 Moved", "Location: /\r\n", "")),
			func(p *HTTPProbe) { p.Statuses = []StatusRange{{200, 204}, {404, 404}} }, false, "status 301, wanted 200-204, 404",
		},
		{"the body has the text", says(answer("200 OK", "Content-Length: 11\r\n", "all is ok.\n")), wantOK, true, `status 200, body contains "ok"`},
		{
			"the body lacks the text", says(answer("200 OK", "Content-Length: 5\r\n", "sorry")), wantOK, false,
			`body does not contain "ok" in its first 5 bytes`,
		},
		{
			"the text is beyond the first 64 KiB", says(answer("200 OK", "", strings.Repeat("x", maxBody-1)+"ok")), wantOK, false,
			`body does not contain "ok" in its first 65536 bytes`,
		},
		{
			"the text ends the first 64 KiB", says(answer("200 OK", "", strings.Repeat("x", maxBody-2)+"ok"+strings.Repeat("x", 10))),
			wantOK, true, `status 200, body contains "ok"`,
		},
		{
			"the text lies across two chunks", says(answer("200 OK", "Transfer-Encoding: chunked\r\n", "1\r\no\r\n1\r\nk\r\n0\r\n\r\n")),
			wantOK, true, `status 200, body contains "ok"`,
		},
		{
			"a compressed body is not decompressed",
			says(answer("200 OK", "Content-Encoding: gzip\r\nContent-Length: 4\r\n", "\x1f\x8b\x08\x00")), wantOK, false,
			`body does not contain "ok" in its first 4 bytes`,
		},
		{
			"the body is cut short", says(answer("200 OK", "Content-Length: 100\r\n", "half")), wantOK, false,
			"closed the connection in the middle of the body, after 4 bytes",
		},
		{
			"the text came before the body was cut short", says(answer("200 OK", "Content-Length: 100\r\n", "ok")), wantOK,
			true, `status 200, body contains "ok"`,
		},
		{
			"nobody wants the body that is cut short", says(answer("200 OK", "Content-Length: 100\r\n", "half")), nil,
			true, "status 200",
		},
		{
			"informational answers come first",
			says("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + answer("200 OK", "", "ok")),
			wantOK, true, `status 200, body contains "ok"`,
		},
		{"HTTP/1.0 is spoken too", says("HTTP/1.0 200 OK\r\n\r\nok"), wantOK, true, `status 200, body contains "ok"`},
		{"the connection is closed without an answer", says(""), nil, false, "closed the connection without an answer"},
		{
			"the headers are cut short", says("HTTP/1.1 200 OK\r\nServer: x"), nil, false,
			"closed the connection in the middle of the headers",
		},
		{"the status line is cut short", says("HTT"), nil, false, `malformed answer: HTTP response "HTT"`},
		{"it is no web server", says("SSH-2.0-OpenSSH_9.2\r\n"), nil, false, `not an HTTP answer, it begins with "SSH-2.0-OpenSSH_9.2\r\n"`},
		{
			"the status is no number", says("HTTP/1.1 fine OK\r\n\r\n"), nil, false,
			`malformed answer: HTTP status code "fine"`,
		},
		{
			"a header has no colon", says("HTTP/1.1 200 OK\r\nnonsense\r\n\r\n"), nil, false,
			`malformed answer: MIME header: missing colon: "nonsense"`,
		},
		{
			"the headers are oversized", says(answer("200 OK", "X: "+strings.Repeat("x", 2*maxHead)+"\r\n", "")), nil, false,
			"headers larger than 64 KiB",
		},
		{
			"informational answers never end", func(conn net.Conn) {
				for err := error(nil); err == nil; {
					_, err = io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\n")
				}
			}, nil, false, "headers larger than 64 KiB",
		},
		{
			"the endless body has the text", func(conn net.Conn) {
				readRequest(conn)
				io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\nok")
				for err := error(nil); err == nil; {
					_, err = io.WriteString(conn, "forever and ever ")
				}
			}, wantOK, true, `status 200, body contains "ok"`,
		},
		{
			"the endless body lacks the text", func(conn net.Conn) {
				readRequest(conn)
				io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
				for err := error(nil); err == nil; {
					_, err = io.WriteString(conn, "forever and ever ")
				}
			}, wantOK, false, `body does not contain "ok" in its first 65536 bytes`,
		},
		{
			"the connection is reset after the request", func(conn net.Conn) {
				readRequest(conn)
				resets(conn)
			}, nil, false, "connection reset (waited for the first byte)",
		},
		{
			"the connection is half closed within the body", func(conn net.Conn) {
				readRequest(conn)
				io.WriteString(conn, answer("200 OK", "Content-Length: 100\r\n", "half"))
				conn.(*net.TCPConn).CloseWrite()
			}, wantOK, false, "closed the connection in the middle of the body, after 4 bytes",
		},
		{
			"a URL that cannot be sent", says(answer("200 OK", "", "")), func(p *HTTPProbe) { p.URL.RawQuery = "a\x01" }, false,
			"the request cannot be sent: can't write control character in Request.URL",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			addr := serve(t, "127.0.0.1", test.talk)
			r := probe(t, nowhere, addr, patience, test.change)
			if r.OK != test.ok || r.Reason != test.want {
				t.Errorf("got %v, %q\nwant %v, %q", r.OK, r.Reason, test.ok, test.want)
			}
			// Peers' bug 2.
			if r.Took > 2*time.Second {
				t.Errorf("took %s", r.Took)
			}
		})
	}
}

func TestSearchFindsTextHoweverItArrives(t *testing.T) {
	for _, body := range []string{"ok", "xok", "xokx", strings.Repeat("o", 5000) + "ok", strings.Repeat("x", maxBody-2) + "ok"} {
		found, n, err := search(iotest.OneByteReader(strings.NewReader(body+"x")), "ok", maxBody)
		if !found || n != strings.Index(body, "ok")+2 || err != nil {
			t.Errorf("%d bytes: found %v after %d, %v", len(body), found, n, err)
		}
	}
	if found, n, _ := search(iotest.OneByteReader(strings.NewReader(strings.Repeat("x", maxBody-1)+"ok")), "ok", maxBody); found || n != maxBody {
		t.Errorf("beyond the limit: found %v after %d", found, n)
	}
}

// Peers' bug 6, fault 31.
func TestARedirectIsJudgedAndNotFollowed(t *testing.T) {
	var followed atomic.Int32
	elsewhere := serve(t, "127.0.0.1", func(net.Conn) { followed.Add(1) })
	addr := serve(t, "127.0.0.1", says(answer("302 Found", "Location: http://"+elsewhere.String()+"/?token=hunter2\r\n", "")))
	r := probe(t, nowhere, addr, patience, nil)
	if r.OK || r.Reason != "status 302, wanted 200-299" {
		t.Errorf("got %+v", r)
	}
	if !strings.Contains(strings.Join(r.Seen, "\n"), "Location: http://"+elsewhere.String()+"/") {
		t.Errorf("seen: %q", r.Seen)
	}
	if r = probe(t, nowhere, addr, patience, func(p *HTTPProbe) { p.Statuses = []StatusRange{{300, 399}} }); !r.OK {
		t.Errorf("with 3xx wanted: %+v", r)
	}
	if followed.Load() != 0 {
		t.Error("the redirect was followed")
	}
}

func TestPhasesAndFactsOfAnHTTPSProbe(t *testing.T) {
	ca := newAuthority(t, "test CA")
	cert := ca.issue(t, -time.Hour, time.Hour, "www.example.com", "::1")
	var sni atomic.Value
	config := &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		sni.Store(hello.ServerName)
		return &cert, nil
	}}
	page := answer("200 OK", "Server: nginx\u202e\r\nSet-Cookie: id=hunter2\r\nContent-Type: text/plain\r\n", "ok")
	addr := serve(t, "127.0.0.1", overTLS(config, says(page)))
	r := probe(t, "https://www.example.com:PORT/", addr, patience, func(p *HTTPProbe) { p.Roots, p.Body.Contains = ca.pool, "ok" })
	if !r.OK {
		t.Fatalf("%+v", r)
	}
	if sni.Load() != "www.example.com" {
		t.Errorf("SNI %q", sni.Load())
	}
	var names []string
	var sum time.Duration
	for _, p := range r.Phases {
		names, sum = append(names, p.Name), sum+p.Took
	}
	if got := strings.Join(names, ", "); got != "dial, tls, first byte, headers, body" || sum != r.Took {
		t.Errorf("phases %q of %s in %s", got, sum, r.Took)
	}
	seen := strings.Join(r.Seen, "\n")
	for _, want := range []string{
		"status line: HTTP/1.1 200 OK\nContent-Type: text/plain\nServer: nginx?\nSet-Cookie: …\nTLS: TLS 1.3, ",
		"certificate subject: CN=leaf\ncertificate issuer: CN=test CA\ncertificate names: www.example.com, ::1\ncertificate expires: 2",
	} {
		if !strings.Contains(seen, want) {
			t.Errorf("seen:\n%s\nwant in it:\n%s", seen, want)
		}
	}
	if strings.Contains(seen, "hunter2") {
		t.Errorf("a cookie is shown:\n%s", seen)
	}
}
