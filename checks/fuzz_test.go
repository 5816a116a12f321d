package checks

import (
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"
)

// Fault 37: whatever a server sends, the probe returns in time, with a reason that can be shown.
func FuzzHTTPProbe(f *testing.F) {
	for _, seed := range []string{
		"", "HTTP/1.1 200 OK\r\n\r\nok", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx", "HTTP/2.0 200\r\n\r\n", "\x16\x03\x01",
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n\x00", "HTTP/1.1 302 \r\nLocation: ://%zz\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nab", "HTTP/9.9 999 x\r\n: \r\n\r\n",
	} {
		for method := range byte(2) {
			f.Add([]byte(seed), method)
		}
	}
	var page atomic.Pointer[[]byte]
	addr := serve(f, "127.0.0.1", func(conn net.Conn) {
		readRequest(conn)
		conn.Write(*page.Load())
	})
	f.Fuzz(func(t *testing.T, data []byte, method byte) {
		page.Store(&data)
		limit := 5 * time.Second
		r := probe(t, nowhere, addr, limit, func(p *HTTPProbe) {
			p.Body.Contains = "ok"
			p.Method = []string{http.MethodGet, http.MethodHead}[method%2]
		})
		if r.Took > limit+time.Second {
			t.Errorf("took %s", r.Took)
		}
		if r.Reason == "" {
			t.Error("no reason")
		}
		for _, text := range append(r.Seen, r.Reason) {
			if !utf8.ValidString(text) || text != clean(text) {
				t.Errorf("cannot be shown: %q", text)
			}
		}
	})
}
