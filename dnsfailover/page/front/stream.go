package front

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"time"
)

// stream is a connection with a goroutine of its own.
type stream struct {
	server *Server
	client *conn
	conn   net.Conn // what is read from and written to: client, or TLS over it
	secure bool

	buf   *buffers // nil while there is nothing in it
	first [1]byte  // what is waited for with
	begun bool     // the census knows that a head has begun
}

// begin answers on a new connection.
func (st *stream) begin() {
	defer st.server.ours.Done()
	if !st.secure || st.handshake() {
		st.run(toRead)
	}
}

// resume goes on with what a loop has begun.
func (st *stream) resume(next step) {
	defer st.server.ours.Done()
	st.run(next)
}

// handshake is TLS's. It returns false if that was it: a client of HTTP/2 is handed over after it.
func (st *stream) handshake() bool {
	c := tls.Server(st.client, st.server.opt.TLS)
	st.server.census.begins(st.client, time.Now())
	if err := c.Handshake(); err != nil {
		st.server.counters.handshakes.Add(1)
		st.client.Close()
		return false
	}
	if c.ConnectionState().NegotiatedProtocol == "h2" {
		st.server.handover.give(c, st.client)
		return false
	}
	st.server.census.waits(st.client, time.Now())
	st.conn = c
	return true
}

// run answers until the connection ends or is net/http's.
func (st *stream) run(next step) {
	defer st.give()
	for {
		if !st.flush() {
			next = toClose
		}
		switch next {
		case toRead:
			if !st.read() {
				st.client.Close()
				return
			}
		case toClose:
			st.end()
			return
		case toPass:
			st.pass()
			return
		case toRespond:
		}
		next = st.server.respond(st.client, st.secure, st.buf, time.Now())
	}
}

// read waits for more: for a request with a single octet of room, so that those who wait take none of the buffers.
func (st *stream) read() bool {
	if st.buf == nil || st.buf.n == 0 {
		st.give()
		st.begun = false
		if n, err := st.conn.Read(st.first[:]); n == 0 || err != nil && err != io.EOF {
			return false
		}
		st.buf = take()
		st.buf.in[0], st.buf.n = st.first[0], 1
	}
	if !st.begun {
		st.begun = true
		st.server.census.begins(st.client, time.Now())
	}
	n, err := st.conn.Read(st.buf.in[st.buf.n:])
	st.buf.n += n
	return n > 0 && (err == nil || err == io.EOF)
}

func (st *stream) give() {
	if st.buf != nil {
		st.buf.give()
		st.buf = nil
	}
}

// flush sends what was answered.
func (st *stream) flush() bool {
	if st.buf == nil || len(st.buf.out) == 0 {
		return true
	}
	st.server.census.works(st.client)
	_ = st.conn.SetWriteDeadline(time.Now().Add(st.server.opt.Limits.Head))
	_, err := st.conn.Write(st.buf.out)
	st.buf.out = st.buf.out[:0]
	st.server.census.waits(st.client, time.Now())
	st.begun = false
	return err == nil
}

// end closes the connection. After a whole answer the client is given the time to read it: a reset, which unread octets
// would cause, could take it away.
func (st *stream) end() {
	if st.secure {
		_ = st.conn.(*tls.Conn).CloseWrite()
	}
	_ = st.client.CloseWrite()
	if st.secure || st.buf != nil && st.buf.n > 0 {
		_ = st.client.SetReadDeadline(time.Now().Add(time.Second))
		_, _ = io.CopyN(io.Discard, st.client, 64<<10)
	}
	st.client.Close()
}

// pass gives the connection to net/http, with what has been read.
func (st *stream) pass() {
	_ = st.conn.SetDeadline(time.Time{})
	st.server.handover.give(&resumed{Conn: st.conn, read: bytes.Clone(st.buf.in[:st.buf.n]), secure: st.secure}, st.client)
}
