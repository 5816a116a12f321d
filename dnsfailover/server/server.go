package server

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"dnsfailover/dnsfailover/certs"
	"dnsfailover/dnsfailover/limit"
	"dnsfailover/zones"
)

// Options are what Listen needs.
type Options struct {
	// Addresses are where to listen, each over UDP and TCP. Port 0 picks one that is free for both.
	Addresses []netip.AddrPort
	// Set returns the zones that are served now. It is called once per batch, by many goroutines.
	Set func() *zones.Set
	// Settings returns how queries are answered; nil, or if it returns nil: the defaults. It too is called once per batch.
	Settings func() *zones.Settings
	// Limit returns what limits the rate of answers over UDP; nil, or if it returns nil: nothing does. Once per batch.
	Limit func() *limit.Limiter
	TLS   *TLSOptions // nil: off
	Log   *slog.Logger
	// Workers is the number of UDP workers per address; as many as Go uses processors if zero.
	Workers int
	// Portable takes the portable loop even where there is a better one.
	Portable bool
}

// TLSOptions are what DNS over TLS (RFC 7858) needs.
type TLSOptions struct {
	Addresses []netip.AddrPort
	// Certificate and Key are files in PEM. When they change they are loaded again.
	Certificate, Key string
}

// tuning is what tests change.
type tuning struct {
	respond func() responder
	limits  limits
}

// Server answers DNS queries over UDP, TCP and TLS.
type Server struct {
	opt         Options
	bindings    []*binding
	workers     []*worker
	streams     *streams
	tcp, tls    *door
	certificate *certs.Certificate // nil without TLS
	engines     []*engine          // all there are, of any transport, for Counters
	panics      *panicLog
	// parting are the settings of a server that stops.
	parting atomic.Pointer[zones.Settings]
}

// Listen binds every address, or none and says why. From then on the kernel queues what comes in; Run answers it.
func Listen(opt Options) (*Server, error) {
	return listen(opt, tuning{respond: newZonesResponder, limits: defaultLimits()})
}

func listen(opt Options, tune tuning) (*Server, error) {
	if opt.Workers == 0 {
		opt.Workers = runtime.GOMAXPROCS(0)
	}
	s := &Server{
		opt:     opt,
		streams: newStreams(tune.limits, opt.Log),
		panics:  &panicLog{log: opt.Log},
	}
	var err error
	if opt.TLS != nil {
		if s.certificate, err = certs.New([2]string{opt.TLS.Certificate, opt.TLS.Key}, tune.limits.reread, opt.Log); err != nil {
			return nil, err
		}
	}
	if s.bindings, err = bindAll(opt); err != nil {
		return nil, err
	}
	for _, b := range s.bindings {
		for _, socket := range b.sockets {
			s.workers = append(s.workers, &worker{socket: socket, engine: s.engine(zones.UDP, tune)})
		}
	}
	s.tcp = s.door(zones.Stream, tune)
	if s.certificate != nil {
		s.tls = s.door(zones.TLS, tune)
		s.tls.secure = &tls.Config{
			GetCertificate: s.certificate.Get,
			MinVersion:     tls.VersionTLS12, // RFC 8310 section 9
			NextProtos:     []string{"dot"},  // who names none is welcome too
		}
	}
	return s, nil
}

func (s *Server) engine(transport zones.Transport, tune tuning) *engine {
	e := &engine{
		load: s.world, transport: transport, panics: s.panics,
		fresh: tune.respond, responder: tune.respond(),
	}
	if transport == zones.UDP && s.opt.Limit != nil { // who has a connection has shown where he is
		e.load = s.limitedWorld
	}
	s.engines = append(s.engines, e)
	return e
}

// door returns a door with as many engines as can run at once: a connection borrows one while it answers, never while it waits.
func (s *Server) door(transport zones.Transport, tune tuning) *door {
	engines := runtime.GOMAXPROCS(0)
	d := &door{engines: make(chan *engine, engines)}
	for range engines {
		e := s.engine(transport, tune)
		e.single[0].room = make([]byte, maxMessage)
		d.engines <- e
	}
	return d
}

// world returns what queries are answered with now.
func (s *Server) world() world {
	w := world{set: s.opt.Set(), settings: s.parting.Load()}
	if w.settings == nil {
		w.settings = s.settings()
	}
	return w
}

func (s *Server) limitedWorld() world {
	w := s.world()
	w.limiter = s.opt.Limit()
	return w
}

func (s *Server) settings() *zones.Settings {
	if s.opt.Settings == nil {
		return nil
	}
	return s.opt.Settings()
}

// part lets answers tell clients to close their connections (RFC 7828 section 3.3.2).
func (s *Server) part() {
	var parting zones.Settings
	if now := s.settings(); now != nil {
		parting = *now
	}
	parting.Idle = -1
	s.parting.Store(&parting)
}

// Addresses returns where the server listens for UDP and TCP, with the ports that were picked.
func (s *Server) Addresses() []netip.AddrPort { return s.listening(false) }

// TLSAddresses returns where the server listens for TLS, with the ports that were picked.
func (s *Server) TLSAddresses() []netip.AddrPort { return s.listening(true) }

func (s *Server) listening(secure bool) (out []netip.AddrPort) {
	for _, b := range s.bindings {
		if b.secure == secure {
			out = append(out, b.address)
		}
	}
	return out
}

// UseCertificate takes the certificate from other files, or from the same at once. If it can't be used, the one before stays.
// Without TLS it does nothing.
func (s *Server) UseCertificate(certificateFile, keyFile string) error {
	if s.certificate == nil {
		return nil
	}
	return s.certificate.Use([2]string{certificateFile, keyFile})
}

// Problems says what an operator should mend, one sentence each.
func (s *Server) Problems(now time.Time) []string {
	if s.certificate == nil {
		return nil
	}
	return s.certificate.Problems("listen.tls", now)
}

// Run answers until ctx ends, then answers what the sockets still hold, for a second at most, and closes them.
// It is called once. Its error is always nil.
func (s *Server) Run(ctx context.Context) error {
	var workers, acceptors sync.WaitGroup
	grace := s.streams.limits.grace
	for _, w := range s.workers {
		workers.Go(func() { w.run(grace) })
	}
	for _, b := range s.bindings {
		d := s.tcp
		if b.secure {
			d = s.tls
		}
		acceptors.Go(func() { s.streams.accept(ctx, b.listener, d) })
	}
	<-ctx.Done()

	s.part()
	for _, b := range s.bindings {
		_ = b.listener.Close()
	}
	acceptors.Wait()
	s.streams.stop()
	for _, b := range s.bindings {
		b.wake()
	}
	// No socket is closed before all are drained: the kernel deals the packets
	// of a closed one to those that share its port.
	workers.Wait()
	for _, b := range s.bindings {
		b.close()
	}
	s.streams.wait()
	return nil
}

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)
