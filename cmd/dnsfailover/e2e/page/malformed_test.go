package page

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestMalformedBodiesAreTheClientsFault passes on bodies that aren't framed as they should be. The site is well: who sent them is told so, and neither the
// log nor the metrics blame the site.
func TestMalformedBodiesAreTheClientsFault(t *testing.T) {
	t.Parallel()
	site := origin(t, func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			_, _ = io.WriteString(w, "whole")
		}
	})
	h := begin(t, listen+`hosts: [{names: [www.example.com], normally: primary, primary: {addresses: ["`+site+`"]}}]`, nil)
	began := len(h.String()) // it may say at the start what this host lacks
	const head = "POST /a HTTP/1.1\r\nHost: www.example.com\r\n"
	malformed := []string{
		head + "Transfer-Encoding: chunked\r\n\r\nZZ\r\nabc\r\n",
		head + "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
		head + "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
		head + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
	}
	const rounds = 20
	for range rounds {
		for _, request := range malformed {
			resp, body := exchange(t, h.http, request)
			if resp.StatusCode != 400 || resp.Header.Get("Dnsfailover-Page") != "malformed" || resp.Header.Get("Cache-Control") != "no-store" || !resp.Close || !strings.HasPrefix(body, "The body of this request can't be read: ") {
				t.Fatalf("%q: %s %v %q", request, resp.Status, resp.Header, body)
			}
		}
	}
	if resp, body := exchange(t, h.http, head+"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n"); body != "whole" {
		t.Errorf("a good body: %s %q", resp.Status, body)
	}
	metrics := curl(t, "http://"+h.admin+"/metrics").body
	for _, line := range []string{
		`dnsfailover_page_requests_total{form="malformed",site="www.example.com",status="4xx"} 80`, `dnsfailover_page_requests_total{form="text",site="www.example.com",status="503"} 0`,
	} {
		if !strings.Contains(metrics, line+"\n") {
			t.Errorf("%s isn't in\n%s", line, metrics)
		}
	}
	if strings.Contains(h.String()[began:], "level=WARN") {
		t.Errorf("the log says of %d requests:\n%.2000s", rounds*len(malformed), h)
	}
}

// exchange sends a request, and reads what is answered until the connection ends.
func exchange(t *testing.T, address, request string) (resp *http.Response, body string) {
	t.Helper()
	c := dial(t, address, "")
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatalf("%q: %v", request, err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp, string(b)
}

// TestStrangersDontFillTheLog asks, often, for what a primary fails at, and a primary says what was not asked for: the log keeps its shape, and is short.
func TestStrangersDontFillTheLog(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				req, err := http.ReadRequest(bufio.NewReader(c))
				if err != nil || req.URL.Path == "/fails" {
					return
				}
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
			}()
		}
	}()
	h := &host{t: t, dir: t.TempDir()}
	write(t, h.dir, "page.yaml", listen+`hosts: [{names: [www.example.com], normally: primary, primary: {addresses: ["`+l.Addr().String()+`"]}}]`)
	h.run(h.command("page", "--config", "page.yaml", "--log-level", "debug"))
	const more = "Unsolicited response"
	for range 50 {
		if r := curl(t, "-H", "Host: www.example.com", "http://"+h.http+"/"); r.body != "ok" {
			t.Fatalf("the site: %s %q", r.status, r.body)
		}
		if r := curl(t, "-H", "Host: www.example.com", "http://"+h.http+"/fails"); r.status != "503" {
			t.Fatalf("a site that fails: %s", r.status)
		}
	}
	eventually(t, "what Go's own log is told is in the log", func() bool { return strings.Contains(h.String(), more) })
	for line := range strings.Lines(h.String()) {
		if !strings.HasPrefix(line, "time=") || strings.Contains(line, more) && !strings.Contains(line, "level=DEBUG") {
			t.Errorf("a line of the log: %s", line)
		}
	}
	if n := strings.Count(h.String(), `msg="upstream failed"`); n < 1 || n > 5 {
		t.Errorf("50 failures in a row are %d lines, not about one", n)
	}
}
