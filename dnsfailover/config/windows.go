package config

import (
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // for hosts that have none

	"gopkg.in/yaml.v3"

	"dnsfailover/dnsfailover/cron"
)

// Window is a planned period, which comes again and again, in which a service is switched to a target.
type Window struct {
	ID       string // the service's name and the window's place in its list: web-1
	Where    string
	To       int // index of the target
	Cron     *cron.Schedule
	Timezone *time.Location // in which Cron is read
	For      time.Duration
	Reason   string
}

// Guard says what becomes of a window about which something is doubtful.
type Guard string

// Such a window is refused when it is planned, and not begun while its target is down; or it is only reported; or not even that.
const (
	GuardRefuse Guard = "refuse"
	GuardWarn   Guard = "warn"
	GuardOff    Guard = "off"
)

// Bounds of a window: caches notice no shorter one, and a longer one is no maintenance.
const (
	MinWindow = time.Second
	MaxWindow = 31 * 24 * time.Hour
)

const maxReason = 500 // octets

type rawWindow struct {
	pos
	whole    bool
	to       leaf[string]
	cron     leaf[*cron.Schedule]
	timezone leaf[*time.Location]
	duration leaf[time.Duration]
	reason   leaf[string]
}

const windowExample = `{to: backup, cron: "0 3 * * SUN", for: 30m, timezone: Europe/Berlin}`

func decodeWindows(r *report, n *yaml.Node) list[*rawWindow] {
	return sequence(r, n, "windows", "["+windowExample+"]", func(n *yaml.Node) *rawWindow { return decodeWindow(r, n) })
}

func decodeWindow(r *report, n *yaml.Node) *rawWindow {
	w := &rawWindow{pos: pos{n.Line, n.Column}}
	w.whole = mapping(r, n, "a window", windowExample, map[string]func(*yaml.Node){
		"to":       func(n *yaml.Node) { w.to = word(r, n, "to", "the name of a target") },
		"cron":     func(n *yaml.Node) { w.cron = schedule(r, n) },
		"timezone": func(n *yaml.Node) { w.timezone = timezone(r, n) },
		"for":      func(n *yaml.Node) { w.duration = duration(r, n, "for", "30m") },
		"reason":   func(n *yaml.Node) { w.reason = word(r, n, "reason", "why, in a few words") },
	})
	return w
}

func decodeGuard(r *report, n *yaml.Node) leaf[string] {
	return oneOf(r, n, "guard", string(GuardRefuse), string(GuardWarn), string(GuardOff))
}

func schedule(r *report, n *yaml.Node) leaf[*cron.Schedule] {
	s := word(r, n, "cron", `five fields, as in "0 3 * * SUN"`)
	l := typed[*cron.Schedule](s)
	if l.bad {
		return l
	}
	var err error
	if l.v, err = cron.Parse(s.v); err != nil {
		r.problem(l.pos, "cron: %s", err.Error())
		l.bad = true
	}
	return l
}

// timezone reads the name of a time zone of the IANA database. That of this machine is none: the other nameserver's may
// be another.
func timezone(r *report, n *yaml.Node) leaf[*time.Location] {
	s := word(r, n, "timezone", "Europe/Berlin or UTC")
	l := typed[*time.Location](s)
	if l.bad {
		return l
	}
	var err error
	l.v, err = time.LoadLocation(s.v)
	l.bad = true
	switch {
	case strings.EqualFold(s.v, "local"):
		r.problem(l.pos, "timezone can't be %q: the other nameservers may be elsewhere, so name the zone, as in Europe/Berlin", s.v)
	case err != nil:
		r.problem(l.pos, "there is no time zone %q: write it as in Europe/Berlin, America/New_York or UTC", s.v)
	default:
		l.bad = false
	}
	return l
}

func (s *rawService) setWindowDefaults(guard leaf[string]) {
	take(&s.guard, guard)
	for _, w := range s.windows.items {
		fill(&w.timezone, time.UTC, "UTC")
	}
}

func (s *rawService) checkWindows(r *report) {
	names := make([]string, len(s.targets.items))
	for i, t := range s.targets.items {
		names[i] = t.name.v
	}
	for _, w := range s.windows.items {
		needs(r, w.pos, w.whole, w.to.from, "a window", "to")
		needs(r, w.pos, w.whole, w.cron.from, "a window", "cron")
		needs(r, w.pos, w.whole, w.duration.from, "a window", "for")
		between(r, w.duration, "for", MinWindow, MaxWindow, "1s", "744h, 31 days")
		if s.targets.ok() && w.to.ok() && s.target(w.to.v) < 0 {
			r.problem(w.to.pos, "service %q has no target %q%s", s.name.v, w.to.v, suggest(w.to.v, names))
		}
		if len(w.reason.v) > maxReason {
			r.problem(w.reason.pos, "reason has %d bytes: keep it to %d", len(w.reason.v), maxReason)
		}
	}
}

// target returns the index of a target, -1 if there is none of that name.
func (s *rawService) target(name string) int {
	for i, t := range s.targets.items {
		if t.name.v == name {
			return i
		}
	}
	return -1
}

// checkSense warns of a window that hardly ends before it comes again.
func (w *rawWindow) checkSense(r *report) {
	const looked = 60 // occurrences: those of a leap year's months, of two weeks of working days, …
	from := time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC)
	at := w.cron.v.Next(from, w.timezone.v)
	for range looked {
		next := w.cron.v.Next(at, w.timezone.v)
		if next.IsZero() {
			return
		}
		if gap := next.Sub(at); gap <= w.duration.v {
			r.warning(w.duration.pos, "the window lasts %s and comes again after %s: in between, the service doesn't come back", w.duration.text, strings.TrimSuffix(strings.TrimSuffix(gap.String(), "0s"), "0m"))
			return
		}
		at = next
	}
}

func (s *rawService) buildWindows(where func(pos) string) []Window {
	var built []Window
	for i, w := range s.windows.items {
		built = append(built, Window{
			ID: fmt.Sprintf("%s-%d", s.name.v, i+1), Where: where(w.pos), To: s.target(w.to.v),
			Cron: w.cron.v, Timezone: w.timezone.v, For: w.duration.v, Reason: w.reason.v,
		})
	}
	return built
}
