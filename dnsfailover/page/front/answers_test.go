package front

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
)

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
