package policy

import (
	"time"

	"dnsfailover/checks"
)

// Doubts says what is doubtful about w, which is planned for the service of in, in half sentences. holds is the instant from
// which no correct cache points elsewhere in it.
func Doubts(in Input, w Window, holds time.Time) []string {
	name := func(target int) string { return in.Service.Targets[target].Name }
	var out []string
	if in.Verdict(w.Target) == checks.Down {
		text := name(w.Target) + " is down" + in.because(w.Target)
		if in.Refused(w.Target) {
			text += ", and it does not begin while that is so"
		}
		out = append(out, text)
	}
	for _, other := range in.Plan.Windows(latest(in.Now, w.Start)) { // a plan around now may not reach as far
		if other.ID == w.ID || !other.Start.Before(w.End) || !w.Start.Before(other.End) {
			continue
		}
		text := "it overlaps window " + other.ID + " to " + name(other.Target) + " from " + instant(other.Start) + " to " + instant(other.End)
		if other.Target != w.Target {
			text += ", of which the one that starts later wins"
		}
		out = append(out, text)
	}
	if o := in.Override; o.Active(w.Start) && o.Target != w.Target {
		text := "the override to " + name(o.Target) + " lies over it"
		if !o.Until.IsZero() {
			text += " until " + instant(o.Until)
		}
		out = append(out, text)
	}
	if !holds.Before(w.End) {
		out = append(out, "it ends before its caches could drain: some point elsewhere until "+instant(holds))
	}
	return out
}

// HoldsFrom returns the instant from which no correct cache points elsewhere in w: its start, or later if answers that were given
// before w was planned promise more. a is what is served from its first step on, with l up to there.
func (w *Window) HoldsFrom(a *Ahead, l Ledger) time.Time {
	holds := w.Start
	for i, p := range a.Steps {
		if p.Window == nil || p.Window.ID != w.ID || !p.Window.Start.Equal(w.Start) {
			continue
		}
		if i > 0 {
			l = l.Served(a, p.From)
		}
		return latest(holds, l.DrainedAt())
	}
	// It lies behind the edges that were looked at, which bound what is promised from now on, or under something else.
	return latest(holds, latest(l.Present, l.Earlier).Add(time.Second))
}

// maxForecast bounds how many steps a forecast has.
const maxForecast = 100

// Forecast returns what is served from in.Now on until an instant, if nothing happens that isn't known: each step that serves
// something else or by another rule.
func Forecast(in Input, until time.Time) []Forecasted {
	var out []Forecasted
	for len(out) < maxForecast {
		a := Look(in)
		s := a.Steps[0]
		if n := len(out); n == 0 || !out[n-1].Selection.Equal(s.Selection) || out[n-1].Rule != s.Rule {
			out = append(out, Forecasted{s, in.Now, a.Timeline.Segments[0].TTL(in.Now.UnixNano())})
		}
		next := a.Next()
		if next.IsZero() || next.After(until) {
			break
		}
		then := a.Steps[a.At(next)]
		in.Auto, in.Flaps, in.Now = then.Auto, then.Flaps, next
	}
	return out
}

// Forecasted is a step of a forecast, the instant from which it is served and the TTL then, in seconds.
type Forecasted struct {
	Planned
	At  time.Time
	TTL uint32
}
