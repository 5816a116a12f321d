package front

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// conn is a connection that is in the census until it is closed. While a loop has it, it is a descriptor and nothing else.
type conn struct {
	*net.TCPConn // nil while a loop has it
	server       *Server
	client       netip.Addr // whole address
	born         time.Time
	once         sync.Once
	err          error

	// The census's.
	since          time.Time // when it came into its line
	before, behind *conn     // its neighbours there; nil if it is in none
	reader         readCloser
}

// readCloser is how one who waits for octets is told that no more come. What has come already can still be read and answered.
type readCloser interface{ CloseRead() error }

func newConn(s *Server, client netip.Addr, reader readCloser) *conn {
	return &conn{server: s, client: client, born: time.Now(), reader: reader}
}

// Close is part of net.Conn.
func (x *conn) Close() error {
	x.once.Do(func() {
		x.server.census.leave(x)
		x.err = x.TCPConn.Close()
	})
	return x.err
}

func (x *conn) unlink() {
	if x.before != nil {
		x.before.behind, x.behind.before = x.behind, x.before
		x.before, x.behind = nil, nil
	}
}

// stop ends the waiting of x. Who reads from it closes it.
func (x *conn) stop() {
	x.unlink()
	_ = x.reader.CloseRead()
}

// line is connections in the order in which they joined it.
type line struct {
	ends  conn // behind it is the first, before it the last; itself if there is none
	limit time.Duration
}

func (l *line) init(limit time.Duration) {
	l.limit = limit
	l.ends.before, l.ends.behind = &l.ends, &l.ends
}

func (l *line) join(x *conn, now time.Time) {
	x.since = now
	x.before, x.behind = l.ends.before, &l.ends
	x.before.behind, l.ends.before = x, x
}

// stopFirst stops who is first; false if there is none.
func (l *line) stopFirst() bool {
	first := l.ends.behind
	if first == &l.ends {
		return false
	}
	first.stop()
	return true
}

func (l *line) stopLate(now time.Time) {
	for first := l.ends.behind; first != &l.ends && now.Sub(first.since) > l.limit; first = l.ends.behind {
		first.stop()
	}
}
