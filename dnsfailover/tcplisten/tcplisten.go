// Package tcplisten opens TCP listeners that are of their address's family alone: 0.0.0.0 and [::] are two, of which [::] doesn't take IPv4.
package tcplisten

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// Network returns the name by which package net knows a protocol (tcp, udp) in the address's family.
func Network(protocol string, address netip.AddrPort) string {
	if address.Addr().Unmap().Is4() {
		return protocol + "4"
	}
	return protocol + "6"
}

// Open opens a listener. An error is the system's.
func Open(address netip.AddrPort) (*net.TCPListener, error) {
	config := net.ListenConfig{KeepAlive: -1} // an idle connection lives for seconds only
	config.SetMultipathTCP(false)
	l, err := config.Listen(context.Background(), Network("tcp", address), address.String())
	if err != nil {
		return nil, err
	}
	return l.(*net.TCPListener), nil
}

// For opens the listener of a key of the configuration. An error says what to do.
func For(key string, address netip.AddrPort) (net.Listener, error) {
	l, err := Open(address)
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s %s is in use by another program: stop it, or name another address", key, address)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%s %s needs the capability CAP_NET_BIND_SERVICE: ports below 1024 are for those who have it", key, address)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("%s %s is no address of this host: name one that it has, or 0.0.0.0 or [::] for all", key, address)
	}
	return nil, fmt.Errorf("%s %s: %w", key, address, errors.Unwrap(err))
}
