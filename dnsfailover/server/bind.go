package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"

	"dnsfailover/dnsfailover/tcplisten"
)

// binding is one address with its sockets.
type binding struct {
	address  netip.AddrPort // with the port that was picked
	secure   bool           // for TLS; then there is no UDP
	listener *net.TCPListener
	ports    []port
	sockets  []socket // one per worker; in the portable loop they share one port

	mu         sync.Mutex // held to close ports, and by whoever asks them for something
	closed     bool
	overflowed uint64 // what overflow returns once ports are closed
}

// bindAll binds every address for UDP and TCP, or none.
func bindAll(opt Options) ([]*binding, error) {
	if len(opt.Addresses) == 0 {
		return nil, errors.New("no address to listen on")
	}
	all, plain := opt.Addresses, len(opt.Addresses)
	if opt.TLS != nil {
		all = slices.Concat(all, opt.TLS.Addresses)
	}
	var bindings []*binding
	for i, address := range all {
		b, err := func() (*binding, error) {
			for _, other := range all[:i] {
				if covers(other, address) || covers(address, other) {
					return nil, fmt.Errorf("cannot listen on both %s and %s: one includes the other", other, address)
				}
			}
			if i >= plain {
				return bindTLS(address)
			}
			return bind(address, opt.Workers, opt.Portable)
		}()
		if errors.Is(err, syscall.EAFNOSUPPORT) {
			opt.Log.Warn("address skipped, this kernel has no such address family", "address", address)
			continue
		}
		if err != nil {
			for _, b := range bindings {
				b.close()
			}
			return nil, err
		}
		bindings = append(bindings, b)
	}
	if len(bindings) == 0 {
		return nil, errors.New("this kernel has none of the address families to listen on")
	}
	return bindings, nil
}

// covers says whether a socket on a takes what is sent to b.
func covers(a, b netip.AddrPort) bool {
	x, y := a.Addr().Unmap(), b.Addr().Unmap()
	return a.Port() == b.Port() && a.Port() != 0 && x.Is4() == y.Is4() && (x == y || x.IsUnspecified())
}

// portTries bounds the search for a port that is free for both UDP and TCP.
const portTries = 32

func bind(address netip.AddrPort, workers int, portable bool) (*binding, error) {
	address = netip.AddrPortFrom(address.Addr().Unmap(), address.Port())
	for try := 1; ; try++ {
		listener, err := tcplisten.Open(address)
		if err != nil {
			return nil, explain(address, "TCP", err)
		}
		port := listener.Addr().(*net.TCPAddr).AddrPort().Port()
		b := &binding{
			address:  netip.AddrPortFrom(address.Addr(), port),
			listener: listener,
		}
		if err = b.bindUDP(workers, portable); err == nil {
			return b, nil
		}
		b.close()
		if address.Port() != 0 || !errors.Is(err, syscall.EADDRINUSE) || try == portTries {
			return nil, explain(b.address, "UDP", err)
		}
	}
}

func bindTLS(address netip.AddrPort) (*binding, error) {
	address = netip.AddrPortFrom(address.Addr().Unmap(), address.Port())
	listener, err := tcplisten.Open(address)
	if err != nil {
		return nil, explain(address, "TLS", err)
	}
	port := listener.Addr().(*net.TCPAddr).AddrPort().Port()
	return &binding{address: netip.AddrPortFrom(address.Addr(), port), secure: true, listener: listener}, nil
}

// bindUDP opens a socket for each worker, if the platform lets them share the port, else one for all.
//
// The first socket is bound without SO_REUSEPORT, so that it gets the port only if no other program has it: with
// it, a second instance would silently take part of the queries. Only then it lets its siblings in.
func (b *binding) bindUDP(workers int, portable bool) error {
	if portable || !batches {
		conn, err := b.open(false)
		if err != nil {
			return err
		}
		for range workers {
			b.sockets = append(b.sockets, newPortable(conn, b.address.Addr()))
		}
		return nil
	}
	for i := range workers {
		conn, err := b.open(i > 0)
		if err != nil {
			return err
		}
		if i == 0 {
			if err := sharePort(conn); err != nil {
				return err
			}
		}
		socket, err := newBatch(conn, b.address.Addr())
		if err != nil {
			return err
		}
		b.ports[i], b.sockets = socket, append(b.sockets, socket)
	}
	return nil
}

// open opens a UDP socket and makes it a port.
func (b *binding) open(shared bool) (*net.UDPConn, error) {
	conn, err := listenUDP(b.address, shared)
	if err != nil {
		return nil, err
	}
	b.ports = append(b.ports, connPort{conn})
	return conn, nil
}

// port is a UDP socket as others see it than the workers that read it.
type port interface {
	// wake ends the waiting of its workers, now and from now on.
	wake()
	// overflow returns how many packets the kernel dropped because the receive buffer was full.
	overflow() uint64
	close()
}

// connPort is a port that the runtime's poller watches.
type connPort struct{ conn *net.UDPConn }

func (p connPort) wake()  { _ = p.conn.SetReadDeadline(longAgo) }
func (p connPort) close() { _ = p.conn.Close() }
func (p connPort) overflow() (n uint64) {
	if raw, err := p.conn.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { n = overflow(int(fd)) })
	}
	return n
}

// receiveBuffer is asked of the kernel for each socket, in octets; it gives what net.core.rmem_max allows.
const receiveBuffer = 4 << 20

func listenUDP(address netip.AddrPort, shared bool) (*net.UDPConn, error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		return prepare(raw, address.Addr(), shared)
	}}
	c, err := config.ListenPacket(context.Background(), tcplisten.Network("udp", address), address.String())
	if err != nil {
		return nil, err
	}
	conn := c.(*net.UDPConn)
	_ = conn.SetReadBuffer(receiveBuffer)
	return conn, nil
}

// wake ends the waiting of all workers for packets.
func (b *binding) wake() {
	for _, p := range b.ports {
		p.wake()
	}
}

func (b *binding) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	for _, p := range b.ports {
		b.overflowed += p.overflow()
		p.close()
	}
	b.closed = true
	_ = b.listener.Close()
}

// overflow returns how many packets the kernel dropped because the receive buffers were full.
func (b *binding) overflow() (sum uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return b.overflowed
	}
	for _, p := range b.ports {
		sum += p.overflow()
	}
	return sum
}

// explain turns what bind(2) says into what to do about it.
func explain(address netip.AddrPort, protocol string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s is in use by another program: stop it, or listen elsewhere (%s; to find it: ss -lntup 'sport = :%d')",
			address, protocol, address.Port())
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("no permission to listen on %s (%s): allow it with `setcap cap_net_bind_service=+ep` on the binary, "+
			"or with AmbientCapabilities=CAP_NET_BIND_SERVICE in the systemd unit", address, protocol)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("cannot listen on %s (%s): no interface of this host has the address %s",
			address, protocol, address.Addr())
	}
	return fmt.Errorf("listen on %s (%s): %w", address, protocol, err)
}
