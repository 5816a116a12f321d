package server

import (
	"container/list"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"dnsfailover/dnsfailover/limit"
)

// streams are the TCP connections, whatever they carry.
type streams struct {
	limits limits
	log    *slog.Logger

	mu        sync.Mutex
	open      *list.List // of *stream, the one that has been idle for longest first
	clients   map[netip.Prefix]int
	opening   int // how many of them open TLS
	accepted  uint64
	refused   uint64
	cut       [cuts]uint64
	pace      *limit.Limiter // of handshakes; nil: none
	tls       TLSCounters    // but Expires
	complaint time.Time      // when accept last logged an error
	end       time.Time      // once the server stops: when all connections are closed

	running sync.WaitGroup
}

// door is a way in for streams.
type door struct {
	engines chan *engine // idle ones
	secure  *tls.Config  // nil: messages go over TCP as they are
}

func newStreams(l limits, log *slog.Logger) *streams {
	return &streams{limits: l, log: log, open: list.New(), clients: make(map[netip.Prefix]int), pace: limit.New(limit.Options{
		Rate: l.handshakesPerSecond, IPv4Prefix: clientBits4, IPv6Prefix: clientBits6, Exempt: l.unhurried,
	})}
}

// accept lets connections in through d until listener is closed.
func (s *streams) accept(ctx context.Context, listener *net.TCPListener, d *door) {
	const shortest, longest = 5 * time.Millisecond, time.Second
	pause := shortest
	for {
		conn, err := listener.AcceptTCP()
		switch {
		case err == nil:
			pause = shortest
			s.admit(conn, d)
			continue
		case errors.Is(err, net.ErrClosed):
			return
		}
		// No files or no memory are left. The queue stays as it is, so trying again at once would spin.
		s.starved(err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
			pause = min(2*pause, longest)
		}
	}
}

// starved gives back the file of the connection that has been idle for longest, and complains once a minute.
func (s *streams) starved(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.evict(func(*stream) bool { return true })
	if now := time.Now(); now.Sub(s.complaint) > time.Minute {
		s.complaint = now
		s.log.Warn("TCP connections wait, the system has no more room for them; UDP goes on", "error", err, "open", s.open.Len())
	}
}

// admit starts to serve a connection; at a cap, in place of the one that has been idle for longest.
func (s *streams) admit(conn *net.TCPConn, d *door) {
	address := conn.RemoteAddr().(*net.TCPAddr).AddrPort().Addr()
	client := clientOf(address)
	c := &stream{streams: s, engines: d.engines, tcp: conn, conn: conn, address: address, client: client}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accepted++
	if d.secure != nil {
		if s.pace != nil && s.pace.Decide(address.Unmap(), 0, time.Now().UnixNano()) != limit.Pass {
			s.tls.Accepted++
			s.tls.Refused++
			s.refused++
			_ = conn.SetLinger(0)
			_ = conn.Close()
			return
		}
		c.secure = tls.Server(conn, d.secure)
		c.conn = c.secure
		s.tls.Accepted++
		if s.opening >= s.limits.handshakes {
			s.evict(func(c *stream) bool { return c.opening })
		}
		c.opening = true
		s.opening++
		_ = conn.SetDeadline(time.Now().Add(s.limits.handshake))
	}
	switch {
	case s.clients[client] >= s.limits.perClient:
		s.evict(func(c *stream) bool { return c.client == client })
	case s.open.Len() >= s.limits.connections:
		s.evict(func(*stream) bool { return true })
	}
	c.place = s.open.PushBack(c)
	s.clients[client]++
	s.running.Go(c.serve)
}

// evict closes the first connection in the order of idleness that match takes. s.mu is held.
func (s *streams) evict(match func(*stream) bool) {
	for e := s.open.Front(); e != nil; e = e.Next() {
		if c := e.Value.(*stream); match(c) {
			s.refused++
			s.remove(c)
			_ = c.tcp.Close() // a farewell of TLS could block
			return
		}
	}
}

// cutOff notes why a connection is ended that its client would have gone on with.
func (s *streams) cutOff(why cut) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut[why]++
}

// cut says why a connection was ended from here, besides for being idle.
type cut uint8

const (
	cutSlowReader cut = iota // it left its answers unread
	cutSlowQuery             // it did not end the query that it began
	cutGarbage               // what it sent is no query
	cuts
)

var cutNames = [cuts]string{cutSlowReader: "slow_reader", cutSlowQuery: "slow_query", cutGarbage: "garbage"}

// remove takes c off the list, if it is still there. s.mu is held.
func (s *streams) remove(c *stream) {
	if c.place == nil {
		return
	}
	s.open.Remove(c.place)
	c.place = nil
	switch {
	case c.opening:
		c.opening = false
		s.opening--
		s.tls.Failed++
	case c.secure != nil:
		s.tls.Open--
	}
	if s.clients[c.client]--; s.clients[c.client] == 0 {
		delete(s.clients, c.client)
	}
}

// opened ends the handshake of c.
func (s *streams) opened(c *stream, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err != nil:
		s.remove(c)
	case c.place != nil:
		c.opening = false
		s.opening--
		s.tls.Open++
	}
}

// leave is the end of a connection. TLS ends with a farewell (RFC 7858 section 3.4, RFC 8446 section 6.1); while that is being sent c
// still counts, and can be evicted.
func (s *streams) leave(c *stream) {
	if c.secure != nil {
		_ = c.secure.Close()
	}
	s.mu.Lock()
	s.remove(c)
	s.mu.Unlock()
	_ = c.tcp.Close()
}

// touch marks c as the one that was busy last.
func (s *streams) touch(c *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.place != nil {
		s.open.MoveToBack(c.place)
	}
}

// arm sets the deadline for what c reads next, and for what TLS writes on its own meanwhile. Under mu, so that stop, which
// moves it, has the last word.
func (s *streams) arm(c *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	waits := c.start == c.end
	switch {
	case !s.end.IsZero():
		c.looked = true
		deadline := s.end
		if waits {
			deadline = time.Now().Add(lastLook)
		}
		_ = c.tcp.SetDeadline(deadline)
	case waits:
		_ = c.tcp.SetDeadline(time.Now().Add(s.limits.idle))
	case !c.partial:
		c.partial = true
		_ = c.tcp.SetDeadline(time.Now().Add(s.limits.message))
	}
}

// stop ends the waiting of all connections for queries: each has a last look and leaves.
func (s *streams) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end = time.Now().Add(s.limits.grace)
	for e := s.open.Front(); e != nil; e = e.Next() {
		_ = e.Value.(*stream).tcp.SetReadDeadline(longAgo)
	}
}

func (s *streams) stopping() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.end.IsZero()
}

// wait returns when all connections are closed; those that are still busy at the end are cut.
func (s *streams) wait() {
	cut := time.AfterFunc(time.Until(s.end), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for e := s.open.Front(); e != nil; e = e.Next() {
			_ = e.Value.(*stream).tcp.Close()
		}
	})
	s.running.Wait()
	cut.Stop()
}

// count fills in what c tells of streams.
func (s *streams) count(c *Counters) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.Open, c.Accepted, c.Refused = uint64(s.open.Len()), s.accepted, s.refused
	c.Cut = make(map[string]uint64, cuts)
	for why, n := range s.cut {
		c.Cut[cutNames[why]] = n
	}
	if c.TLS != nil {
		*c.TLS = s.tls
	}
}
