package front

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
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
	asked        atomic.Int64 // the write deadline that was set, in Unix nanoseconds; 0: none
	handled      atomic.Bool  // the handler was asked about the last request of net/http's

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

// old says that x has been open for long enough. One that is never closed keeps its client from seeing that the name points elsewhere.
func (x *conn) old(now time.Time) bool { return now.Sub(x.born) > x.server.opt.Limits.Life }

// Close is part of net.Conn.
func (x *conn) Close() error {
	x.once.Do(func() {
		x.server.census.leave(x)
		x.err = x.TCPConn.Close()
	})
	return x.err
}

// Write is part of net.Conn. It takes no longer than Limits.Write, whatever the deadline: TLS answers updates of keys while it reads
// (RFC 8446 section 4.6.3), and HTTP/2 writes for all of its streams together, with no deadline.
func (x *conn) Write(b []byte) (int, error) {
	until := time.Now().Add(x.server.opt.Limits.Write)
	if asked := x.asked.Load(); asked != 0 && asked < until.UnixNano() {
		until = time.Unix(0, asked)
	}
	if err := x.TCPConn.SetWriteDeadline(until); err != nil {
		return 0, err
	}
	return x.TCPConn.Write(b)
}

// SetWriteDeadline is part of net.Conn.
func (x *conn) SetWriteDeadline(t time.Time) error {
	asked := int64(0)
	if !t.IsZero() {
		asked = t.UnixNano()
	}
	x.asked.Store(asked)
	return x.TCPConn.SetWriteDeadline(t)
}

// SetDeadline is part of net.Conn.
func (x *conn) SetDeadline(t time.Time) error {
	return errors.Join(x.SetReadDeadline(t), x.SetWriteDeadline(t))
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

// kill ends whatever goes on with x, unless a loop has it, which doesn't take long with anything.
func (x *conn) kill() {
	x.unlink()
	if tcp, ok := x.reader.(*net.TCPConn); ok {
		tcp.Close()
	}
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

// first returns who has been in it longest; nil if there is nobody.
func (l *line) first() *conn {
	if l.ends.behind == &l.ends {
		return nil
	}
	return l.ends.behind
}

// stopFirst stops who is first; false if there is none.
func (l *line) stopFirst() bool {
	x := l.first()
	if x != nil {
		x.stop()
	}
	return x != nil
}

func (l *line) stopLate(now time.Time) {
	for x := l.first(); x != nil && now.Sub(x.since) > l.limit; x = l.first() {
		x.stop()
	}
}
