package front

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"dnsfailover/dnsfailover/page/seldom"
)

// Options are what a Server needs.
type Options struct {
	// Answer appends the answer to a plain request. With end, or if it says last, the connection is closed after it, which the
	// answer must announce. If it isn't ok, Handler is asked instead.
	Answer func(out []byte, r *Request, end bool) (answer []byte, last, ok bool)
	// Handler answers everything else.
	Handler http.Handler
	TLS     *tls.Config // for the listeners that are secure; nil if there are none
	Limits  Limits
	Log     *slog.Logger
}

// Limits bound what clients may cost.
type Limits struct {
	Conns, PerClient int           // open at once; an IPv6 client is a /64
	Head             time.Duration // for a TLS handshake, for the head of a request from its first octet on, and to take an answer
	Idle             time.Duration // between requests
	Write            time.Duration // to take what is written to it at once
	Life             time.Duration // of a connection
	HeadBytes        int
}

// Server answers on any number of listeners.
type Server struct {
	opt      Options
	census   *census
	handover *handover
	http     *http.Server
	counters counters
	panics   seldom.Thing   // are logged
	portable bool           // no loops: a goroutine for each connection
	ours     sync.WaitGroup // connections that are a loop's or a stream's
}

type counters struct {
	accepted, handshakes, shed, panics atomic.Uint64
	malformed                          atomic.Uint64
	refusedInAll, refusedOfClient      atomic.Uint64
}

// Counters are what a Server has seen.
type Counters struct {
	Open                          int
	Accepted, Handshakes          uint64 // Handshakes: those of TLS that failed
	Shed                          uint64 // had to make room
	Panics                        uint64 // cost a connection each
	Malformed                     uint64 // requests that no handler has seen, of HTTP/1
	RefusedInAll, RefusedOfClient uint64
}

// New returns a server that listens nowhere yet.
func New(opt Options) *Server {
	s := &Server{opt: opt, census: newCensus(opt.Limits)}
	s.handover = newHandover(&net.TCPAddr{})
	s.http = &http.Server{
		Handler:           s.guard(opt.Handler),
		TLSConfig:         opt.TLS,
		ReadHeaderTimeout: opt.Limits.Head,
		IdleTimeout:       opt.Limits.Idle,
		MaxHeaderBytes:    opt.Limits.HeadBytes,
		ConnContext:       withOrigin,
		ConnState:         noteState,
		ErrorLog:          slog.NewLogLogger(opt.Log.Handler(), slog.LevelDebug), // strangers could fill the log
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: 100, MaxReceiveBufferPerConnection: 1 << 20, MaxReceiveBufferPerStream: 256 << 10},

		DisableGeneralOptionsHandler: true,
	}
	return s
}

// Counters returns what has been seen so far.
func (s *Server) Counters() Counters {
	return Counters{
		Open: s.census.open(), Accepted: s.counters.accepted.Load(), Handshakes: s.counters.handshakes.Load(), Shed: s.counters.shed.Load(), Panics: s.counters.panics.Load(),
		Malformed:    s.counters.malformed.Load(),
		RefusedInAll: s.counters.refusedInAll.Load(), RefusedOfClient: s.counters.refusedOfClient.Load(),
	}
}

// Listener is where clients come in.
type Listener struct {
	net.Listener
	Secure bool // TLS
}

// grace is for the requests under way when the server stops.
const grace = 10 * time.Second

// Run answers on all listeners until ctx ends; then it lets requests under way finish. It is called once.
func (s *Server) Run(ctx context.Context, listeners []Listener) error {
	loops, err := s.startLoops()
	if err != nil {
		return err
	}
	defer loops.stop()
	group, ctx := errgroup.WithContext(ctx)
	entrances := make([]entrance, len(listeners))
	var late *time.Timer
	for i, l := range listeners {
		if entrances[i] = loops.entrance(s, l); entrances[i] == nil {
			entrances[i] = door{s, l}
		}
		group.Go(func() error { return s.accept(ctx, entrances[i]) })
	}
	group.Go(func() error {
		if err := s.http.Serve(s.handover); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		s.watch(ctx)
		for _, e := range entrances {
			e.Close()
		}
		s.census.close()
		late = time.AfterFunc(grace, s.census.kill)
		deadline, done := context.WithTimeout(context.WithoutCancel(ctx), grace+time.Second)
		defer done()
		if s.http.Shutdown(deadline) != nil {
			s.http.Close()
		}
		return nil
	})
	err = group.Wait()
	s.ours.Wait()
	late.Stop()
	s.census.kill() // connections that were taken over from net/http
	return err
}

// watch leaves who takes too long, until ctx ends.
func (s *Server) watch(ctx context.Context) {
	tick := time.NewTicker(min(time.Second, s.opt.Limits.Head/4, s.opt.Limits.Idle/4))
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			s.census.stopLate(now)
		case <-ctx.Done():
			return
		}
	}
}

// accept takes connections. When the system has no room left, who has waited longest makes some. Whatever else is wrong
// (accept(2) names a dozen errors of the network's) may pass: those who come wait in the queue.
func (s *Server) accept(ctx context.Context, e entrance) error {
	const shortest, longest, every = 5 * time.Millisecond, time.Second, 10 * time.Second
	pause := shortest
	var waiting seldom.Thing
	for {
		err := e.next()
		switch {
		case err == nil:
			pause = shortest
			continue
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, syscall.ECONNABORTED):
			continue
		case errors.Is(err, net.ErrClosed), errors.Is(err, os.ErrClosed):
			return err
		}
		if _, due := waiting.Due(time.Now(), every); due {
			s.opt.Log.Warn("connections wait, the system lets none in", "error", err)
		}
		if starved(err) && s.census.makeRoom() {
			s.counters.shed.Add(1)
			pause = shortest
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		pause = min(2*pause, longest)
	}
}

func starved(err error) bool {
	for _, errno := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ENOSPC} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

// entrance is how connections come in at one listener.
type entrance interface {
	// next lets one in, or refuses it. An error is that of the listener.
	next() error
	Close() error
}

// door lets connections in that have a goroutine each.
type door struct {
	server *Server
	Listener
}

func (d door) next() error {
	c, err := d.Accept()
	if err != nil {
		return err
	}
	tcp, ok := c.(*net.TCPConn)
	from, isTCP := c.RemoteAddr().(*net.TCPAddr)
	if !ok || !isTCP {
		return c.Close()
	}
	x := newConn(d.server, from.AddrPort().Addr().Unmap(), tcp)
	x.TCPConn = tcp
	if !d.server.admit(x) {
		_ = tcp.SetLinger(0) // no state of the refused is kept
		return tcp.Close()
	}
	st := &stream{server: d.server, client: x, conn: x, secure: d.Secure}
	go st.begin()
	return nil
}

// admit counts a new connection; false if it is to be refused. Who has it calls ours.Done in the end.
func (s *Server) admit(x *conn) bool {
	s.counters.accepted.Add(1)
	switch s.census.enter(x, x.born) {
	case refusedInAll:
		s.counters.refusedInAll.Add(1)
		return false
	case refusedOfClient:
		s.counters.refusedOfClient.Add(1)
		return false
	case refusedAtEnd:
		return false
	case admittedByRoom:
		s.counters.shed.Add(1)
	case admitted:
	}
	s.ours.Add(1)
	return true
}
