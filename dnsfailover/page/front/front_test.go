package front

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

// begin runs a server that answers plain requests itself with "memory", and leaves to net/http what lies below /slow, and
// whatever isn't plain.
func begin(t testing.TB, limits Limits) (*Server, string) {
	t.Helper()
	def := Limits{Conns: 100, PerClient: 100, Head: 300 * time.Millisecond, Idle: time.Second, Life: time.Hour, HeadBytes: 8 << 10}
	if limits == (Limits{}) {
		limits = def
	}
	s := New(Options{
		Limits: limits, Log: quiet,
		Answer: func(out []byte, r *Request, end bool) ([]byte, bool, bool) {
			if bytes.HasPrefix(r.Target, []byte("/slow")) {
				return out, false, false
			}
			return append(out, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 6\r\n\r\nmemory"...), end, true
		},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "net/http %s %s", r.Method, OriginOf(r).Client)
		}),
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, []Listener{{Listener: l}}) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if n := s.Counters().Open; n != 0 {
			t.Errorf("%d connections are left", n)
		}
	})
	return s, l.Addr().String()
}

func dial(t testing.TB, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}

// exchange sends something and returns the body of the first answer.
func exchange(t *testing.T, address, request string) (int, string) {
	t.Helper()
	c := dial(t, address)
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatalf("%q: %v", request, err)
	}
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body)
}

func TestPlainRequestsAreAnsweredFromMemoryAndOthersByNetHTTP(t *testing.T) {
	_, address := begin(t, Limits{})
	for request, want := range map[string]string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n":                                                     "503 memory",
		"GET /?q HTTP/1.1\r\nhost: a\r\naccept: */*\r\nConnection: keep-alive\r\n\r\n":          "503 memory",
		"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n":                                                 "200 net/http GET 127.0.0.1",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc":                            "200 net/http POST 127.0.0.1",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n": "200 net/http POST 127.0.0.1",
		"GET / HTTP/1.0\r\nHost: a\r\n\r\n":                                                     "200 net/http GET 127.0.0.1",
		"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n":                                "200 net/http GET 127.0.0.1",
		"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n":                                             "200 net/http GET 127.0.0.1",
		"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n":                                                 "200 net/http OPTIONS 127.0.0.1",
		"GET / HTTP/1.1\r\nHost: a\r\nAccept: x\r\nAccept: y\r\n\r\n":                           "200 net/http GET 127.0.0.1",
		"GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", maxHead) + "\r\n\r\n":          "200 net/http GET 127.0.0.1",
		"GET / HTTP/1.1\r\n\r\n":                                                                "400 400 Bad Request: missing required Host header",
		"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n":                                          "400 400 Bad Request",
		"GET / HTTP/1.1\r\nHost : a\r\n\r\n":                                                    "400 400 Bad Request: missing required Host header",
		"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n":                                        "400 400 Bad Request",
		"GET / HTTP/9.1\r\nHost: a\r\n\r\n":                                                     "505 505 HTTP Version Not Supported: unsupported protocol version",
		"\x16\x03\x01\x02\x00\x01\r\n\r\n":                                                      "400 400 Bad Request",
		"GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 20<<10) + "\r\n\r\n":           "431 431 Request Header Fields Too Large",
	} {
		status, body := exchange(t, address, request)
		if got := fmt.Sprintf("%d %s", status, body); got != want {
			t.Errorf("%.60q: %q, want %q", request, got, want)
		}
	}
}

// TestRequestsThatComeTogetherAreAnsweredInOrder: those from memory too, before what net/http says.
func TestRequestsThatComeTogetherAreAnsweredInOrder(t *testing.T) {
	_, address := begin(t, Limits{})
	plain := "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	whole := plain + plain + "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n" + plain
	for i := range len(whole) { // in two parts, cut anywhere
		c := dial(t, address)
		_, _ = io.WriteString(c, whole[:i])
		_, _ = io.WriteString(c, whole[i:])
		in := bufio.NewReader(c)
		for j, want := range []string{"memory", "memory", "net/http GET 127.0.0.1", "net/http GET 127.0.0.1"} {
			resp, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatalf("cut at %d, answer %d: %v", i, j, err)
			}
			body, _ := io.ReadAll(resp.Body)
			if string(body) != want {
				t.Fatalf("cut at %d, answer %d: %q, want %q", i, j, body, want)
			}
		}
		c.Close()
	}
}

// ends returns how long it takes until the server closes the connection.
func ends(t *testing.T, c net.Conn) time.Duration {
	t.Helper()
	begun := time.Now()
	if _, err := io.Copy(io.Discard, c); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Error(err)
	}
	return time.Since(begun)
}

func TestWhoSaysNothingOrIsSlowIsLeft(t *testing.T) {
	_, address := begin(t, Limits{})
	idle := dial(t, address)
	slow := dial(t, address)
	_, _ = io.WriteString(slow, "GET / HTTP/1.1\r\nHost: a")
	ends(t, slow)
	ends(t, idle)
	served := dial(t, address)
	_, _ = io.WriteString(served, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	ends(t, served) // after the answer it is idle
}

func TestTooManyConnectionsAreRefused(t *testing.T) {
	s, address := begin(t, Limits{Conns: 5, PerClient: 3, Head: time.Minute, Idle: time.Minute, Life: time.Hour, HeadBytes: 8 << 10})
	for range 3 {
		c := dial(t, address)
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
	}
	if c, err := net.Dial("tcp", address); err == nil { // or it was reset in the very moment
		defer c.Close()
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("a fourth connection of one client was served")
		}
	}
	if c := s.Counters(); c.RefusedOfClient != 1 || c.Open != 3 {
		t.Errorf("%+v", c)
	}
}

func TestTheCensus(t *testing.T) {
	c := census{most: 3, mostOfOne: 2, each: map[netip.Addr]int{}}
	a, b := client(netip.MustParseAddr("2001:db8::1")), client(netip.MustParseAddr("2001:db8::ffff:2"))
	if a != b {
		t.Error("two addresses of a /64 are two clients")
	}
	if client(netip.MustParseAddr("::ffff:192.0.2.1")) != netip.MustParseAddr("192.0.2.1") {
		t.Error("an IPv4 address in IPv6 form is another client")
	}
	other := netip.MustParseAddr("192.0.2.1")
	for i, want := range []string{"", "", "client"} {
		if got := c.enter(a); got != want {
			t.Errorf("%d: %q", i, got)
		}
	}
	if c.enter(other) != "" || c.enter(netip.MustParseAddr("192.0.2.2")) != "all" {
		t.Error("in all")
	}
	c.leave(a)
	c.leave(a)
	c.leave(other)
	if c.open() != 0 || len(c.each) != 0 {
		t.Errorf("%+v is left", c.each)
	}
}

// FuzzParse holds what this package rests on: what is taken for plain, net/http reads as the same request, without a body.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD /x?y HTTP/1.1\r\nHost: a:80\r\nAccept: */*\r\nCookie: a=b\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX:\r\n\r\n",
		"GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		end := bytes.Index(data, []byte("\r\n\r\n"))
		if end < 0 {
			return
		}
		head := data[:end+4]
		var r Request
		if !r.parse(head) {
			return
		}
		got, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(head)))
		if err != nil {
			if strings.Contains(err.Error(), "invalid URL escape") || strings.Contains(err.Error(), "Host") || strings.Contains(err.Error(), "parse") {
				return // an odd target or host gets the notice here, and 400 there
			}
			t.Fatalf("net/http refuses %q: %v", head, err)
		}
		if (got.Method == "HEAD") != r.Head || got.RequestURI != string(r.Target) || got.Host != string(r.Host) && !strings.Contains(string(r.Target), "//") {
			t.Errorf("%q: %s %s of %s, net/http has %s %s of %s", head, map[bool]string{true: "HEAD", false: "GET"}[r.Head], r.Target, r.Host, got.Method, got.RequestURI, got.Host)
		}
		if got.ContentLength != 0 || len(got.TransferEncoding) > 0 || got.Header.Get("Upgrade") != "" || got.Header.Get("Expect") != "" {
			t.Errorf("%q has a body or more", head)
		}
		if accept := strings.Join(got.Header.Values("Accept"), ","); accept != string(r.Accept) {
			t.Errorf("%q: Accept %q, net/http has %q", head, r.Accept, accept)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	head := []byte("GET /some/path?x=y HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n" +
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: de,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\nConnection: keep-alive\r\n\r\n")
	var r Request
	b.ReportAllocs()
	for b.Loop() {
		if !r.parse(head) {
			b.Fatal("not plain")
		}
	}
}
