package page

import (
	"context"
	"slices"
	"time"

	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
)

// loaded is what the last loads of the configuration's file came to. It is immutable.
type loaded struct {
	refused  []string  // why it was not taken the last time; empty if it was
	complete time.Time // when it was last taken
}

// reloadOnDemand reloads whenever it is asked to, by signal.
func (h *Host) reloadOnDemand(ctx context.Context, asked <-chan struct{}) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-asked:
			h.readAgain(time.Now())
		}
	}
}

// readAgain reads the configuration's file again. A bad one changes nothing.
func (h *Host) readAgain(now time.Time) api.Reload {
	h.reloading.Lock()
	defer h.reloading.Unlock()
	cfg, problems := config.LoadPage(h.file)
	if cfg == nil {
		refused := make([]string, len(problems))
		for i, p := range problems {
			refused[i] = p.String()
			h.log.Error("not taken", "problem", refused[i])
		}
		h.loaded.Store(&loaded{refused, h.loaded.Load().complete})
		return api.Reload{Problems: refused, Warnings: []string{}}
	}
	warnings := h.take(cfg)
	for _, w := range warnings {
		h.log.Warn("doubtful", "warning", w)
	}
	h.loaded.Store(&loaded{complete: now})
	h.log.Info("reloaded", "hosts", len(cfg.Hosts))
	return api.Reload{Changed: true, Problems: []string{}, Warnings: append([]string{}, warnings...)}
}

// Reload takes another configuration, and returns what of it needs a restart, or is doubtful.
func (h *Host) Reload(cfg *config.Page) []string {
	h.reloading.Lock()
	defer h.reloading.Unlock()
	return h.take(cfg)
}

// take is Reload for who holds the lock.
func (h *Host) take(cfg *config.Page) []string {
	warnings := needRestart(h.live.Load().config, cfg)
	for _, w := range cfg.Warnings {
		warnings = append(warnings, w.String())
	}
	if err := h.certs.take(cfg); err != nil {
		warnings = append(warnings, err.Error())
	}
	h.settle(h.compile(cfg))
	warnings = append(warnings, h.orphans(h.live.Load(), time.Now())...)
	h.access.Reopen()
	poke(h.asked)
	return warnings
}

// refused returns why the configuration was not taken the last time.
func (h *Host) refused() []string {
	if l := h.loaded.Load(); l != nil {
		return slices.Clone(l.refused)
	}
	return nil
}
