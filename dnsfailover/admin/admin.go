package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
)

// Backend is what the API speaks for. Its errors are *api.Problem where the caller can do
// something about them; any other error is logged and hidden.
type Backend interface {
	Status(now time.Time) api.Status
	// Why explains the answer for a fully qualified name that client gets; not valid: one of the public.
	Why(name string, qtype uint16, client netip.Addr, now time.Time) (api.Why, error)
	// Results returns the latest results of the checks of a service, or of one target of it.
	Results(service, target string) (api.Results, error)
	// Reporter returns what takes the reports of a target, if token is the target's or whoever reports is trusted.
	Reporter(service, target, token string, trusted bool) (take func(api.Push), err error)
	// Switch and Release return when the change is stored and served.
	Switch(ctx context.Context, service string, s api.Switch) (api.Service, error)
	Release(ctx context.Context, service, author string) (api.Service, error)
	// Windows returns what is planned; AddWindow plans a window, CancelWindow takes one back and returns what it was.
	Windows(now time.Time) []api.Window
	AddWindow(ctx context.Context, n api.NewWindow) (api.Window, error)
	CancelWindow(ctx context.Context, id, author string) (api.Window, error)
	Reload(ctx context.Context, author string) (api.Reload, error)
	// Simulate returns what would be served at an instant.
	Simulate(s api.Supposition, now time.Time) (api.Simulation, error)
	// History returns what has happened.
	History(q api.HistoryQuery) (api.History, error)
}

// Options are what New needs.
type Options struct {
	Backend   Backend
	Tokens    []config.Token
	Collector prometheus.Collector // what /metrics shows beside the process itself
	Log       *slog.Logger
	Version   string
}

// Limits on what a client may cost.
const (
	maxConns       = 256 // per listener, so that a crowd on TCP never locks the control socket
	maxHeaderBytes = 16 << 10
	maxBodyBytes   = 64 << 10
	headerTimeout  = 5 * time.Second
	readTimeout    = 10 * time.Second
	actTimeout     = 50 * time.Second
	writeTimeout   = 60 * time.Second
	idleTimeout    = 60 * time.Second
	grace          = 5 * time.Second // for requests under way when the server stops
)

// Server is the HTTP API.
type Server struct {
	backend Backend
	tokens  atomic.Pointer[[]token]
	metrics http.Handler
	log     *slog.Logger
	version string
}

// New returns a server that answers for opt.Backend.
func New(opt Options) (*Server, error) {
	metrics, err := metricsHandler(opt.Collector, opt.Log)
	if err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	s := &Server{backend: opt.Backend, metrics: metrics, log: opt.Log, version: opt.Version}
	s.SetTokens(opt.Tokens)
	return s, nil
}

// SetTokens makes list the only tokens that are accepted, from the next request on.
func (s *Server) SetTokens(list []config.Token) {
	hashed := hashTokens(list)
	s.tokens.Store(&hashed)
}

// Serve answers on both listeners, either of which may be nil, until ctx ends; then it lets the
// requests under way finish, and closes them.
func (s *Server) Serve(ctx context.Context, tcp, control net.Listener) error {
	group, ctx := errgroup.WithContext(ctx)
	if tcp != nil {
		group.Go(func() error { return s.serve(ctx, tcp, entrance{openReads: isLoopback(tcp.Addr())}) })
	}
	if control != nil {
		group.Go(func() error { return s.serve(ctx, control, entrance{socket: true}) })
	}
	return group.Wait()
}

func (s *Server) serve(ctx context.Context, listener net.Listener, e entrance) error {
	server := &http.Server{
		Handler:           s.handler(e),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ConnContext:       withPeer,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),

		DisableGeneralOptionsHandler: true, // "OPTIONS *" is no exception
	}
	ctx, cancel := context.WithCancel(ctx)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-ctx.Done()
		deadline, done := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer done()
		if server.Shutdown(deadline) != nil {
			server.Close()
		}
	}()
	err := server.Serve(limit(listener, maxConns, s.log))
	cancel()
	<-stopped
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve the admin API on %s: %w", listener.Addr(), err)
}
