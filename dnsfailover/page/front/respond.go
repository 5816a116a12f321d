package front

import (
	"bytes"
	"sync"
	"time"
)

// maxHead is the longest head of a request that is answered here, in octets.
const maxHead = 4 << 10

// enough is how many octets of answers are sent before more requests are looked at.
const enough = 16 << 10

// buffers are for what has been read, in[:n], and what is to be written, out.
type buffers struct {
	in  [maxHead]byte
	n   int
	out []byte
	req Request
}

var pool = sync.Pool{New: func() any { return new(buffers) }}

// take returns empty buffers.
func take() *buffers { return pool.Get().(*buffers) }

func (b *buffers) give() {
	if cap(b.out) <= 4*enough {
		b.n, b.out, b.req = 0, b.out[:0], Request{}
		pool.Put(b)
	}
}

// step is what is to be done with a connection when out is written.
type step uint8

const (
	toRead    step = iota // wait for more
	toRespond             // there is more to answer
	toClose               // that was the last answer
	toPass                // what is in the buffer is for net/http
)

// respond answers the plain requests in b, from x. A panic costs the connection.
func (s *Server) respond(x *conn, secure bool, b *buffers, now time.Time) (next step) {
	defer func() {
		if p := recover(); p != nil {
			s.caught(p)
			b.n, next = 0, toClose
		}
	}()
	for b.n > 0 {
		size := bytes.Index(b.in[:b.n], []byte("\r\n\r\n"))
		switch {
		case size >= 0:
		case b.n == maxHead, odd(b.in[:b.n]):
			return toPass
		default:
			return toRead
		}
		size += 4
		if !b.req.parse(b.in[:size]) {
			return toPass
		}
		b.req.Client, b.req.Secure, b.req.Now = x.client, secure, now
		end := x.old(now) || s.census.closed.Load()
		out, last, ok := s.opt.Answer(b.out, &b.req, end)
		if !ok {
			return toPass
		}
		b.out = out
		last = last || b.req.Close
		b.n = copy(b.in[:], b.in[size:b.n])
		switch {
		case last:
			return toClose
		case len(out) > enough:
			return toRespond
		}
	}
	return toRead
}

// odd says that what has begun is no plain request and may never end like one: its lines end in LF alone, or it isn't HTTP.
func odd(begun []byte) bool {
	return begun[0] < 'A' || begun[0] > 'Z' || bytes.Contains(begun, []byte("\n\n")) || bytes.Contains(begun, []byte("\n\r\n"))
}
