package checks

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
)

// Source is where a probe dials from; zero leaves that to the system. An interface that is named is used whatever the
// routes say.
type Source struct {
	Address   netip.Addr
	Interface string
}

// String returns "192.0.2.1", "eth0" or "192.0.2.1 on eth0".
func (s Source) String() string {
	switch {
	case !s.Address.IsValid():
		return s.Interface
	case s.Interface == "":
		return s.Address.String()
	}
	return s.Address.String() + " on " + s.Interface
}

type sourceKey struct{}

// From returns a context with which probes dial from s.
func From(ctx context.Context, s Source) context.Context {
	if s == (Source{}) {
		return ctx
	}
	return context.WithValue(ctx, sourceKey{}, s)
}

// dialer returns the one that goes by the source in ctx; network is tcp or udp.
func dialer(ctx context.Context, network string) net.Dialer {
	d := net.Dialer{KeepAlive: -1}
	s, _ := ctx.Value(sourceKey{}).(Source)
	if s.Address.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(s.Address, 0))
		if network == "udp" {
			d.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(s.Address, 0))
		}
	}
	if s != (Source{}) {
		d.Control = func(_, _ string, conn syscall.RawConn) error { return s.bind(conn) }
	}
	return d
}

// unrouted says that this host has no route to where it was to dial, or nothing that speaks its family: nobody was asked.
type unrouted struct{ error }

func (e unrouted) Unwrap() error { return e.error }

// routed returns err, of dialling addr, as unrouted if that is what it comes to. A network that is unreachable from further
// away fails alike, but the system knows a route to it: it connects a socket of UDP, for which nothing is sent.
func routed(ctx context.Context, addr netip.AddrPort, err error) error {
	if !isUnreachable(err) {
		return err
	}
	d := dialer(ctx, "udp")
	conn, udp := d.DialContext(ctx, "udp", addr.String())
	if udp == nil {
		conn.Close()
		return err
	}
	if isUnreachable(udp) {
		return unrouted{err}
	}
	return err
}

func isUnreachable(err error) bool {
	return errors.Is(err, syscall.ENETUNREACH) || errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.ENETDOWN)
}
