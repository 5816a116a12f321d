package config

import (
	"time"

	"gopkg.in/yaml.v3"

	"dnsfailover/dnsfailover/cron"
)

// Period is a time that comes again and again.
type Period struct {
	Cron     *cron.Schedule // when it begins
	Timezone *time.Location // in which Cron is read
	For      time.Duration
}

// First returns the first instant from t on that lies in the period.
func (p *Period) First(t time.Time) time.Time {
	if !p.Cron.Last(t, p.For, p.Timezone).IsZero() {
		return t
	}
	return p.Cron.Next(t, p.Timezone)
}

type rawPeriod struct {
	pos
	whole    bool
	cron     leaf[*cron.Schedule]
	timezone leaf[*time.Location]
	duration leaf[time.Duration]
}

func decodePeriod(r *report, n *yaml.Node) *rawPeriod {
	p := &rawPeriod{pos: pos{n.Line, n.Column}}
	p.whole = mapping(r, n, "only_in", `{cron: "0 3 * * *", for: 2h, timezone: Europe/Berlin}`, map[string]func(*yaml.Node){
		"cron":     func(n *yaml.Node) { p.cron = schedule(r, n) },
		"timezone": func(n *yaml.Node) { p.timezone = timezone(r, n) },
		"for":      func(n *yaml.Node) { p.duration = duration(r, n, "for", "2h") },
	})
	return p
}

func (p *rawPeriod) check(r *report) {
	needs(r, p.pos, p.whole, p.cron.from, "only_in", "cron")
	needs(r, p.pos, p.whole, p.duration.from, "only_in", "for")
	between(r, p.duration, "for", MinWindow, MaxWindow, "1s", "744h, 31 days")
}

func (p *rawPeriod) build() *Period {
	return &Period{Cron: p.cron.v, Timezone: p.timezone.v, For: p.duration.v}
}
