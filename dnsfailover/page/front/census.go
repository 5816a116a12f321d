package front

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// census counts the connections that are open, in all and of each client: an IPv4 address, or an IPv6 /64. It knows which of them
// are being answered and which have to say something first: these are left when they take too long, and make room when there is none.
type census struct {
	most, mostOfOne int

	closed atomic.Bool // set under the lock

	mu    sync.Mutex
	all   int
	each  map[netip.Addr]int
	idle  line // between requests
	heads line // a head has begun
	busy  line // being answered, or what was made of it by a handler
}

func newCensus(l Limits) *census {
	c := &census{most: l.Conns, mostOfOne: l.PerClient, each: map[netip.Addr]int{}}
	c.idle.init(l.Idle)
	c.heads.init(l.Head)
	c.busy.init(0)
	return c
}

// ClientOf returns whom an address belongs to: it is what a client counts by.
func ClientOf(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if network, err := a.Prefix(64); err == nil {
			return network.Addr()
		}
	}
	return a
}

// admission is what becomes of a new connection.
type admission uint8

const (
	admitted       admission = iota
	admittedByRoom           // another one had to make room
	refusedInAll             // there are too many, and none of them can make room
	refusedOfClient
	refusedAtEnd
)

// enter counts a connection, which waits for its client's first octet now.
func (c *census) enter(x *conn, now time.Time) admission {
	c.mu.Lock()
	defer c.mu.Unlock()
	who, how := ClientOf(x.client), admitted
	switch {
	case c.closed.Load():
		return refusedAtEnd
	case c.each[who] >= c.mostOfOne:
		return refusedOfClient
	case c.all >= c.most:
		if !c.stopFirst() {
			return refusedInAll
		}
		how = admittedByRoom
	}
	c.all++
	c.each[who]++
	c.idle.join(x, now)
	return how
}

// makeRoom stops who has waited longest; false if nobody waits.
func (c *census) makeRoom() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stopFirst()
}

// stopFirst stops who is idle before who has begun something.
func (c *census) stopFirst() bool { return c.idle.stopFirst() || c.heads.stopFirst() }

// waits notes that x waits for a request from now on.
func (c *census) waits(x *conn, now time.Time) { c.moves(x, &c.idle, now) }

// begins notes that a head, or a handshake, has begun.
func (c *census) begins(x *conn, now time.Time) { c.moves(x, &c.heads, now) }

func (c *census) moves(x *conn, to *line, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	x.unlink()
	to.join(x, now)
	if c.closed.Load() && to != &c.busy {
		x.stop()
	}
}

// works notes that x is being answered: it can't make room.
func (c *census) works(x *conn) { c.moves(x, &c.busy, time.Now()) }

// leave notes that x is about to be closed.
func (c *census) leave(x *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	x.unlink()
	c.all--
	who := ClientOf(x.client)
	if c.each[who]--; c.each[who] == 0 {
		delete(c.each, who)
	}
}

// becomes notes that x is to be stopped in another way from now on.
func (c *census) becomes(x *conn, reader readCloser) {
	c.mu.Lock()
	defer c.mu.Unlock()
	x.reader = reader
}

// stopLate stops those who take too long.
func (c *census) stopLate(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle.stopLate(now)
	c.heads.stopLate(now)
}

// close lets nobody in any more, and stops all who aren't being answered.
func (c *census) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed.Store(true)
	for c.stopFirst() {
	}
}

// kill ends all who are left.
func (c *census) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range []*line{&c.idle, &c.heads, &c.busy} {
		for x := l.first(); x != nil; x = l.first() {
			x.kill()
		}
	}
}

func (c *census) open() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all
}
