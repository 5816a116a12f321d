package server

import (
	"container/list"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

const (
	headerLength = 12     // of a DNS message: nothing shorter is one
	maxMessage   = 65_535 // octets, what the two octets of length can say
	// bufferSize is what a connection holds to read into, and gathers answers in. Longer queries and answers
	// take more for as long as they are there.
	bufferSize = 4 << 10
	// flushAt is how many octets of answers are gathered before they are written.
	flushAt = 16 << 10
	// lastLook is how long a connection of a stopping server waits for queries that the kernel holds.
	lastLook = 10 * time.Millisecond
)

var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// stream is one TCP connection: messages with two octets of length before each (RFC 1035 section 4.2.2),
// answered in the order they came in. All but place and opening belongs to the goroutine that serves it.
type stream struct {
	streams *streams
	engines chan *engine
	tcp     *net.TCPConn
	secure  *tls.Conn // over tcp; nil without TLS
	conn    net.Conn  // what messages go over: one of the two
	address netip.Addr
	client  netip.Prefix

	input      []byte
	start, end int  // input[start:end] was read and not answered yet
	partial    bool // that is the begin of a message, and its deadline runs
	looked     bool // the server stops, and this connection has got its last deadline

	place   *list.Element // in streams.open, under streams.mu
	opening bool          // TLS, under streams.mu
}

func (c *stream) serve() {
	defer c.streams.leave(c)
	if c.secure != nil {
		err := c.secure.Handshake() // until the deadline that admit has set
		if c.streams.opened(c, err); err != nil {
			return
		}
	}
	buffer := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buffer)
	c.input = buffer[:]
	for c.read() {
		for more := true; more; {
			var err error
			if more, err = c.answer(); err != nil {
				return
			}
		}
		if c.start == c.end { // perhaps a long query has gone
			c.input, c.start, c.end = buffer[:], 0, 0
		}
	}
}

// read waits for octets, and says whether there are any.
func (c *stream) read() bool {
	if c.start > 0 {
		c.end = copy(c.input, c.input[c.start:c.end])
		c.start = 0
	}
	if c.end == len(c.input) {
		// By no more than what came in already: a length of 65,535 alone costs its sender nothing.
		longer := make([]byte, min(2*len(c.input), 2+maxMessage))
		copy(longer, c.input)
		c.input = longer
	}
	for {
		c.streams.arm(c)
		n, err := c.conn.Read(c.input[c.end:])
		c.end += n
		if n > 0 {
			return true // an error comes again
		}
		late := errors.Is(err, os.ErrDeadlineExceeded)
		if !late || c.looked || !c.streams.stopping() {
			if late && c.partial {
				c.streams.cutOff(cutSlowQuery)
			}
			return false
		}
	}
}

var errFraming = errors.New("not a DNS message")

// next takes the next complete message from the input; nil if there is none.
func (c *stream) next() ([]byte, error) {
	input := c.input[c.start:c.end]
	if len(input) < 2 {
		return nil, nil
	}
	length := int(binary.BigEndian.Uint16(input))
	if length < headerLength {
		return nil, errFraming
	}
	if len(input) < 2+length {
		return nil, nil
	}
	c.start += 2 + length
	c.partial = false
	return input[2:][:length], nil
}

// answer answers the messages that are complete, up to about flushAt octets of answers, with one write
// (RFC 7766 section 6.2.1.1, section 8), and says whether there may be more of them. After an error the connection is of no more use.
func (c *stream) answer() (more bool, err error) {
	query, err := c.next()
	if query == nil {
		return false, err
	}
	buffer := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buffer)
	out := buffer[:0]
	engine := <-c.engines
	for query != nil {
		p := engine.one(query, c.address)
		if p.drop == unanswered {
			// A response, or no header that makes sense: who sends this has lost its framing, or means no good.
			err = errFraming
			break
		}
		if p.length > 0 {
			out = binary.BigEndian.AppendUint16(out, uint16(p.length))
			out = append(out, p.room[:p.length]...)
		}
		if len(out) >= flushAt {
			more = true
			break
		}
		if query, err = c.next(); err != nil {
			break
		}
	}
	c.engines <- engine
	c.streams.touch(c)
	if err != nil {
		c.streams.cutOff(cutGarbage)
	}
	return more, errors.Join(c.write(out), err)
}

func (c *stream) write(out []byte) error {
	if len(out) == 0 {
		return nil
	}
	_ = c.conn.SetWriteDeadline(time.Now().Add(c.streams.limits.write))
	_, err := c.conn.Write(out)
	if err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			c.streams.cutOff(cutSlowReader)
		}
		_ = c.tcp.SetLinger(0) // the kernel needn't keep either what the client doesn't read
	}
	return err
}
