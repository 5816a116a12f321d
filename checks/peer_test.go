package checks

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is the deadline of a probe that is not meant to reach it; hasty of one that is.
const (
	patience = 30 * time.Second
	hasty    = 150 * time.Millisecond
)

// serve lets talk answer every connection to a listener on loopback, and returns its address. When the test
// ends, the connections are closed and every talk has returned.
func serve(t testing.TB, at string, talk func(net.Conn)) netip.AddrPort {
	l, err := net.Listen("tcp", net.JoinHostPort(at, "0"))
	if err != nil {
		t.Skipf("listen on %s: %v", at, err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[conn] = true
			mu.Unlock()
			wg.Go(func() {
				talk(conn)
				conn.Close()
				mu.Lock()
				delete(open, conn)
				mu.Unlock()
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for conn := range open {
			conn.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return netip.MustParseAddrPort(l.Addr().String())
}

// says reads one request and sends text.
func says(text string) func(net.Conn) {
	return func(conn net.Conn) {
		if readRequest(conn) != nil {
			io.WriteString(conn, text)
		}
	}
}

// readRequest returns nil if the peer sent no request.
func readRequest(conn net.Conn) *http.Request {
	req, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return nil
	}
	return req
}

// untilClosed blocks until the peer closes.
func untilClosed(conn net.Conn) { io.Copy(io.Discard, conn) }

// overTLS wraps talk into TLS.
func overTLS(config *tls.Config, talk func(net.Conn)) func(net.Conn) {
	return func(conn net.Conn) {
		c := tls.Server(conn, config)
		if c.Handshake() == nil {
			talk(c)
		}
	}
}

// resets makes the kernel send RST instead of FIN.
func resets(conn net.Conn) {
	conn.(*net.TCPConn).SetLinger(0)
	conn.Close()
}

// probe runs a probe of raw, whose PORT is that of addr, at addr.
func probe(t testing.TB, raw string, addr netip.AddrPort, limit time.Duration, change func(*HTTPProbe)) Result {
	t.Helper()
	p := &HTTPProbe{URL: parseURL(t, raw, addr), Address: addr.Addr()}
	if change != nil {
		change(p)
	}
	return run(t, p, limit)
}

// run runs a probe, and has it show what it sees.
func run(t testing.TB, p Probe, limit time.Duration) Result {
	t.Helper()
	ctx, cancel := WithTimeout(Detailed(t.Context()), limit)
	defer cancel()
	return p.Run(ctx)
}

func parseURL(t testing.TB, raw string, addr netip.AddrPort) *url.URL {
	t.Helper()
	_, port, _ := net.SplitHostPort(addr.String())
	u, err := url.Parse(strings.ReplaceAll(raw, "PORT", port))
	if err != nil {
		t.Fatal(err)
	}
	return u
}
