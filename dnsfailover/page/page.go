package page

import (
	"context"
	"log/slog"
	"math"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sync/errgroup"

	"dnsfailover/dnsfailover/admin"
	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
	"dnsfailover/dnsfailover/openfiles"
	"dnsfailover/dnsfailover/page/accesslog"
	"dnsfailover/dnsfailover/page/front"
	"dnsfailover/dnsfailover/tcplisten"
)

// Options are what Serve needs.
type Options struct {
	ConfigFile string
	Log        *slog.Logger
	Version    string
	// Reload asks for a reload each time something is sent.
	Reload <-chan struct{}
}

// Host is a running page host.
type Host struct {
	log      *slog.Logger
	version  string
	services func(time.Time) []api.Service // of the server that we are part of; nil: we run alone

	live   atomic.Pointer[world]
	certs  *certificates
	front  *front.Server
	access *accesslog.Log
	said   *said                   // by an operator
	heard  atomic.Pointer[heard]   // from the source
	silent atomic.Pointer[silence] // of the source; nil: it answers, or there is none

	file      string                 // of the configuration; empty if we are part of a server, which reads it
	loaded    atomic.Pointer[loaded] // from file
	reloading sync.Mutex
	wake      chan struct{} // to the keeper: look again
	changes   chan change   // to the keeper, by who waits for its decision
	kept      chan struct{} // closed when the keeper has ended
	asked     chan struct{} // to who asks the source: ask at once

	listeners []front.Listener
	admin     net.Listener // nil: off
	control   net.Listener
}

// Serve runs a page host until ctx ends.
func Serve(ctx context.Context, opt Options) error {
	cfg, problems := config.LoadPage(opt.ConfigFile)
	if cfg == nil {
		return config.Unusable(opt.ConfigFile, problems)
	}
	h, err := Listen(cfg, opt.Log, opt.Version, nil)
	if err != nil {
		return err
	}
	h.file = opt.ConfigFile
	h.loaded.Store(&loaded{complete: time.Now()})
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return h.Run(ctx) })
	group.Go(func() error { return h.reloadOnDemand(ctx, opt.Reload) })
	h.log.Info("listening", "http", h.addresses(false), "https", h.addresses(true), "admin", addressOf(h.admin), "control", cfg.Control)
	if _, err := daemon.SdNotify(false, daemon.SdNotifyReady); err != nil {
		h.log.Warn("systemd was not notified", "error", err)
	}
	err = group.Wait()
	h.log.Info("stopped")
	return err
}

// Listen opens the sockets of a page host. Services tells what is planned if the host is part of a server; else it is nil.
func Listen(cfg *config.Page, log *slog.Logger, version string, services func(time.Time) []api.Service) (*Host, error) {
	h := newHost(log, version, services)
	if err := h.open(cfg); err != nil {
		h.close()
		return nil, err
	}
	return h, nil
}

func newHost(log *slog.Logger, version string, services func(time.Time) []api.Service) *Host {
	return &Host{
		log: log, version: version, services: services,
		wake: make(chan struct{}, 1), changes: make(chan change), kept: make(chan struct{}), asked: make(chan struct{}, 1),
	}
}

func (h *Host) open(cfg *config.Page) (err error) {
	if h.said, err = recall(cfg.State, h.log); err != nil {
		return err
	}
	if h.certs, err = loadCertificates(cfg, h.log); err != nil {
		return err
	}
	h.enter(h.compile(cfg))
	for _, w := range h.orphans(h.live.Load(), time.Now()) {
		h.log.Warn("doubtful", "warning", w)
	}
	keys := "listen."
	if h.services != nil {
		keys = "listen.page."
	}
	if h.listeners, err = listenAll(cfg, keys, h.log); err != nil {
		return err
	}
	if cfg.Admin.IsValid() {
		if h.admin, err = tcplisten.For(keys+"admin", cfg.Admin); err != nil {
			return err
		}
	}
	if h.control, err = admin.ListenControl(cfg.Control); err != nil {
		return err
	}
	if h.access, err = accesslog.Open(logFile(cfg), cfg.Log != nil && cfg.Log.JSON, h.log); err != nil {
		return err
	}
	h.front = front.New(front.Options{
		Answer: h.answer, Handler: http.HandlerFunc(h.serve), TLS: h.certs.config(len(cfg.HTTPS) > 0), Log: h.log,
		Limits: front.Limits{
			Conns: fitting(cfg.Limits.Conns, openfiles.Limit(), h.log), PerClient: cfg.Limits.PerClient, Head: cfg.Limits.Head, Idle: cfg.Limits.Idle,
			Write: patience, Life: lifeTime, HeadBytes: headBytes,
		},
	})
	return nil
}

// fitting bounds connections by the files that may be open, of which one that is passed on needs two.
func fitting(conns int, files uint64, log *slog.Logger) int {
	most := int(min(files/2, math.MaxInt32))
	if files == 0 || conns <= most {
		return conns
	}
	log.Warn("limits.connections is lowered: the process may have too few files open, and a connection that is passed on needs two; raise LimitNOFILE or ulimit -n",
		"connections", conns, "lowered to", most, "files", files)
	return most
}

const (
	lifeTime  = 5 * time.Minute // of a connection that is always busy
	headBytes = 16 << 10
)

func logFile(cfg *config.Page) string {
	if cfg.Log == nil {
		return ""
	}
	return cfg.Log.File
}

// close gives back what Listen opened.
func (h *Host) close() {
	for _, l := range h.listeners {
		l.Close()
	}
	for _, l := range []net.Listener{h.admin, h.control} {
		if l != nil {
			l.Close()
		}
	}
}

// Run answers until ctx ends; then it lets requests under way finish.
func (h *Host) Run(ctx context.Context) error {
	defer h.access.Close()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return h.keep(ctx) })
	group.Go(func() error { return h.ask(ctx) })
	group.Go(func() error { return h.front.Run(ctx, h.listeners) })
	if h.admin != nil {
		group.Go(func() error { return serveSmall(ctx, h.admin, h.adminHandler(), h.log) })
	}
	group.Go(func() error { return serveSmall(ctx, h.control, h.controlHandler(), h.log) })
	return group.Wait()
}

// look wakes the keeper.
func (h *Host) look() { poke(h.wake) }

// poke tells who listens to c, once for however often it is called meanwhile.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Addresses returns where clients come in, those of HTTP before those of HTTPS.
func (h *Host) Addresses() []string { return append(h.addresses(false), h.addresses(true)...) }

func (h *Host) addresses(secure bool) []string {
	out := []string{}
	for _, l := range h.listeners {
		if l.Secure == secure {
			out = append(out, l.Addr().String())
		}
	}
	return out
}

// addressOf returns where l listens, "off" if it is nil.
func addressOf(l net.Listener) string {
	if l == nil {
		return "off"
	}
	return l.Addr().String()
}
