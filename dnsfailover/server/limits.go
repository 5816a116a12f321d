package server

import (
	"net/netip"
	"time"

	"dnsfailover/dnsfailover/openfiles"
)

// IdleTimeout is how long a connection may stay open with no query on its way (RFC 7766 section 6.2.3).
const IdleTimeout = 10 * time.Second

// limits bound what TCP clients can take.
type limits struct {
	idle time.Duration // see IdleTimeout
	// message is how long a query may take from its first octet to its last.
	message time.Duration
	// write is how long a client may leave an answer unread before the connection is cut.
	write time.Duration
	// handshake is how long a client may take to open TLS, and handshakes caps how many do so at once.
	handshake  time.Duration
	handshakes int
	// handshakesPerSecond is how many of them one client may begin: each takes some of a processor's time, which UDP and TCP
	// would lack. 0: any number.
	handshakesPerSecond int
	// unhurried are the networks that may begin any number of handshakes: this host.
	unhurried []netip.Prefix
	// reread is how long a certificate is taken for current before its files are looked at.
	reread time.Duration
	// grace is how long a stopping server goes on with what it has in hand.
	grace time.Duration
	// connections and perClient cap the open connections, in all and of one client. A new one beyond
	// a cap takes the place of the one that has been idle for longest.
	connections, perClient int
}

func defaultLimits() limits {
	connections := connectionCap(openfiles.Limit())
	return limits{
		idle: IdleTimeout, message: 2 * time.Second, write: 2 * time.Second, grace: time.Second,
		handshake: 3 * time.Second, handshakes: max(connections/4, 2), handshakesPerSecond: 100, unhurried: loopback(), reread: time.Second,
		connections: connections, perClient: max(connections/4, 2), // RFC 7766 section 6.2.2: a client may need a second one
	}
}

func loopback() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
}

// connectionCap leaves half of the files that may be open to UDP, probes, state and the control socket.
func connectionCap(files uint64) int { return int(min(1000, max(files/2, 2))) }

// How many bits of an address name a client.
const (
	clientBits4 = 24
	clientBits6 = 56
)

// clientOf is what the cap per client goes by: one client may hold a whole network.
func clientOf(address netip.Addr) netip.Prefix {
	address, bits := address.Unmap().WithZone(""), clientBits6
	if address.Is4() {
		bits = clientBits4
	}
	client, _ := address.Prefix(bits) // the bits fit the family
	return client
}
