package front

import (
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// descriptor is a connection as a loop has it.
type descriptor int

// CloseRead is part of readCloser.
func (fd descriptor) CloseRead() error { return unix.Shutdown(int(fd), unix.SHUT_RD) }

// rounds is how often a desk reads from a connection that sends without end, before that gets a goroutine of its own.
const rounds = 16

// desk serves connections that are descriptors, one after the other, by system calls that don't block, so that the scheduler needn't
// know of them. Whatever can't be done at once gets a goroutine of its own: the rest of a head, the rest of an answer, a
// request for net/http.
type desk struct {
	server *Server
	buf    *buffers
	coarse time.Duration // how precisely the census knows who waits
}

func newDesk(s *Server) desk {
	return desk{server: s, buf: &buffers{out: make([]byte, 0, 4*enough)}, coarse: s.opt.Limits.Idle / 8}
}

// serve reads what there is, and answers. What comes next is to wait for more (toRead) or to close (toClose) if all is done; if
// not, leave is to go on with it. A loop is told of each change once, so all must be read: that it is is plain
// from a read that didn't fill the buffer, unless the other side has ended.
func (d *desk) serve(x *conn, fd int, ended bool, now time.Time) (next step, done bool) {
	b := d.buf
	for round := 1; ; round++ {
		n, errno := transfer(unix.SYS_READ, fd, b.in[:])
		switch {
		case errno == unix.EAGAIN:
			return toRead, true
		case errno != 0 || n == 0:
			return toClose, true
		}
		b.n = n
		for next = toRespond; next == toRespond; {
			next = d.server.respond(x, false, b, now)
			if !d.flush(fd) || next == toPass || next != toRespond && b.n > 0 || next == toRead && round == rounds {
				return next, false
			}
		}
		if next == toClose || n < len(b.in) && !ended {
			return next, true
		}
	}
}

// flush sends what was answered, and returns whether there was room for all of it.
func (d *desk) flush(fd int) bool {
	b := d.buf
	if len(b.out) == 0 {
		return true
	}
	n, errno := transfer(unix.SYS_WRITE, fd, b.out)
	if errno != 0 {
		n = 0
	}
	b.out = b.out[:copy(b.out, b.out[n:])]
	return len(b.out) == 0
}

// close closes x, which can be closed at once.
func (d *desk) close(x *conn, fd int) {
	d.server.census.leave(x)
	shut(fd)
	d.server.ours.Done()
}

// leave makes x a stream that goes on with next.
func (d *desk) leave(x *conn, fd int, next step) {
	st := &stream{server: d.server, client: x, conn: x, buf: take()}
	st.buf.n = copy(st.buf.in[:], d.buf.in[:d.buf.n])
	st.buf.out = append(st.buf.out, d.buf.out...)
	d.buf.out = d.buf.out[:0]
	file := os.NewFile(uintptr(fd), "tcp")
	defer file.Close()
	c, err := net.FileConn(file) // a duplicate that has nothing to do with file
	if err != nil {
		d.server.census.leave(x)
		d.server.ours.Done()
		return
	}
	x.TCPConn = c.(*net.TCPConn)
	d.server.census.becomes(x, x.TCPConn)
	go st.resume(next)
}
