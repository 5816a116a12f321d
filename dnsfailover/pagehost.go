package dnsfailover

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"dnsfailover/dnsfailover/config"
	"dnsfailover/dnsfailover/page"
)

// runPage runs the page host of listen.page, if there is one. It learns what is planned from our own decisions.
func (s *instance) runPage(ctx context.Context, group *errgroup.Group, cfg *config.Config) error {
	if cfg.Listen.Page == nil {
		return nil
	}
	var err error
	if s.page, err = page.Listen(cfg.Listen.Page, s.log, s.opt.Version, s.control.Services); err != nil {
		return err
	}
	group.Go(func() error { return s.page.Run(ctx) })
	return nil
}

// withPage returns the metrics of the server, and those of its page host if there is one.
func (s *instance) withPage(own prometheus.Collector) prometheus.Collector {
	if s.page == nil {
		return own
	}
	return both{own, s.page.Collector()}
}

type both [2]prometheus.Collector

// Describe is part of prometheus.Collector.
func (b both) Describe(out chan<- *prometheus.Desc) { b[0].Describe(out); b[1].Describe(out) }

// Collect is part of prometheus.Collector.
func (b both) Collect(out chan<- prometheus.Metric) { b[0].Collect(out); b[1].Collect(out) }

// reloadPage gives the page host its part of another configuration, and returns what of it needs a restart.
func (s *instance) reloadPage(old, cfg *config.Config) []string {
	switch {
	case (old.Listen.Page == nil) != (cfg.Listen.Page == nil):
		return []string{cfg.File + ": listen.page has changed: restart dnsfailover to use it"}
	case s.page == nil || cfg.Listen.Page == nil:
		return nil
	}
	return s.page.Reload(cfg.Listen.Page)
}
