package front

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// handover is the listener from which net/http takes its connections.
type handover struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
	addr   net.Addr
}

func newHandover(addr net.Addr) *handover {
	return &handover{conns: make(chan net.Conn), closed: make(chan struct{}), addr: addr}
}

// give hands over c, which is or wraps x.
func (h *handover) give(c net.Conn, x *conn) {
	x.server.census.works(x)
	select {
	case h.conns <- c:
	case <-h.closed:
		c.Close()
	}
}

// Accept is part of net.Listener.
func (h *handover) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

// Close is part of net.Listener.
func (h *handover) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}

// Addr is part of net.Listener.
func (h *handover) Addr() net.Addr { return h.addr }

// resumed is a connection from which something has been read that its reader has still to see.
type resumed struct {
	net.Conn
	read   []byte
	secure bool
}

func (c *resumed) Read(b []byte) (int, error) {
	if len(c.read) > 0 {
		n := copy(b, c.read)
		if c.read = c.read[n:]; len(c.read) == 0 {
			c.read = nil
		}
		return n, nil
	}
	return c.Conn.Read(b)
}

// Write counts the answers that net/http gives by itself: no handler sees what is no request.
func (c *resumed) Write(b []byte) (int, error) {
	if x, _ := within(c); !x.handled.Swap(true) {
		x.server.counters.malformed.Add(1)
	}
	return c.Conn.Write(b)
}

type originKey struct{}

// Origin is what is known of where a request came from.
type Origin struct {
	Client netip.Addr
	Secure bool
	conn   *conn
}

// Old says that the connection has been open for long enough: the answer is to be its last.
func (o Origin) Old(now time.Time) bool { return o.conn != nil && o.conn.old(now) }

// OriginOf returns where r came from.
func OriginOf(r *http.Request) Origin {
	o, _ := r.Context().Value(originKey{}).(Origin)
	return o
}

// within returns the connection that c wraps, and whether it is secure.
func within(c net.Conn) (x *conn, secure bool) {
	if r, ok := c.(*resumed); ok {
		secure = r.secure
		c = r.Conn
	}
	if t, ok := c.(*tls.Conn); ok {
		secure = true
		c = t.NetConn()
	}
	x, _ = c.(*conn)
	return x, secure
}

// withOrigin is http.Server.ConnContext.
func withOrigin(ctx context.Context, c net.Conn) context.Context {
	x, secure := within(c)
	return context.WithValue(ctx, originKey{}, Origin{Client: x.client, Secure: secure, conn: x})
}

// noteState is http.Server.ConnState: what waits for its next request there can make room, too.
func noteState(c net.Conn, state http.ConnState) {
	x, _ := within(c)
	switch state {
	case http.StateIdle:
		x.server.census.waits(x, time.Now())
	case http.StateActive:
		x.server.census.works(x)
		x.handled.Store(false)
	case http.StateNew, http.StateHijacked, http.StateClosed:
	}
}
