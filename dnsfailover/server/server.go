package server

import (
	"context"
	"log/slog"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"dnsfailover/zones"
)

// Options are what Listen needs.
type Options struct {
	// Addresses are where to listen, each over UDP and TCP. Port 0 picks one that is free for both.
	Addresses []netip.AddrPort
	// Set returns the zones that are served now. It is called once per batch, by many goroutines.
	Set func() *zones.Set
	Log *slog.Logger
	// Workers is the number of UDP workers per address; as many as Go uses processors if zero.
	Workers int
	// Portable takes the portable loop even where there is a better one.
	Portable bool
}

// tuning is what tests change.
type tuning struct {
	respond func() responder
	limits  limits
}

// Server answers DNS queries over UDP and TCP.
type Server struct {
	addresses []netip.AddrPort
	bindings  []*binding
	workers   []*worker
	streams   *streams
	engines   []*engine // all there are, of either transport, for Counters
	panics    *panicLog
}

// Listen binds every address, or none and says why. From then on the kernel queues what comes in; Run answers it.
func Listen(opt Options) (*Server, error) {
	return listen(opt, tuning{respond: newZonesResponder, limits: defaultLimits()})
}

func listen(opt Options, tune tuning) (*Server, error) {
	if opt.Workers == 0 {
		opt.Workers = runtime.GOMAXPROCS(0)
	}
	bindings, err := bindAll(opt)
	if err != nil {
		return nil, err
	}
	s := &Server{
		bindings: bindings,
		panics:   &panicLog{log: opt.Log},
	}
	newEngine := func(transport zones.Transport) *engine {
		e := &engine{
			set: opt.Set, transport: transport, panics: s.panics,
			fresh: tune.respond, responder: tune.respond(),
		}
		s.engines = append(s.engines, e)
		return e
	}
	for _, b := range bindings {
		s.addresses = append(s.addresses, b.address)
		for _, socket := range b.sockets {
			s.workers = append(s.workers, &worker{socket: socket, engine: newEngine(zones.UDP)})
		}
	}
	// As many TCP engines as can run at once: a connection borrows one while it answers, never while it waits.
	engines := runtime.GOMAXPROCS(0)
	s.streams = newStreams(tune.limits, engines, opt.Log)
	for range engines {
		e := newEngine(zones.Stream)
		e.single[0].room = make([]byte, maxMessage)
		s.streams.engines <- e
	}
	return s, nil
}

// Addresses returns where the server listens, with the ports that were picked.
func (s *Server) Addresses() []netip.AddrPort { return s.addresses }

// Run answers until ctx ends, then answers what the sockets still hold, for a second at most, and closes them.
// It is called once. Its error is always nil.
func (s *Server) Run(ctx context.Context) error {
	var workers, acceptors sync.WaitGroup
	grace := s.streams.limits.grace
	for _, w := range s.workers {
		workers.Go(func() { w.run(grace) })
	}
	for _, b := range s.bindings {
		acceptors.Go(func() { s.streams.accept(ctx, b.listener) })
	}
	<-ctx.Done()

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
