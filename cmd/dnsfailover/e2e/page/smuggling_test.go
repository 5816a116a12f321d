package page

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// ears is an upstream that writes down what it hears, octet by octet, and answers each request that it understands.
type ears struct {
	address string
	mu      sync.Mutex
	heard   []*strings.Builder // by connection
}

func newEars(t *testing.T) *ears {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	e := &ears{address: l.Addr().String()}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go e.answer(c)
		}
	}()
	return e
}

func (e *ears) answer(c net.Conn) {
	defer c.Close()
	text := &strings.Builder{}
	e.mu.Lock()
	e.heard = append(e.heard, text)
	e.mu.Unlock()
	in := bufio.NewReader(io.TeeReader(c, writer(func(b []byte) {
		e.mu.Lock()
		defer e.mu.Unlock()
		text.Write(b)
	})))
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	}
}

// all returns what was heard on each connection.
func (e *ears) all() (out []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, text := range e.heard {
		out = append(out, text.String())
	}
	return out
}

type writer func([]byte)

func (w writer) Write(b []byte) (int, error) { w(b); return len(b), nil }

// TestNothingIsSmuggledToTheUpstream: requests whose end is a matter of opinion. Whatever is made of them, the octets that one reader takes for a body and
// another for a request never begin a request to the upstream, and one request never becomes two.
func TestNothingIsSmuggledToTheUpstream(t *testing.T) {
	t.Parallel()
	upstream := newEars(t)
	h := passing(t, addressed(upstream.address), nil)
	const hidden = "GET /api/hidden HTTP/1.1\r\nHost: www.example.com\r\nX: y\r\n\r\n"
	sized := func(fields, body string) string {
		return "POST /api/xx HTTP/1.1\r\nHost: www.example.com\r\n" + fields + "\r\n" + body
	}
	chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(hidden), hidden)
	var all sync.WaitGroup
	n, names := 0, map[string]string{} // by path
	for what, request := range map[string]string{
		"length and chunks, the end of the chunks first":  sized(fmt.Sprintf("Content-Length: %d\r\nTransfer-Encoding: chunked\r\n", 5+len(hidden)), "0\r\n\r\n"+hidden),
		"chunks and length, the end of the chunks first":  sized(fmt.Sprintf("Transfer-Encoding: chunked\r\nContent-Length: %d\r\n", 5+len(hidden)), "0\r\n\r\n"+hidden),
		"length and chunks, the end by length first":      sized("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", chunked),
		"chunks alone, and what follows":                  sized("Transfer-Encoding: chunked\r\n", "0\r\n\r\n"+hidden), // could have been stripped of its length
		"two lengths":                                     sized(fmt.Sprintf("Content-Length: 0\r\nContent-Length: %d\r\n", len(hidden)), hidden),
		"two lengths, the other way round":                sized(fmt.Sprintf("Content-Length: %d\r\nContent-Length: 0\r\n", len(hidden)), hidden),
		"two lengths in a list":                           sized(fmt.Sprintf("Content-Length: 0, %d\r\n", len(hidden)), hidden),
		"a length with a sign":                            sized(fmt.Sprintf("Content-Length: +%d\r\n", len(hidden)), hidden),
		"a length in hexadecimal":                         sized(fmt.Sprintf("Content-Length: 0x%x\r\n", len(hidden)), hidden),
		"a length of blanks":                              sized("Content-Length: 0 0\r\n", hidden),
		"chunks in disguise: a tab":                       sized(fmt.Sprintf("Content-Length: %d\r\nTransfer-Encoding:\tchunked\r\n", 5+len(hidden)), "0\r\n\r\n"+hidden),
		"chunks in disguise: a blank before the colon":    sized(fmt.Sprintf("Content-Length: %d\r\nTransfer-Encoding : chunked\r\n", 5+len(hidden)), "0\r\n\r\n"+hidden),
		"chunks in disguise: another coding":              sized(fmt.Sprintf("Content-Length: %d\r\nTransfer-Encoding: xchunked\r\n", 5+len(hidden)), "0\r\n\r\n"+hidden),
		"chunks in disguise: two codings":                 sized(fmt.Sprintf("Content-Length: %d\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", 5+len(hidden)), "0\r\n\r\n"+hidden),
		"chunks in disguise: folded":                      sized(fmt.Sprintf("Content-Length: %d\r\nTransfer-Encoding:\r\n chunked\r\n", 5+len(hidden)), "0\r\n\r\n"+hidden),
		"chunks in disguise: a vertical tab":              sized(fmt.Sprintf("Content-Length: %d\r\nTransfer-Encoding: \x0bchunked\r\n", 5+len(hidden)), "0\r\n\r\n"+hidden),
		"chunks in disguise: behind a bare CR":            sized(fmt.Sprintf("Content-Length: %d\r\nX: y\rTransfer-Encoding: chunked\r\n", 5+len(hidden)), "0\r\n\r\n"+hidden),
		"chunks in disguise: behind a bare LF":            sized(fmt.Sprintf("Content-Length: %d\r\nX: y\nTransfer-Encoding: chunked\r\n", 5+len(hidden)), "0\r\n\r\n"+hidden),
		"chunks of HTTP/1.0":                              "POST /api/xx HTTP/1.0\r\nHost: www.example.com\r\nConnection: keep-alive\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
		"HTTP/1.0 that is kept alive":                     "POST /api/xx HTTP/1.0\r\nHost: www.example.com\r\nConnection: keep-alive\r\n\r\n" + hidden,
		"a chunk whose size is too large":                 sized("Transfer-Encoding: chunked\r\n", "fffffffffffffffff0\r\n\r\n"+hidden),
		"a chunk whose size is negative":                  sized("Transfer-Encoding: chunked\r\n", "-1\r\n\r\n"+hidden),
		"a chunk whose size ends in a bare LF":            sized("Transfer-Encoding: chunked\r\n", "0\n\r\n"+hidden),
		"a chunk with an extension that ends in a LF":     sized("Transfer-Encoding: chunked\r\n", "2;\nxx\r\n0\r\n\r\n"+hidden),
		"a chunk that isn't closed":                       sized("Transfer-Encoding: chunked\r\n", "1\r\nxyy\r\n0\r\n\r\n"+hidden),
		"a trailer that is a length":                      sized("Trailer: Content-Length\r\nTransfer-Encoding: chunked\r\n", "0\r\nContent-Length: 100\r\n\r\n"+hidden),
		"a field that is folded":                          sized(fmt.Sprintf("X: y\r\n Content-Length: 0\r\nContent-Length: %d\r\n", len(hidden)), hidden),
		"a field that is folded into another length":      sized(fmt.Sprintf("Content-Length: 0\r\n %d\r\n", len(hidden)), hidden),
		"a first field that is folded":                    "POST /api/xx HTTP/1.1\r\n Content-Length: 0\r\nHost: www.example.com\r\nContent-Length: " + fmt.Sprint(len(hidden)) + "\r\n\r\n" + hidden,
		"lines that end in a bare LF":                     fmt.Sprintf("POST /api/xx HTTP/1.1\nHost: www.example.com\nContent-Length: %d\n\n%s", len(hidden), hidden),
		"a request in the target":                         "GET /api/xx?" + strings.ReplaceAll(hidden, "\r\n", "%0d%0a") + " HTTP/1.1\r\nHost: www.example.com\r\nConnection: close\r\n\r\n",
		"a request in the target, as it is":               "GET /api/xx\r\n" + hidden,
		"a GET with a body":                               fmt.Sprintf("GET /api/xx HTTP/1.1\r\nHost: www.example.com\r\nContent-Length: %d\r\n\r\n%s", len(hidden), hidden),
		"a length that Connection names":                  sized(fmt.Sprintf("Connection: close, Content-Length\r\nContent-Length: %d\r\n", len(hidden)), hidden),
		"an upgrade with a body":                          sized(fmt.Sprintf("Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: %d\r\n", len(hidden)), hidden),
		"an expectation, and the body without being told": sized(fmt.Sprintf("Expect: 100-continue\r\nConnection: close\r\nContent-Length: %d\r\n", len(hidden)), hidden),
	} {
		n++
		mine := strings.NewReplacer("/api/xx", fmt.Sprintf("/api/%02d", n), "/api/hidden", fmt.Sprintf("/api/hidd%02d", n)).Replace(request) // of the same length
		c, err := h.dialer("127.66.0.9", false)(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(patience))
		all.Go(func() {
			defer c.Close()
			go func() { _, _ = io.WriteString(c, mine) }()
			// It is over when the page host closes the connection, at the latest because nothing follows.
			answer, err := io.ReadAll(c)
			if e, ok := err.(net.Error); ok && e.Timeout() {
				t.Errorf("%s: the connection is kept", what)
			}
			line, _, _ := strings.Cut(string(answer), "\r\n")
			t.Logf("%s: %q", what, line)
		})
		names[fmt.Sprintf("/api/%02d", n)] = what
		names[fmt.Sprintf("/api/hidd%02d", n)] = "hidden in " + what
	}
	all.Wait()
	seen := map[string]bool{}
	for _, text := range upstream.all() {
		for _, r := range understood(text) {
			if what := names[r]; seen[r] || what == "" || strings.Contains(r, "hidd") {
				t.Errorf("%s: the upstream was asked for %s:\n%q", what, r, text)
			}
			seen[r] = true
		}
	}
	if len(seen) < 10 {
		t.Errorf("only %d requests have reached the upstream", len(seen))
	}
}

// understood returns the paths of the requests in what was sent.
func understood(text string) (paths []string) {
	in := bufio.NewReader(strings.NewReader(text))
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return paths
		}
		paths = append(paths, r.URL.Path)
		_, _ = io.Copy(io.Discard, r.Body)
	}
}
