package front

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// maxHead is the longest head of a request that is answered here, in octets.
const maxHead = 4 << 10

// buffers are for one answer: what was read, and what is written.
type buffers struct {
	in  [maxHead]byte
	out []byte
	req Request
}

var pool = sync.Pool{New: func() any { return &buffers{out: make([]byte, 0, 16<<10)} }}

// stream is one connection in the loop.
type stream struct {
	server *Server
	conn   net.Conn // what requests are read from
	secure bool
	client *counted
	raw    syscall.RawConn       // nil under TLS
	ready  func(fd uintptr) bool // reads once; false if there is nothing to read yet

	buf   *buffers // nil while nothing has been read
	n     int      // octets in buf.in
	err   error    // of the last read
	born  time.Time
	armed time.Time // when the deadline was last set
	hasty bool      // the deadline is that of a head
}

// serve answers on one connection until it ends or is handed over.
func (s *Server) serve(c *counted, secure bool) {
	now := time.Now()
	st := &stream{server: s, conn: c, secure: secure, client: c, born: now}
	if secure {
		if !st.handshake(now) {
			return
		}
	} else if raw, err := c.SyscallConn(); err == nil {
		st.raw = raw
		st.ready = st.readOnce
	}
	defer st.give()
	for st.next() {
	}
}

// handshake is TLS's. A client of HTTP/2 is handed over after it.
func (st *stream) handshake(now time.Time) bool {
	c := tls.Server(st.client, st.server.opt.TLS)
	_ = c.SetDeadline(now.Add(st.server.opt.Limits.Head))
	if err := c.Handshake(); err != nil {
		st.server.counters.handshakes.Add(1)
		st.client.Close()
		return false
	}
	if c.ConnectionState().NegotiatedProtocol == "h2" {
		_ = c.SetDeadline(time.Time{})
		st.server.leave(st.client)
		st.server.handover.give(c)
		return false
	}
	st.conn = c
	return true
}

// next answers what is there, and reads on. It returns false when the connection is no longer ours.
func (st *stream) next() bool {
	for st.n > 0 {
		end := bytes.Index(st.buf.in[:st.n], []byte("\r\n\r\n"))
		if end < 0 {
			break
		}
		end += 4
		req := &st.buf.req
		if !req.parse(st.buf.in[:end]) {
			return st.handOver()
		}
		req.Client, req.Secure = st.client.client, st.secure
		// A connection that is never closed keeps its client from seeing that the name points elsewhere.
		old := time.Since(st.born) > st.server.opt.Limits.Life
		out, last, ok := st.server.opt.Answer(st.buf.out, req, old)
		if !ok {
			return st.handOver()
		}
		st.buf.out = out
		st.n = copy(st.buf.in[:], st.buf.in[end:st.n])
		if last || req.Close || len(out) > 64<<10 {
			if !st.flush() || last || req.Close {
				return st.end(last || req.Close)
			}
		}
	}
	if st.n == maxHead {
		return st.handOver()
	}
	if st.buf != nil && len(st.buf.out) > 0 && !st.flush() {
		return st.end(false)
	}
	if !st.read() {
		return st.end(false)
	}
	return true
}

// read waits for more.
func (st *stream) read() bool {
	st.arm()
	if st.raw == nil {
		st.take()
		n, err := st.conn.Read(st.buf.in[st.n:])
		st.n += n
		return n > 0 && (err == nil || err == io.EOF)
	}
	if st.n == 0 {
		st.give()
	}
	st.err = nil
	if err := st.raw.Read(st.ready); err != nil {
		return false
	}
	return st.err == nil
}

// arm sets the deadline: that of a head if a part of one is there, else that of an idle connection.
func (st *stream) arm() {
	now := time.Now()
	switch {
	case st.server.closing.Load():
		_ = st.conn.SetDeadline(time.Unix(1, 0))
	case st.n > 0 && !st.hasty:
		st.hasty = true
		_ = st.conn.SetDeadline(now.Add(st.server.opt.Limits.Head))
	case st.n == 0 && (st.hasty || now.Sub(st.armed) > time.Second):
		st.hasty, st.armed = false, now
		_ = st.conn.SetDeadline(now.Add(st.server.opt.Limits.Idle + time.Second))
	}
}

// readOnce is what the runtime calls when there may be something to read.
func (st *stream) readOnce(fd uintptr) bool {
	fresh := st.buf == nil
	st.take()
	for {
		n, err := syscall.Read(int(fd), st.buf.in[st.n:])
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			if fresh {
				st.give()
			}
			return false
		case err != nil:
			st.err = err
		case n == 0:
			st.err = io.EOF
		default:
			st.n += n
		}
		return true
	}
}

func (st *stream) take() {
	if st.buf == nil {
		st.buf = pool.Get().(*buffers)
	}
}

func (st *stream) give() {
	if st.buf != nil {
		if cap(st.buf.out) <= 128<<10 {
			st.buf.out = st.buf.out[:0]
			st.buf.req = Request{}
			pool.Put(st.buf)
		}
		st.buf, st.n = nil, 0
	}
}

// flush sends what was answered.
func (st *stream) flush() bool {
	_, err := st.conn.Write(st.buf.out)
	st.buf.out = st.buf.out[:0]
	return err == nil
}

// end closes the connection. After a whole answer the client is given the time to read it: a reset, which unread octets
// would cause, could take it away.
func (st *stream) end(linger bool) bool {
	if linger {
		if st.secure {
			_ = st.conn.(*tls.Conn).CloseWrite()
		}
		_ = st.client.CloseWrite()
		if st.n > 0 || st.secure {
			_ = st.client.SetReadDeadline(time.Now().Add(time.Second))
			_, _ = io.CopyN(io.Discard, st.client, 64<<10)
		}
	}
	st.client.Close()
	return false
}

// handOver gives the connection to net/http, with what has been read.
func (st *stream) handOver() bool {
	if len(st.buf.out) > 0 && !st.flush() {
		return st.end(false)
	}
	_ = st.conn.SetDeadline(time.Time{})
	st.server.leave(st.client)
	st.server.handover.give(&resumed{Conn: st.conn, read: bytes.Clone(st.buf.in[:st.n]), secure: st.secure})
	return false
}
