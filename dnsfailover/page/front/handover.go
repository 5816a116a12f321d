package front

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"sync"
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

func (h *handover) give(c net.Conn) {
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

type originKey struct{}

// Origin is what is known of where a request came from.
type Origin struct {
	Client netip.Addr
	Secure bool
}

// OriginOf returns where r came from.
func OriginOf(r *http.Request) Origin {
	o, _ := r.Context().Value(originKey{}).(Origin)
	return o
}

// withOrigin is http.Server.ConnContext.
func withOrigin(ctx context.Context, c net.Conn) context.Context {
	var o Origin
	if r, ok := c.(*resumed); ok {
		o.Secure = r.secure
		c = r.Conn
	}
	if t, ok := c.(*tls.Conn); ok {
		o.Secure = true
		c = t.NetConn()
	}
	if t, ok := c.(*counted); ok {
		o.Client = t.client
	}
	return context.WithValue(ctx, originKey{}, o)
}
