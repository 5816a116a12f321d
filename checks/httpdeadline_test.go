package checks

import (
	"context"
	"io"
	"net"
	"testing"
	"time"
)

func TestHTTPProbeEndsAtItsDeadline(t *testing.T) {
	for _, test := range []struct {
		name  string
		raw   string
		talk  func(net.Conn)
		want  string
		phase string
	}{
		{
			"a server that hangs after accept", nowhere, untilClosed,
			"no complete answer within 150ms (waited for the first byte)", "first byte",
		},
		{"a server that hangs in the handshake", "https://a.invalid:PORT/", untilClosed, "TLS handshake timed out: not done within 150ms", "tls"},
		{
			"a server that drips headers (fault 28)", nowhere, drip("HTTP/1.1 200 OK\r\nX: ", "x"),
			"no complete answer within 150ms (waited for the end of the headers)", "headers",
		},
		{
			"a server that drips its body", nowhere, drip("HTTP/1.1 200 OK\r\n\r\n", "x"),
			"no complete answer within 150ms (waited for the body)", "body",
		},
		{
			"a server that sends chunks forever (fault 29)", nowhere, drip("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"),
			"no complete answer within 150ms (waited for the body)", "body",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			addr := serve(t, "127.0.0.1", test.talk)
			r := probe(t, test.raw, addr, hasty, func(p *HTTPProbe) { p.Body.Contains = "ok" })
			if r.OK || r.Reason != test.want {
				t.Errorf("got %v, %q, want %q", r.OK, r.Reason, test.want)
			}
			if r.Took < hasty/2 || r.Took > hasty+5*time.Second {
				t.Errorf("took %s", r.Took)
			}
			if last := r.Phases[len(r.Phases)-1]; last.Name != test.phase {
				t.Errorf("the last phase is %q, want %q", last.Name, test.phase)
			}
		})
	}
}

// drip sends more, byte by byte with hardly a pause, until the peer is gone.
func drip(first, more string) func(net.Conn) {
	return func(conn net.Conn) {
		readRequest(conn)
		io.WriteString(conn, first)
		every := time.NewTicker(5 * time.Millisecond)
		defer every.Stop()
		for {
			<-every.C
			if _, err := io.WriteString(conn, more); err != nil {
				return
			}
		}
	}
}

func TestACancelledProbeReturns(t *testing.T) {
	accepted := make(chan struct{})
	addr := serve(t, "127.0.0.1", func(conn net.Conn) {
		close(accepted)
		untilClosed(conn)
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-accepted
		cancel()
	}()
	p := &HTTPProbe{URL: parseURL(t, nowhere, addr), Address: addr.Addr()}
	if r := p.Run(ctx); r.OK {
		t.Errorf("%+v", r)
	}
}
