package dnsfailover

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sync/errgroup"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/admin"
	"dnsfailover/dnsfailover/config"
	"dnsfailover/dnsfailover/control"
	"dnsfailover/dnsfailover/metrics"
	"dnsfailover/dnsfailover/server"
	"dnsfailover/dnsfailover/state"
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
	scheduler *checks.Scheduler
	control   *control.Control
	dns       *server.Server
	admin     *admin.Server

	live atomic.Pointer[zones.Set] // what the sockets read
	// told is what status tells of the world; a reload replaces it.
	told atomic.Pointer[told]

	reloading sync.Mutex
	world     *world // under reloading
}

// Serve runs the server until ctx ends, drains it and returns.
func Serve(ctx context.Context, opt Options) error {
	cfg, problems := config.Load(opt.ConfigFile)
	if cfg == nil {
		return invalid(opt.ConfigFile, problems)
	}
	s := &instance{opt: opt, log: opt.Log, started: time.Now()}
	var err error
	if s.store, err = state.Open(cfg.State, state.Options{Log: s.log, MaxAge: cfg.MaxAge}); err != nil {
		return err
	}
	defer s.store.Close()

	if err = s.begin(ctx, cfg); err != nil {
		return err
	}
	if s.dns, err = server.Listen(server.Options{Addresses: cfg.Listen.DNS, Set: s.live.Load, Log: s.log}); err != nil {
		return err
	}
	tcp, socket, err := s.listenAdmin(cfg)
	if err != nil {
		return err
	}
	s.log.Info("listening", "dns", s.dns.Addresses(), "admin", address(tcp), "control", cfg.Listen.Control)
	return s.run(ctx, tcp, socket)
}

// invalid joins the problems of a configuration to one error, a line each.
func invalid(file string, problems []config.Problem) error {
	lines := make([]string, len(problems))
	for i, p := range problems {
		lines[i] = p.String()
	}
	return fmt.Errorf("%s is not usable:\n%s", file, strings.Join(lines, "\n"))
}

// begin builds the first world and fills its slots. Without a remembered state, one round of probes comes first:
// then the first answers are already chosen by what was seen.
func (s *instance) begin(ctx context.Context, cfg *config.Config) error {
	s.world = build(cfg, nil, s.started)
	s.tell(s.world, nil, s.started)
	var err error
	if s.scheduler, err = checks.NewScheduler(s.log, func(t checks.Transition) { s.control.Report(t) }); err != nil {
		return err
	}
	s.control = control.New(s.world.World, control.Options{Log: s.log, Store: s.store, Snapshot: s.scheduler.Snapshot})
	restored := s.control.Restored()
	s.scheduler.Set(s.world.checks(), restored)
	if len(restored) == 0 {
		s.scheduler.Round(ctx)
	}
	s.live.Store(s.world.Set)
	return nil
}

// listenAdmin opens the listeners of the API; tcp is nil if that is off.
func (s *instance) listenAdmin(cfg *config.Config) (tcp, socket net.Listener, err error) {
	if cfg.Listen.Admin.IsValid() {
		if tcp, err = net.Listen("tcp", cfg.Listen.Admin.String()); err != nil {
			return nil, nil, fmt.Errorf("listen.admin %s: %w", cfg.Listen.Admin, errors.Unwrap(err))
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
		Collector: metrics.New(metrics.Options{
			Version: s.opt.Version, Counters: s.dns.Counters, Status: s.Status, Services: s.services,
			Snapshot: s.scheduler.Snapshot, Reload: s.lastReload,
		}),
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

// run supervises the parts. DNS stops last, so that nothing is refused while the others end.
func (s *instance) run(ctx context.Context, tcp, socket net.Listener) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.control.Run(ctx) })
	group.Go(func() error { return s.scheduler.Run(ctx) })
	group.Go(func() error { return s.dns.Run(ctx) })
	group.Go(func() error { return s.admin.Serve(ctx, tcp, socket) })
	group.Go(func() error { return s.reloadOnDemand(ctx) })
	s.notify(daemon.SdNotifyReady)
	err := group.Wait()
	s.control.SaveChecks(s.scheduler.States())
	s.log.Info("stopped")
	return err
}

// notify tells systemd, if that started us.
func (s *instance) notify(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		s.log.Warn("systemd was not notified", "error", err)
	}
}
