package checks

import (
	"net"
	"net/netip"
	"testing"
)

func TestConnectionRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := netip.MustParseAddrPort(l.Addr().String())
	l.Close()
	if r := probe(t, nowhere, addr, patience, nil); r.OK || r.Reason != "connection refused" {
		t.Errorf("http: %+v", r)
	}
	if r := (&TCPProbe{Address: addr}).Run(t.Context()); r.OK || r.Reason != "connection refused" || len(r.Phases) != 1 {
		t.Errorf("tcp: %+v", r)
	}
}

func TestTCPProbe(t *testing.T) {
	for _, at := range []string{"127.0.0.1", "::1"} {
		ended := make(chan struct{})
		addr := serve(t, at, func(conn net.Conn) {
			untilClosed(conn)
			close(ended)
		})
		p := &TCPProbe{Address: addr}
		if r := p.Run(t.Context()); !r.OK || r.Reason != "connected" || r.Start.IsZero() {
			t.Errorf("%s: %+v", at, r)
		}
		<-ended
		if got, want := p.String(), "tcp "+addr.String(); got != want {
			t.Errorf("string %q, want %q", got, want)
		}
	}
}
