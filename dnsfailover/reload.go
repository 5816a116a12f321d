package dnsfailover

import (
	"context"
	"runtime/debug"
	"slices"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
)

// told is what the last loads came to.
type told struct {
	world    *world
	refused  []string  // why the configuration was not taken at the last reload; empty if it was
	complete time.Time // when configuration and all zones were last taken
}

// tell publishes the outcome of a load for status.
func (s *instance) tell(w *world, refused []string, now time.Time) {
	t := &told{world: w, refused: refused}
	if old := s.told.Load(); old != nil {
		t.complete = old.complete
	}
	if len(t.problems()) == 0 {
		t.complete = now
	}
	old := s.told.Swap(t)
	for _, p := range t.problems() {
		s.log.Error("not taken", "problem", p)
	}
	if refused != nil {
		return
	}
	for _, p := range w.allWarnings() {
		if old == nil || !slices.Contains(old.world.allWarnings(), p) { // once, not at each reload
			s.log.Warn("doubtful", "warning", p)
		}
	}
}

// problems returns what of configuration and zones is not served as the files say, one sentence each.
func (t *told) problems() []string {
	out := slices.Clone(t.refused)
	for i, z := range t.world.zones {
		if z.problem != "" {
			zone := t.world.Set.Zones()[i]
			served := "served as it was before"
			if zone.Broken() {
				served = "answered with SERVFAIL"
			}
			out = append(out, "zone "+zone.Name()+" is "+served+": "+z.problem)
		}
	}
	return out
}

// allWarnings returns the warnings of the configuration and of the zones.
func (w *world) allWarnings() []string {
	var out []string
	for _, p := range w.Config.Warnings {
		out = append(out, p.String())
	}
	return append(out, w.warnings...)
}

// lastReload tells when everything was last taken, and whether the last attempt was.
func (s *instance) lastReload() (complete time.Time, ok bool) {
	t := s.told.Load()
	return t.complete, len(t.problems()) == 0
}

// services returns the services that are configured now.
func (s *instance) services() []config.Service { return s.told.Load().world.Config.Services }

// reloadOnDemand reloads whenever it is asked to, by signal. Signals that come meanwhile are one.
func (s *instance) reloadOnDemand(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.opt.Reload:
			if _, err := s.Reload(ctx, "SIGHUP"); err != nil && ctx.Err() == nil {
				s.log.Error("reload", "error", err)
			}
		}
	}
}

// Reload builds a new world from the files and swaps it in. A bad configuration changes nothing; a
// bad zone file keeps that zone as it was.
func (s *instance) Reload(ctx context.Context, author string) (api.Reload, error) {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	s.notify(daemon.SdNotifyReloading)
	defer s.notify(daemon.SdNotifyReady)

	cfg, problems := config.Load(s.opt.ConfigFile)
	if cfg == nil {
		refused := make([]string, len(problems))
		for i, p := range problems {
			refused[i] = p.String()
		}
		s.tell(s.world, refused, time.Now())
		s.reloaded(author, s.world, nil, refused)
		s.history.Sync(ctx)
		return api.Reload{Problems: refused, Warnings: []string{}}, nil
	}
	old := s.world
	var next *world
	giveWay(func() { next = build(cfg, old, time.Now()) })
	next.warnings = append(next.warnings, needRestart(old.Config, cfg)...)
	next.warnings = append(next.warnings, s.reloadPage(old.Config, cfg)...)
	if err := s.control.Replace(ctx, next.World, func() { s.live.Store(next.Set) }); err != nil {
		return api.Reload{}, err
	}
	s.answers.adopt(cfg, old.Config)
	if tls := cfg.Listen.TLS; tls != nil {
		_ = s.dns.UseCertificate(tls.Certificate, tls.Key) // what is wrong with it answerProblems tells
	}
	s.scheduler.Set(next.Config.Checks, s.control.Restored())
	s.admin.SetTokens(cfg.Tokens)
	s.hooks.Set(cfg.Hooks)
	s.world = next
	s.tell(next, nil, time.Now())
	found := append(append([]string{}, s.told.Load().problems()...), s.answerProblems(time.Now())...)
	s.reloaded(author, old, next, found)
	s.history.Sync(ctx)
	giveWay(debug.FreeOSMemory) // of the world before, to which nothing may refer any more, and of loading this one
	s.log.Info("reloaded", "zones", len(next.zones), "services", len(cfg.Services), "problems", len(found))
	return api.Reload{Changed: true, Problems: found, Warnings: append([]string{}, next.allWarnings()...)}, nil
}

// needRestart warns of what a reload can't change.
func needRestart(old, cfg *config.Config) []string {
	var out []string
	for _, c := range []struct {
		key     string
		changed bool
	}{
		{"listen.dns", !slices.Equal(old.Listen.DNS, cfg.Listen.DNS)},
		{"listen.tls", !slices.Equal(tlsAddresses(old), tlsAddresses(cfg))},
		{"listen.admin", old.Listen.Admin != cfg.Listen.Admin},
		{"listen.control", old.Listen.Control != cfg.Listen.Control},
		{"state", old.State != cfg.State},
	} {
		if c.changed {
			out = append(out, cfg.File+": "+c.key+" has changed: restart dnsfailover to use it")
		}
	}
	return out
}
