package server

import (
	"errors"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"time"
)

const (
	// batchSize is how many packets a worker takes at once.
	batchSize = 64
	// maxQuery bounds queries over UDP, in octets. The longest that means something, an update signed with TSIG, is shorter.
	maxQuery = 4096
	// maxAnswer is the room for an answer over UDP, in octets: as much as may be configured.
	maxAnswer = 4096
	// stride is how far apart packets lie in memory. Were it 4096, all of them would compete for the same lines of the cache.
	stride = 4096 + 64
	// sendWait bounds how long a worker waits for a full send buffer.
	sendWait = 10 * time.Millisecond
)

// socket is the seam between the worker and how its system moves packets.
type socket interface {
	// receive returns the packets that came in, at most batchSize, valid until the next call. If there
	// are none it waits, or, if it must not, returns none. An error wraps os.ErrDeadlineExceeded or net.ErrClosed,
	// or else concerns one packet.
	receive(wait bool) ([]packet, error)
	// send sends the answers that have a length, each to where its query came from and
	// from where that was sent to, and returns how many the system refused.
	send(packets []packet) (refused int)
}

// portSocket is a socket with a port of its own.
type portSocket interface {
	socket
	port
}

// worker answers what comes in on one socket.
type worker struct {
	socket  socket
	engine  *engine
	refused atomic.Uint64
}

// run answers until the socket's deadline passes, then what the socket still holds, for grace at most.
func (w *worker) run(grace time.Duration) {
	failures := 0
	for {
		got, err := w.batch(true)
		switch {
		case err == nil:
			failures = 0
		case errors.Is(err, os.ErrDeadlineExceeded):
			w.drain(time.Now().Add(grace))
			return
		case errors.Is(err, net.ErrClosed):
			return
		default:
			// An ICMP error on its way to the reader, at most one per packet sent. Should
			// the system fail for good, this must not take the processor from those who could mend it.
			w.engine.tally.dropped[unreadable].Add(1)
			if failures++; failures > batchSize {
				time.Sleep(sendWait)
			}
		}
		if got == batchSize {
			runtime.Gosched() // in a flood of UDP the rest of the process gets its turn
		}
	}
}

// batch answers one batch and returns how many packets were in it.
func (w *worker) batch(wait bool) (int, error) {
	packets, err := w.socket.receive(wait)
	if len(packets) > 0 {
		w.engine.answer(packets)
		if refused := w.socket.send(packets); refused > 0 {
			w.refused.Add(uint64(refused))
		}
	}
	return len(packets), err
}

// drain answers without waiting until nothing is left. Closing a socket drops what is queued on it.
func (w *worker) drain(end time.Time) {
	for time.Now().Before(end) {
		if got, err := w.batch(false); err == nil && got == 0 {
			return
		}
	}
}
