package front

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

// limits are for tests that aren't about them.
var limits = Limits{Conns: 1000, PerClient: 1000, Head: time.Minute, Idle: time.Minute, Write: time.Minute, Life: time.Hour, HeadBytes: 8 << 10}

// hurried are for tests that wait for their end.
var hurried = Limits{Conns: 100, PerClient: 100, Head: 300 * time.Millisecond, Idle: 500 * time.Millisecond, Write: 300 * time.Millisecond, Life: time.Hour, HeadBytes: 8 << 10}

// ways are how a server may have its connections.
var ways = map[string]struct{ portable, secure bool }{
	"loops": {}, "streams": {portable: true}, "TLS": {secure: true},
}

// eachWay runs a test over a server per way. It answers plain requests itself with "memory", and leaves to net/http what lies below
// /slow, and whatever isn't plain.
func eachWay(t *testing.T, limits Limits, test func(t *testing.T, s *Server, dial func() net.Conn)) {
	t.Helper()
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			s, address := begin(t, limits, way.portable, way.secure)
			test(t, s, func() net.Conn {
				t.Helper()
				c := dial(t, address)
				if way.secure {
					return tls.Client(c, &tls.Config{InsecureSkipVerify: true})
				}
				return c
			})
		})
	}
}

// certificate is for every secure server here.
var certificate = sync.OnceValue(func() tls.Certificate {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
})

func begin(t testing.TB, limits Limits, portable, secure bool) (*Server, string) {
	t.Helper()
	return beginWith(t, net.ListenConfig{}, limits, portable, secure)
}

func beginWith(t testing.TB, listening net.ListenConfig, limits Limits, portable, secure bool) (*Server, string) {
	t.Helper()
	s := New(Options{
		Limits: limits, Log: quiet, TLS: &tls.Config{Certificates: []tls.Certificate{certificate()}, NextProtos: []string{"h2", "http/1.1"}},
		Answer: func(out []byte, r *Request, end bool) ([]byte, bool, bool) {
			if bytes.HasPrefix(r.Target, []byte("/slow")) {
				return out, false, false
			}
			if bytes.HasPrefix(r.Target, []byte("/panic")) {
				panic("of an answer")
			}
			if bytes.HasPrefix(r.Target, []byte("/big")) {
				out = append(out, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 1000000\r\n\r\n"...)
				return append(out, make([]byte, 1_000_000)...), end, true
			}
			return append(out, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 6\r\n\r\nmemory"...), end, true
		},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/slow/panic":
				panic("of a handler")
			case "/slow/abort":
				panic(http.ErrAbortHandler)
			}
			if OriginOf(r).Old(time.Now()) {
				w.Header().Set("Connection", "close")
			}
			if r.URL.Path == "/slow/slow" {
				<-time.After(2 * hurried.Write)
			}
			fmt.Fprintf(w, "net/http %s %s", r.Method, OriginOf(r).Client)
		}),
	})
	s.portable = portable
	l, err := listening.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, []Listener{{Listener: l, Secure: secure}}) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		until(t, "nothing is open", func() bool { return s.Counters().Open == 0 }) // net/http doesn't wait for the last octet of TLS
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

// exchange sends something and returns the first answer.
func exchange(t *testing.T, c net.Conn, request string) (int, string) {
	t.Helper()
	go func() { _, _ = io.WriteString(c, request) }() // it may be longer than what is read
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatalf("%.60q: %v", request, err)
	}
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body)
}

const plain = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

func TestPlainRequestsAreAnsweredFromMemoryAndOthersByNetHTTP(t *testing.T) {
	eachWay(t, limits, func(t *testing.T, _ *Server, dial func() net.Conn) {
		for request, want := range map[string]string{
			plain: "503 memory",
			"GET /?q HTTP/1.1\r\nhost: a\r\naccept: */*\r\nConnection: keep-alive\r\n\r\n":          "503 memory",
			"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n":                                                 "200 net/http GET 127.0.0.1",
			"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc":                            "200 net/http POST 127.0.0.1",
			"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n": "200 net/http POST 127.0.0.1",
			"GET / HTTP/1.0\n\n":                                                           "200 net/http GET 127.0.0.1",
			"GET / HTTP/1.1\nHost: a\n\r\n":                                                "200 net/http GET 127.0.0.1",
			"\x16\x03\x01\x02\x00\x01\x00\x01\n":                                           "400 400 Bad Request",
			"GET / HTTP/1.0\r\nHost: a\r\n\r\n":                                            "200 net/http GET 127.0.0.1",
			"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n":                       "200 net/http GET 127.0.0.1",
			"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n":                                    "200 net/http GET 127.0.0.1",
			"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n":                                        "200 net/http OPTIONS 127.0.0.1",
			"GET / HTTP/1.1\r\nHost: a\r\nAccept: x\r\nAccept: y\r\n\r\n":                  "200 net/http GET 127.0.0.1",
			"GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", maxHead) + "\r\n\r\n": "200 net/http GET 127.0.0.1",
			"GET / HTTP/1.1\r\n\r\n":                                                       "400 400 Bad Request: missing required Host header",
			"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n":                                 "400 400 Bad Request",
			"GET / HTTP/1.1\r\nHost : a\r\n\r\n":                                           "400 400 Bad Request: missing required Host header",
			"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n":                               "400 400 Bad Request",
			"GET / HTTP/9.1\r\nHost: a\r\n\r\n":                                            "505 505 HTTP Version Not Supported: unsupported protocol version",
			"\x16\x03\x01\x02\x00\x01\r\n\r\n":                                             "400 400 Bad Request",
			"GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 20<<10) + "\r\n\r\n":  "431 431 Request Header Fields Too Large",
		} {
			status, body := exchange(t, dial(), request)
			if got := fmt.Sprintf("%d %s", status, body); got != want {
				t.Errorf("%.60q: %q, want %q", request, got, want)
			}
		}
	})
}

// TestRequestsThatComeTogetherAreAnsweredInOrder: those from memory too, before what net/http says.
func TestRequestsThatComeTogetherAreAnsweredInOrder(t *testing.T) {
	whole := plain + plain + "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n" + plain
	eachWay(t, limits, func(t *testing.T, _ *Server, dial func() net.Conn) {
		for i := range len(whole) { // in two parts, cut anywhere
			c := dial()
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
	})
}

// TestHeadsAsLongAsTheBuffer come in one piece, so that each read fills it and says nothing of what is left.
func TestHeadsAsLongAsTheBuffer(t *testing.T) {
	const times = 3 * 16
	head := "GET / HTTP/1.1\r\nHost: a\r\nX: "
	head += strings.Repeat("x", maxHead-len(head)-4) + "\r\n\r\n"
	eachWay(t, limits, func(t *testing.T, _ *Server, dial func() net.Conn) {
		c := dial()
		if _, err := io.WriteString(c, strings.Repeat(head, times)); err != nil {
			t.Fatal(err)
		}
		in := bufio.NewReader(c)
		for i := range times {
			if resp, err := http.ReadResponse(in, nil); err != nil || resp.StatusCode != 503 {
				t.Fatalf("answer %d: %v", i, err)
			} else if _, err := io.Copy(io.Discard, resp.Body); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestWhoIsServedIsKept, however long in all, up to the end of its life; one for whom a handler takes its time, too.
func TestWhoIsServedIsKept(t *testing.T) {
	eachWay(t, hurried, func(t *testing.T, s *Server, dial func() net.Conn) {
		c := dial()
		in := bufio.NewReader(c)
		for begun := time.Now(); time.Since(begun) < 3*hurried.Idle; {
			_, _ = io.WriteString(c, plain)
			resp, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
		}
		served(t, c, "GET /slow/slow HTTP/1.1\r\nHost: a\r\n\r\n", "net/http GET 127.0.0.1")
		if n := s.Counters().Open; n != 1 {
			t.Errorf("%d are open", n)
		}
	})
}

// TestTheOldAreAskedToLeave: a connection that is always busy would never see that the name points elsewhere.
func TestTheOldAreAskedToLeave(t *testing.T) {
	short := limits
	short.Life = time.Nanosecond
	eachWay(t, short, func(t *testing.T, _ *Server, dial func() net.Conn) {
		for _, request := range []string{plain, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"} {
			c := dial()
			_, _ = io.WriteString(c, request)
			if got, err := io.ReadAll(c); err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 ") {
				t.Errorf("%q: %v", got, err)
			}
		}
	})
}

// TestAnswersDoNotPileUp: those for what is read at once are sent before too many are made.
func TestAnswersDoNotPileUp(t *testing.T) {
	s, _ := begin(t, limits, false, false)
	b := &buffers{}
	b.n = copy(b.in[:], strings.Repeat("GET /big HTTP/1.1\r\nHost: a\r\n\r\n", 3))
	for i := range 3 {
		if next := s.respond(newConn(s, netip.Addr{}, nil), false, b, time.Now()); next != toRespond || len(b.out) > 1_100_000 {
			t.Errorf("%d: %d octets, then %d", i, len(b.out), next)
		}
		b.out = b.out[:0]
	}
}

// TestWhoIsBeingAnsweredMakesNoRoom: then a new one is refused.
func TestWhoIsBeingAnsweredMakesNoRoom(t *testing.T) {
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			s, address := begin(t, full, way.portable, way.secure)
			var conns []net.Conn
			for range full.Conns {
				c := dial(t, address)
				if way.secure {
					c = tls.Client(c, &tls.Config{InsecureSkipVerify: true})
				}
				_, _ = io.WriteString(c, "GET /slow/slow HTTP/1.1\r\nHost: a\r\n\r\n")
				conns = append(conns, c)
			}
			until(t, "all are busy", func() bool { return s.census.busy.len(s) == full.Conns })
			if c, err := net.Dial("tcp", address); err == nil {
				defer c.Close()
				_, _ = c.Read(make([]byte, 1))
			}
			if n := s.Counters().RefusedInAll; n != 1 {
				t.Errorf("%d were refused", n)
			}
			for _, c := range conns {
				if resp, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || resp.StatusCode != 200 {
					t.Error(err)
				}
			}
		})
	}
}

// TestAnswersThatDoNotFitIntoTheSocket arrive whole, in order, at a client that sends everything before it reads anything.
func TestAnswersThatDoNotFitIntoTheSocket(t *testing.T) {
	eachWay(t, limits, func(t *testing.T, _ *Server, dial func() net.Conn) {
		c := dial()
		const times = 20
		if _, err := io.WriteString(c, strings.Repeat("GET /big HTTP/1.1\r\nHost: a\r\n\r\n"+plain, times)); err != nil {
			t.Fatal(err)
		}
		in := bufio.NewReader(c)
		for i := range 2 * times {
			resp, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatalf("answer %d: %v", i, err)
			}
			n, err := io.Copy(io.Discard, resp.Body)
			if want := int64([]int{1_000_000, 6}[i%2]); n != want || err != nil {
				t.Fatalf("answer %d has %d octets, not %d: %v", i, n, want, err)
			}
		}
	})
}

// TestTheLastAnswerArrives: the client has asked for more by then, or has said that it asks no more.
func TestTheLastAnswerArrives(t *testing.T) {
	eachWay(t, limits, func(t *testing.T, _ *Server, dial func() net.Conn) {
		for _, rest := range []string{"", plain, "GET / HT", strings.Repeat(plain, 1000)} {
			c := dial()
			go func() { _, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"+rest) }()
			if got, err := io.ReadAll(c); !strings.HasSuffix(string(got), "memory") || strings.Count(string(got), "memory") != 1 {
				t.Errorf("%d octets behind the last request: %q %v", len(rest), got, err)
			}
		}
		c := dial()
		_, _ = io.WriteString(c, plain)
		if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(c); !strings.HasSuffix(string(got), "memory") || err != nil {
			t.Errorf("who asks no more gets %q %v", got, err)
		}
	})
}

// ends waits until the server closes the connection.
func ends(t *testing.T, c net.Conn) {
	t.Helper()
	if _, err := io.Copy(io.Discard, c); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Error(err)
	}
}

func TestWhoSaysNothingOrIsSlowIsLeft(t *testing.T) {
	eachWay(t, hurried, func(t *testing.T, _ *Server, dial func() net.Conn) {
		idle, slow, served, passed, deaf := dial(), dial(), dial(), dial(), dial()
		_, _ = io.WriteString(slow, "GET / HTTP/1.1\r\nHost: a")
		_, _ = io.WriteString(served, plain) // after the answer it is idle
		_, _ = io.WriteString(passed, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
		_, _ = io.WriteString(deaf, strings.Repeat("GET /big HTTP/1.1\r\nHost: a\r\n\r\n", 20))
		ends(t, slow)
		ends(t, idle)
		ends(t, served)
		ends(t, passed)
		_, _ = io.ReadFull(deaf, make([]byte, 100))
	})
}

// TestPanicsCostOneConnection each, and nobody else's.
func TestPanicsCostOneConnection(t *testing.T) {
	eachWay(t, limits, func(t *testing.T, s *Server, dial func() net.Conn) {
		for _, path := range []string{"/panic", "/slow/panic", "/slow/abort"} {
			c := dial()
			_, _ = io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: a\r\n\r\n")
			if got, _ := io.ReadAll(c); len(got) > 0 {
				t.Errorf("%s: %q", path, got)
			}
			served(t, dial(), plain, "memory")
		}
		if n := s.Counters().Panics; n != 2 {
			t.Errorf("%d panics were counted", n)
		}
	})
}

// full has few places in all, and more than that for one client.
var full = Limits{Conns: 5, PerClient: 100, Head: time.Minute, Idle: time.Minute, Write: time.Minute, Life: time.Hour, HeadBytes: 8 << 10}

// served asks once and leaves the connection open.
func served(t *testing.T, c net.Conn, request, want string) net.Conn {
	t.Helper()
	if _, body := exchange(t, c, request); body != want {
		t.Fatalf("%q", body)
	}
	return c
}

// TestWhoHasWaitedLongestMakesRoom: between requests first, then with a head that has begun.
func TestWhoHasWaitedLongestMakesRoom(t *testing.T) {
	eachWay(t, full, func(t *testing.T, s *Server, dial func() net.Conn) {
		begun := dial()
		if _, err := io.WriteString(begun, "GET / HT"); err != nil {
			t.Fatal(err)
		}
		until(t, "a head has begun", func() bool { return s.census.heads.len(s) == 1 })
		oldest := served(t, dial(), plain, "memory")
		until(t, "it waits", func() bool { return s.census.idle.len(s) == 1 })
		passed := served(t, dial(), "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n", "net/http GET 127.0.0.1")
		until(t, "net/http waits", func() bool { return s.census.idle.len(s) == 2 })
		served(t, dial(), plain, "memory")
		served(t, dial(), plain, "memory")
		for _, c := range []net.Conn{oldest, passed} {
			served(t, dial(), plain, "memory")
			ends(t, c)
		}
		if _, err := io.WriteString(begun, "TP/1.1\r\nHost: a\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if resp, err := http.ReadResponse(bufio.NewReader(begun), nil); err != nil || resp.StatusCode != 503 {
			t.Errorf("who has begun had to make room for who is idle: %v", err)
		}
		until(t, "all five wait", func() bool { return s.census.idle.len(s) == 5 })
		if c := s.Counters(); c.Open != 5 || c.Shed != 2 || c.RefusedInAll != 0 {
			t.Errorf("%+v", c)
		}
		for range 5 {
			if _, err := io.WriteString(dial(), "GET / HT"); err != nil {
				t.Fatal(err)
			}
		}
		until(t, "heads have begun everywhere", func() bool { return s.census.heads.len(s) == 5 })
		served(t, dial(), plain, "memory")
		until(t, "a head made room", func() bool { c := s.Counters(); return c.Open == 5 && c.Shed == 8 && s.census.heads.len(s) == 4 })
	})
}

// len counts who is in a line.
func (l *line) len(s *Server) (n int) {
	s.census.mu.Lock()
	defer s.census.mu.Unlock()
	for x := l.ends.behind; x != &l.ends; x = x.behind {
		n++
	}
	return n
}

// until waits for what happens elsewhere.
func until(t testing.TB, what string, done func() bool) {
	t.Helper()
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(20 * time.Second); !done(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func TestTooManyConnectionsOfOneClientAreRefused(t *testing.T) {
	few := full
	few.PerClient = 3
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			s, address := begin(t, few, way.portable, way.secure)
			for range 3 {
				dial(t, address)
			}
			until(t, "three are open", func() bool { return s.Counters().Open == 3 })
			if c, err := net.Dial("tcp", address); err == nil { // or it was reset in the very moment
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(20 * time.Second))
				if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("a fourth connection of one client was let in: %v", err)
				}
			}
			if c := s.Counters(); c.RefusedOfClient != 1 || c.Open != 3 || c.Shed != 0 {
				t.Errorf("%+v", c)
			}
		})
	}
}

// TestTheEnd closes who waits at once, and lets who is being answered have it.
func TestTheEnd(t *testing.T) {
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			var conns []net.Conn
			t.Run("", func(t *testing.T) { // its end is that of the server
				_, address := begin(t, full, way.portable, way.secure)
				for range 3 {
					c, err := net.Dial("tcp", address)
					if err != nil {
						t.Fatal(err)
					}
					conns = append(conns, c)
				}
			})
			for _, c := range conns {
				_ = c.SetDeadline(time.Now().Add(20 * time.Second))
				ends(t, c)
				c.Close()
			}
		})
	}
}

// gone is a connection that was told that no more comes.
type gone int

func (g *gone) CloseRead() error { *g++; return nil }

func TestTheCensus(t *testing.T) {
	c := newCensus(Limits{Conns: 3, PerClient: 2, Idle: 5 * time.Second, Head: 10 * time.Second})
	a, b := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::ffff:2")
	if ClientOf(a) != ClientOf(b) {
		t.Error("two addresses of a /64 are two clients")
	}
	if ClientOf(netip.MustParseAddr("::ffff:192.0.2.1")) != netip.MustParseAddr("192.0.2.1") {
		t.Error("an IPv4 address in IPv6 form is another client")
	}
	others := []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("192.0.2.3"), netip.MustParseAddr("192.0.2.4")}
	now := time.Now()
	var conns []*conn
	for i, step := range []struct {
		who   netip.Addr
		want  admission
		after func(x []*conn)
	}{
		{a, admitted, nil},
		{b, admitted, nil},
		{a, refusedOfClient, nil},
		{others[0], admitted, func(x []*conn) { c.works(x[0]); c.begins(x[1], now) }},
		{others[1], admittedByRoom, nil}, // of 3, which is idle
		{others[2], admittedByRoom, func(x []*conn) { c.works(x[5]) }},
		{others[3], admittedByRoom, func(x []*conn) { c.works(x[6]) }}, // of 1, whose head has begun
		{others[0], refusedInAll, nil},
	} {
		x := newConn(nil, step.who, new(gone))
		if got := c.enter(x, now); got != step.want {
			t.Errorf("%d: %d, not %d", i, got, step.want)
		}
		if conns = append(conns, x); step.after != nil {
			step.after(conns)
		}
	}
	for i, want := range []gone{0, 1, 0, 1, 1, 0, 0, 0} {
		if got := *conns[i].reader.(*gone); got != want {
			t.Errorf("%d was told %d times", i, got)
		}
	}
	c.waits(conns[0], now)
	c.begins(conns[5], now)
	for _, step := range []struct {
		after      time.Duration
		zero, five gone
	}{{4 * time.Second, 0, 0}, {6 * time.Second, 1, 0}, {11 * time.Second, 1, 1}} {
		c.stopLate(now.Add(step.after))
		if *conns[0].reader.(*gone) != step.zero || *conns[5].reader.(*gone) != step.five {
			t.Errorf("after %v: %d, %d", step.after, *conns[0].reader.(*gone), *conns[5].reader.(*gone))
		}
	}
	c.close()
	if c.enter(newConn(nil, others[3], new(gone)), now) != refusedAtEnd {
		t.Error("somebody came in after the end")
	}
	c.waits(conns[6], now)
	if *conns[6].reader.(*gone) != 1 {
		t.Error("somebody waits after the end")
	}
	for _, i := range []int{0, 1, 3, 4, 5, 6} {
		c.leave(conns[i])
	}
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
