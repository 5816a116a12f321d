package config

import (
	"time"

	"gopkg.in/yaml.v3"
)

// rawFailback is `failback` of a service as the file has it.
type rawFailback struct {
	mode     leaf[string]
	after    leaf[time.Duration]
	holdDown rawHoldDown
	onlyIn   *rawPeriod // nil: none
}

type rawHoldDown struct {
	pos
	off  bool
	from origin
	max  leaf[time.Duration]
}

func (f *rawFailback) decode(r *report, n *yaml.Node) {
	mapping(r, n, "failback", "{mode: auto, after: 1m}", map[string]func(*yaml.Node){
		"mode":      func(n *yaml.Node) { f.mode = oneOf(r, n, "mode", "auto", "manual") },
		"after":     func(n *yaml.Node) { f.after = duration(r, n, "after", "1m") },
		"hold_down": func(n *yaml.Node) { f.holdDown.decode(r, n) },
		"only_in":   func(n *yaml.Node) { f.onlyIn = decodePeriod(r, n) },
	})
}

func (h *rawHoldDown) decode(r *report, n *yaml.Node) {
	h.pos, h.from = pos{n.Line, n.Column}, written
	if h.off = isOff(n); h.off {
		return
	}
	mapping(r, n, "hold_down", `{max: 1h}, or "off"`, map[string]func(*yaml.Node){
		"max": func(n *yaml.Node) { h.max = duration(r, n, "max", "1h") },
	})
}

func (f *rawFailback) setDefaults() {
	fill(&f.mode, "auto", "auto")
	fill(&f.after, time.Minute, "1m")
	fill(&f.holdDown.max, time.Hour, "1h")
	if f.onlyIn != nil {
		fill(&f.onlyIn.timezone, time.UTC, "UTC")
	}
}

func (f *rawFailback) check(r *report) {
	between(r, f.after, "after", 0, 24*time.Hour, "0s", "24h")
	manual := f.mode.ok() && f.mode.v == "manual"
	if f.onlyIn != nil {
		f.onlyIn.check(r)
		if manual {
			r.problem(f.onlyIn.pos, "only_in means nothing to failback by hand: remove it, or write mode: auto")
		}
	}
	f.checkHoldDown(r, manual)
}

func (f *rawFailback) checkHoldDown(r *report, manual bool) {
	hold := f.holdDown
	if hold.from == absent || hold.off {
		return
	}
	if manual {
		r.problem(hold.pos, "hold_down means nothing to failback by hand: remove it, or write mode: auto")
		return
	}
	between(r, hold.max, "max", time.Second, time.Hour, "1s", "1h")
	switch {
	case !f.after.ok():
	case f.after.v == 0:
		r.problem(hold.pos, "hold_down doubles after, and twice nothing is nothing: give after a length, or remove hold_down")
	case hold.max.ok() && hold.max.v < f.after.v:
		blame(r, []leaf[time.Duration]{hold.max, f.after}, "max %s is shorter than after %s, which it lets grow")
	}
}

func (f *rawFailback) build() Failback {
	built := Failback{Manual: f.mode.v == "manual", After: f.after.v}
	if !f.holdDown.off && !built.Manual {
		built.HoldDown = max(f.holdDown.max.v, f.after.v)
	}
	if f.onlyIn != nil {
		built.OnlyIn = f.onlyIn.build()
	}
	return built
}
