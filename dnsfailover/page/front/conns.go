package front

import (
	"net"
	"net/netip"
	"sync"
)

// census counts the connections that are open, in all and of each client: an IPv4 address, or an IPv6 /64.
type census struct {
	most, mostOfOne int

	mu   sync.Mutex
	all  int
	each map[netip.Addr]int
}

// client returns whom an address belongs to.
func client(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if network, err := a.Prefix(64); err == nil {
			return network.Addr()
		}
	}
	return a
}

// enter counts one connection more, unless that is too many.
func (c *census) enter(who netip.Addr) (refusal string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.all >= c.most:
		return "all"
	case c.each[who] >= c.mostOfOne:
		return "client"
	}
	c.all++
	c.each[who]++
	return ""
}

func (c *census) leave(who netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all--
	if c.each[who]--; c.each[who] == 0 {
		delete(c.each, who)
	}
}

func (c *census) open() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all
}

// counted is a connection that leaves the census when it is closed.
type counted struct {
	*net.TCPConn
	server *Server
	client netip.Addr // whole address
	once   sync.Once
	err    error
}

func (c *counted) Close() error {
	c.once.Do(func() {
		c.server.forget(c)
		c.err = c.TCPConn.Close()
		c.server.census.leave(client(c.client))
	})
	return c.err
}
