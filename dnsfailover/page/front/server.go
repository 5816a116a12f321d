package front

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
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
	Head             time.Duration // for a TLS handshake, and for the head of a request from its first octet on
	Idle             time.Duration // between requests
	Body             time.Duration // for a whole request of net/http's
	Life             time.Duration // of a connection
	HeadBytes        int
}

// Server answers on any number of listeners. Run may be called once for each.
type Server struct {
	opt      Options
	census   census
	handover *handover
	http     *http.Server
	counters counters

	mu      sync.Mutex
	ours    map[*counted]struct{} // in the loop, not in net/http
	closing atomic.Bool
	loops   sync.WaitGroup
}

type counters struct {
	accepted, handshakes          atomic.Uint64
	refusedInAll, refusedOfClient atomic.Uint64
}

// Counters are what a Server has seen.
type Counters struct {
	Open                          int
	Accepted, Handshakes          uint64 // Handshakes: those of TLS that failed
	RefusedInAll, RefusedOfClient uint64
}

// New returns a server that listens nowhere yet.
func New(opt Options) *Server {
	s := &Server{opt: opt, ours: map[*counted]struct{}{}}
	s.census = census{most: opt.Limits.Conns, mostOfOne: opt.Limits.PerClient, each: map[netip.Addr]int{}}
	s.handover = newHandover(&net.TCPAddr{})
	s.http = &http.Server{
		Handler:           opt.Handler,
		TLSConfig:         opt.TLS,
		ReadHeaderTimeout: opt.Limits.Head,
		IdleTimeout:       opt.Limits.Idle,
		MaxHeaderBytes:    opt.Limits.HeadBytes,
		ConnContext:       withOrigin,
		ErrorLog:          slog.NewLogLogger(opt.Log.Handler(), slog.LevelDebug), // strangers could fill the log
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: 100, MaxReceiveBufferPerConnection: 1 << 20, MaxReceiveBufferPerStream: 256 << 10},

		DisableGeneralOptionsHandler: true,
	}
	return s
}

// Counters returns what has been seen so far.
func (s *Server) Counters() Counters {
	return Counters{
		Open: s.census.open(), Accepted: s.counters.accepted.Load(), Handshakes: s.counters.handshakes.Load(),
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

// Run answers on all listeners until ctx ends; then it lets requests under way finish.
func (s *Server) Run(ctx context.Context, listeners []Listener) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, l := range listeners {
		group.Go(func() error { return s.accept(ctx, l) })
	}
	group.Go(func() error {
		if err := s.http.Serve(s.handover); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		for _, l := range listeners {
			l.Close()
		}
		s.stop()
		deadline, done := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer done()
		if s.http.Shutdown(deadline) != nil {
			s.http.Close()
		}
		s.handover.Close()
		return nil
	})
	err := group.Wait()
	s.loops.Wait()
	return err
}

// accept takes connections. When the system has no room left, it waits: the queue stays as it is.
func (s *Server) accept(ctx context.Context, l Listener) error {
	const shortest, longest = 5 * time.Millisecond, time.Second
	pause := shortest
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			pause = shortest
			s.admit(conn, l.Secure)
			continue
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, syscall.ECONNABORTED):
			continue
		case starved(err):
			s.opt.Log.Warn("connections wait, the system has no more room for them", "error", err, "pause", pause)
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
			pause = min(2*pause, longest)
			continue
		}
		return err
	}
}

func starved(err error) bool {
	for _, errno := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

// admit begins to serve a connection, or closes it at once if there are too many.
func (s *Server) admit(conn net.Conn, secure bool) {
	s.counters.accepted.Add(1)
	tcp, ok := conn.(*net.TCPConn)
	from, isTCP := conn.RemoteAddr().(*net.TCPAddr)
	if !ok || !isTCP {
		conn.Close()
		return
	}
	c := &counted{TCPConn: tcp, server: s, client: from.AddrPort().Addr().Unmap()}
	switch s.census.enter(client(c.client)) {
	case "all":
		s.counters.refusedInAll.Add(1)
	case "client":
		s.counters.refusedOfClient.Add(1)
	default:
		if !s.join(c) {
			c.Close()
			return
		}
		s.loops.Go(func() { s.serve(c, secure) })
		return
	}
	_ = tcp.SetLinger(0) // no state of the refused is kept
	tcp.Close()
}

// join notes that a connection is in the loop.
func (s *Server) join(c *counted) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		return false
	}
	s.ours[c] = struct{}{}
	return true
}

// leave notes that a connection is net/http's now.
func (s *Server) leave(c *counted) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.ours, c)
}

func (s *Server) forget(c *counted) { s.leave(c) }

// stop ends the loop of each connection: an answer takes microseconds, so there is none to wait for.
func (s *Server) stop() {
	s.mu.Lock()
	s.closing.Store(true)
	conns := make([]*counted, 0, len(s.ours))
	for c := range s.ours {
		conns = append(conns, c)
	}
	s.mu.Unlock()
	for _, c := range conns {
		_ = c.SetReadDeadline(time.Unix(1, 0))
	}
}
