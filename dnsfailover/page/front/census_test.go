package front

import (
	"net/netip"
	"testing"
	"time"
)

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
