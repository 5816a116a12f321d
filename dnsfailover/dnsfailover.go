package dnsfailover

import (
	"context"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sync/errgroup"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/admin"
	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
	"dnsfailover/dnsfailover/control"
	"dnsfailover/dnsfailover/history"
	"dnsfailover/dnsfailover/hooks"
	"dnsfailover/dnsfailover/metrics"
	"dnsfailover/dnsfailover/page"
	"dnsfailover/dnsfailover/server"
	"dnsfailover/dnsfailover/state"
	"dnsfailover/dnsfailover/tcplisten"
	"dnsfailover/zones"
)

// Options are what Serve needs.
type Options struct {
	ConfigFile string
	Log        *slog.Logger
	Version    string
	// Reload asks for a reload each time something is sent.
	Reload <-chan struct{}
}

// instance is a running server. Only reload, under its lock, changes the world.
type instance struct {
	opt     Options
	log     *slog.Logger
	started time.Time

	store     *state.Store
	history   *history.History
	hooks     *hooks.Hooks
	scheduler *checks.Scheduler
	control   *control.Control
	dns       *server.Server
	admin     *admin.Server
	page      *page.Host // nil: none

	live    atomic.Pointer[zones.Set] // what the sockets read
	answers answers                   // and this
	// told is what status tells of the world; a reload replaces it.
	told atomic.Pointer[told]

	reloading sync.Mutex
	world     *world // under reloading
}

// Serve runs the server until ctx ends, drains it and returns.
func Serve(ctx context.Context, opt Options) error {
	cfg, problems := config.Load(opt.ConfigFile)
	if cfg == nil {
		return config.Unusable(opt.ConfigFile, problems)
	}
	s := &instance{opt: opt, log: opt.Log, started: time.Now()}
	var err error
	if s.store, err = state.Open(cfg.State, state.Options{Log: s.log, MaxAge: cfg.MaxAge}); err != nil {
		return err
	}
	defer s.store.Close()
	s.history = history.Open(cfg.State, history.Options{Log: s.log, Limits: history.DefaultLimits})
	defer s.history.Close()
	s.hooks = hooks.New(s.log, opt.Version)
	s.hooks.Set(cfg.Hooks)
	defer s.hooks.Close()

	if err = s.build(cfg); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.control.Run(ctx) })
	group.Go(func() error { return s.listenAndRun(ctx, group, cfg) })
	err = group.Wait()
	s.control.SaveChecks(s.scheduler.States())
	if err == nil {
		s.act(api.Event{Kind: api.EventStopped, Text: "version " + s.opt.Version})
	}
	s.log.Info("stopped")
	return err
}

// build builds the first world and fills its slots.
func (s *instance) build(cfg *config.Config) (err error) {
	s.world = build(cfg, nil, s.started)
	s.tell(s.world, nil, s.started)
	if s.scheduler, err = checks.NewScheduler(s.log, func(t checks.Transition) { s.control.Report(t) }); err != nil {
		return err
	}
	s.control = control.New(s.world.World, control.Options{Log: s.log, Store: s.store, Probes: s.scheduler, Events: s.hear, Recorded: s.history.Sync})
	return nil
}

// listenAndRun opens the sockets and adds what serves them to group.
func (s *instance) listenAndRun(ctx context.Context, group *errgroup.Group, cfg *config.Config) error {
	if err := s.look(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // told to stop
		}
		return err
	}
	var err error
	s.answers.adopt(cfg, nil)
	if s.dns, err = server.Listen(server.Options{
		Addresses: cfg.Listen.DNS, TLS: tlsOptions(cfg), Log: s.log,
		Set: s.live.Load, Settings: s.answers.settings.Load, Limit: s.answers.limiter.Load,
	}); err != nil {
		return err
	}
	group.Go(func() error { return s.dns.Run(ctx) })
	if err := s.runPage(ctx, group, cfg); err != nil {
		return err
	}
	tcp, socket, err := s.listenAdmin(cfg)
	if err != nil {
		return err
	}
	group.Go(func() error { return s.scheduler.Run(ctx) })
	group.Go(func() error { return s.admin.Serve(ctx, tcp, socket) })
	group.Go(func() error { return s.reloadOnDemand(ctx) })
	facts := []any{"dns", s.dns.Addresses(), "admin", address(tcp), "control", cfg.Listen.Control}
	if cfg.Listen.TLS != nil {
		facts = append(facts, "tls", s.dns.TLSAddresses())
	}
	if s.page != nil {
		facts = append(facts, "page", s.page.Addresses())
	}
	s.log.Info("listening", facts...)
	s.act(api.Event{Kind: api.EventStarted, Text: "version " + s.opt.Version, After: &api.Facts{Config: cfg.Digest}})
	s.notify(daemon.SdNotifyReady)
	return nil
}

// roundTime bounds the round of probes before the first answer.
const roundTime = 5 * time.Second

// look makes the world live. Without a remembered state, one round of probes comes before: then the first answers are
// already chosen by what was seen.
func (s *instance) look(ctx context.Context) error {
	debug.FreeOSMemory() // what loading big zones has left behind
	restored := s.control.Restored()
	s.scheduler.Set(s.world.Config.Checks, restored)
	if len(restored) == 0 {
		round, cancel := context.WithTimeout(ctx, roundTime)
		defer cancel()
		s.scheduler.Round(round)
	}
	if err := s.control.Begin(ctx); err != nil {
		return err
	}
	s.live.Store(s.world.Set)
	return nil
}

// listenAdmin opens the listeners of the API; tcp is nil if that is off.
func (s *instance) listenAdmin(cfg *config.Config) (tcp, socket net.Listener, err error) {
	if cfg.Listen.Admin.IsValid() {
		if tcp, err = tcplisten.For("listen.admin", cfg.Listen.Admin); err != nil {
			return nil, nil, err
		}
	}
	if socket, err = admin.ListenControl(cfg.Listen.Control); err != nil {
		if tcp != nil {
			tcp.Close()
		}
		return nil, nil, err
	}
	s.admin, err = admin.New(admin.Options{
		Backend: s, Tokens: cfg.Tokens, Log: s.log, Version: s.opt.Version,
		Collector: s.withPage(metrics.New(metrics.Options{
			Version: s.opt.Version, Counters: s.dns.Counters, Status: s.Status, Services: s.services,
			Snapshot: s.scheduler.Snapshot, Load: s.scheduler.Load, Reload: s.lastReload, History: s.history.Stats, Hooks: s.hooks.Stats, Saved: s.store.Saved,
		})),
	})
	return tcp, socket, err
}

// address returns where l listens, "off" if it is nil.
func address(l net.Listener) string {
	if l == nil {
		return "off"
	}
	return l.Addr().String()
}

// notify tells systemd, if that started us.
func (s *instance) notify(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		s.log.Warn("systemd was not notified", "error", err)
	}
}
